"""Translates the records of a corpus, several at a time, in their order."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from ..record import Record
from .engine import Answer, Engine, NoAnswer
from .filters import check_row
from .label_table import LabelTable
from .marking import Marked, mark
from .projection import project
from .prompts import Mode, make_messages
from .refusals import is_prose_refusal
from .row import Reason, Translated
from .spending import BudgetSpent

Asked = tuple[Record, Marked, Future[Answer]]


def translate(
    records: Iterable[Record],
    engine: Engine,
    table: LabelTable,
    *,
    source: str,
    target: str,
    example: tuple[str, str] | None = None,
    mode: Mode = "markers",
    workers: int = 1,
) -> Iterator[Translated]:
    """Translate texts with their annotations (MMM, Gan et al. 2024, arXiv 2407.10953, section 3).

    records (Iterable[Record]): The texts. All are read before the first call.
    engine (Engine): What translates.
    table (LabelTable): The labels of the source, with those of the target.
    source (str): The language of the texts: "ja".
    target (str): The language to translate into.
    example (Optional[tuple[str, str]]): A marked line in both languages, shown to the engine (see `read_example`).
    mode (Mode): "markers": entities are marked in the text. "strings": they are listed beside it, and looked for in the
        translation. Default: "markers".
    workers (int): How many texts are translated at a time. Default: 1.
    YIELDS (Translated): A row for each record, in order. When the budget is spent, those that would cost more are
        dropped.
    RAISES (ValueError): Before the first call, if a label is not in the table; later, if the engine answers nothing
        more.
    """
    records = list(records)
    table.check(records)

    def ask(record: Record, pool: ThreadPoolExecutor) -> Asked:
        marked = mark(record, table.words)
        if not record.text.strip():  # which costs nothing
            return record, marked, pool.submit(Answer, "")
        return record, marked, pool.submit(engine.answer, make_messages(marked, source, target, example, mode))

    known: dict[str, str] = {}
    with ThreadPoolExecutor(workers) as pool:
        # No more than the workers need, so that an error leaves little to do.
        waiting: deque[Asked] = deque()
        try:
            for record in records:
                waiting.append(ask(record, pool))
                if len(waiting) > 2 * workers:
                    yield _read(*waiting.popleft(), table, source, target, mode, known)
            while waiting:
                yield _read(*waiting.popleft(), table, source, target, mode, known)
        finally:
            for *_, future in waiting:
                future.cancel()


def _read(
    record: Record,
    marked: Marked,
    future: Future[Answer],
    table: LabelTable,
    source: str,
    target: str,
    mode: Mode,
    known: dict[str, str],
) -> Translated:
    """The row of an answer, checked."""
    row = Translated(record)
    try:
        answer = future.result()
    except NoAnswer as err:
        row.drop(Reason.NO_ANSWER, str(err))
        return row
    except BudgetSpent:
        row.drop(Reason.BUDGET_SPENT)
        return row
    # What a refusal lacks, or an answer that broke off, is no fault of its own.
    has_marks = "|" in answer.text
    is_refused = answer.is_refused or (not has_marks and is_prose_refusal(answer.text, record.text))
    if is_refused or answer.is_truncated:
        row.reply = answer.text
        row.drop(Reason.REFUSED if is_refused else Reason.TRUNCATED)
        return row
    row = project(record, marked, answer.text, table, mode)
    check_row(row, source, target, known)
    return row
