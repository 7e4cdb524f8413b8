"""Counts of mistakes by kind. The kinds are described in `text_mistakes`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY
from .text_mistakes import KINDS, TextMistakes, find_text_mistakes

TITLES = {"entities": "entities", "relations": "relations", "cats": "text labels"}


class Mistakes(NamedTuple):
    """Counts of correct items, and of mistakes by kind.

    right (int): Predicted and in gold.
    wrong (dict[str, int]): Predicted but not in gold.
    missed (dict[str, int]): In gold but not predicted.
    """

    right: int
    wrong: dict[str, int]
    missed: dict[str, int]


def find_mistakes(
    examples: Iterable[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    symmetric: Sequence[str] = (),
    multi_label: bool = False,
    threshold: float = 0.5,
) -> dict[str, Mistakes]:
    """Count mistakes by kind, as `find_text_mistakes` defines them.

    examples (Iterable[Example]): Gold and predictions.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels without direction.
    multi_label (bool): Any number of text labels may hold; otherwise the label with the highest score.
    threshold (float): The lowest score of a predicted text label, if several may hold.
    RETURNS (dict[str, Mistakes]): "entities", "relations" and "cats", if there are gold and predictions for them.
    RAISES (ValueError): If gold and prediction have different texts.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> example = Example.from_dict(nlp("Old Lima"), {"entities": [(0, 8, "place")]})
    >>> example.predicted.ents = [example.predicted.char_span(4, 8, label="place")]
    >>> find_mistakes([example])["entities"].wrong
    {'type': 0, 'boundaries': 1, 'type and boundaries': 0, 'no overlap': 0}
    """
    return count_mistakes(
        find_text_mistakes(
            examples, spans_key=spans_key, symmetric=symmetric, multi_label=multi_label, threshold=threshold
        )
    )


def count_mistakes(texts: Iterable[TextMistakes]) -> dict[str, Mistakes]:
    """Count the mistakes of texts by kind.

    texts (Iterable[TextMistakes]): The result of `find_text_mistakes`.
    RETURNS (dict[str, Mistakes]): By level.
    """
    counts: dict[str, Mistakes] = {}
    for text in texts:
        for level, right in text.right.items():
            sofar = counts.get(level) or Mistakes(0, dict.fromkeys(KINDS[level], 0), dict.fromkeys(KINDS[level], 0))
            counts[level] = sofar._replace(right=sofar.right + right)
        for mistake in text.mistakes:
            of_level = counts[mistake.level]
            (of_level.wrong if mistake.what == "wrong" else of_level.missed)[mistake.kind] += 1
    return {level: counts[level] for level in KINDS if level in counts}


def mistakes_tables(found: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Make a table of the mistakes of each level.

    found (Mapping[str, Mapping[str, Any]]): "mistakes" in the result of `evaluate`.
    RETURNS (list[Table]): For `rich.print`. Each kind with its count and share of all predictions and of all gold.
    """
    tables = []
    for name, counts in found.items():
        mistakes = Mistakes(**counts)
        table = Table("", "predicted", "%", "gold", "%", title=f"Mistakes: {TITLES[name]}", title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        predicted = {"right": mistakes.right, **mistakes.wrong}
        gold = {"right": mistakes.right, **mistakes.missed}
        for kind in predicted:
            table.add_row(kind, *_count_and_share(predicted, kind), *_count_and_share(gold, kind))
        tables.append(table)
    return tables


def _count_and_share(counts: Mapping[str, int], kind: str) -> tuple[str, str]:
    total = sum(counts.values())
    return f"{counts[kind]:,}", f"{100 * counts[kind] / total:.1f}" if total else "-"
