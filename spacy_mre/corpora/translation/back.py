"""A sample of the translations is translated back, and compared with the source."""

import random
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...errors import Errors
from ..record import Record
from .engine import Engine, NoAnswer
from .folding import fold
from .label_table import LabelTable
from .marking import mark
from .projection import project
from .prompts import Mode, make_messages
from .row import Translated
from .spending import BudgetSpent

MAX_EXAMPLES = 3


def load_metric() -> Any:
    """RETURNS (sacrebleu.metrics.CHRF): chrF, with its default settings.

    RAISES (ValueError): If sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics import CHRF
    except ImportError:
        raise ValueError(Errors.M284) from None
    return CHRF()


def check_back(
    rows: Iterable[Translated],
    engine: Engine,
    table: LabelTable,
    *,
    source: str,
    target: str,
    share: float = 0.05,
    seed: int = 0,
    mode: Mode = "markers",
    workers: int = 1,
) -> dict[str, Any]:
    """Translate a sample of the kept rows back.

    rows (Iterable[Translated]): The rows.
    engine (Engine): Answers the prompts.
    table (LabelTable): The labels of the way there.
    source (str): The language of the source.
    target (str): The language that it was translated into.
    share (float): The share of the kept rows, above 0; at least one row. Default: 0.05.
    seed (int): Draws the sample. Default: 0.
    mode (Mode): As in `make_messages`. Default: "markers".
    workers (int): How many prompts are sent at the same time. Default: 1.
    RETURNS (dict[str, Any]): Values of JSON. rows: The size of the sample. answered: How many of them have an answer;
        the others are left out. chrf: Of the texts, from 0 to 100; signature: how it was computed. entities: Precision,
        recall and F1 of the entities by text, ignoring case, and label; an answer that could not be read has none.
        examples: The rows with the lowest chrF. A score of nothing is None.
    RAISES (ValueError): If sacrebleu is not installed, the share is not between 0 and 1, or no prompt can be answered.
    """
    if not 0 < share <= 1:
        raise ValueError(Errors.M002.format(value=share, setting="share", range="above 0, at most 1"))
    metric = load_metric()
    sample = _draw([row for row in rows if row.record is not None and row.is_kept], share, seed)
    back_table = table.reversed()

    def translate(row: Translated) -> Record | None:
        """The text of the way back; None without an answer."""
        assert row.record is not None
        marked = mark(row.record, back_table.words)
        try:
            answer = engine.answer(make_messages(marked, target, source, mode=mode))
        except (NoAnswer, BudgetSpent):
            return None
        back = project(row.record, marked, answer.text, back_table, mode)
        return back.record or Record("")

    with ThreadPoolExecutor(workers) as pool:
        answered = [(row, back) for row, back in zip(sample, pool.map(translate, sample)) if back is not None]
    texts = ([back.text for _, back in answered], [[row.source.text for row, _ in answered]])
    examples = [
        {
            "id": row.source.id,
            "source": row.source.text,
            "target": row.record.text if row.record is not None else "",
            "back": back.text,
            "chrf": metric.sentence_score(back.text, [row.source.text]).score,
        }
        for row, back in answered
    ]
    return {
        "rows": len(sample),
        "share": share,
        "seed": seed,
        "answered": len(answered),
        "chrf": metric.corpus_score(*texts).score if answered else None,
        "signature": str(metric.get_signature()) if answered else "",
        "entities": _compare(answered, table),
        "examples": sorted(examples, key=lambda item: (item["chrf"], item["id"]))[:MAX_EXAMPLES],
    }


def _draw(kept: list[Translated], share: float, seed: int) -> list[Translated]:
    """A sample, in the order of the corpus."""
    size = min(len(kept), max(1, round(share * len(kept))))
    return [kept[index] for index in sorted(random.Random(seed).sample(range(len(kept)), size))]


def _compare(answered: list[tuple[Translated, Record]], table: LabelTable) -> dict[str, float | None]:
    found, gold, correct = 0, 0, 0
    for row, back in answered:
        expected, given = _entities(row.source, table), _entities(back, table)
        gold += expected.total()
        found += given.total()
        correct += (expected & given).total()
    return {
        "precision": correct / found if found else None,
        "recall": correct / gold if gold else None,
        "f1": 2 * correct / (found + gold) if found + gold else None,
    }


def _entities(record: Record, table: LabelTable) -> Counter[tuple[str, str]]:
    """The entities by text and target label: of several labels with one target label, only one comes back."""
    entities = record.entities or ()
    return Counter((fold(record.text[e.start : e.end]), table.entities.get(e.label, e.label)) for e in entities)
