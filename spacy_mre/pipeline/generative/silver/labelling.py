"""Labels raw texts, several at a time, in their order."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from spacy.tokens import Doc

from ....corpora.record import Record
from ....corpora.translation.engine import Answer, Engine, NoAnswer
from ....corpora.translation.spending import BudgetSpent
from ..formats.from_docs import token_boundaries
from .form import SilverForm
from .prompts import make_chat
from .reading import read_sample
from .row import Labelled, Lost, Reason, Sample
from .voting import samples_needed, vote

Asked = tuple[Record, list[Future[Answer]]]


def label(
    texts: Iterable[Record],
    engines: Sequence[Engine],
    form: SilverForm,
    *,
    shots: Sequence[tuple[str, str]] = (),
    agreement: float | None = None,
    make_doc: Callable[[str], Doc] | None = None,
    workers: int = 1,
) -> Iterator[Labelled]:
    """Annotate raw texts with language models, and keep what they agree on.

    texts (Iterable[Record]): The texts. Annotations that they have are replaced.
    engines (Sequence[Engine]): One for each sample: the same model several times, or different ones.
    form (SilverForm): The labels (see `make_form`).
    shots (Sequence[tuple[str, str]]): Examples that are shown (see `choose_shots`). Default: none.
    agreement (Optional[float]): The share of samples that must have an annotation. Default: None, more than half.
    make_doc (Optional[Callable[[str], Doc]]): Makes the tokens of a text: `nlp.make_doc`. Names are rather found at
        their boundaries. Default: None, where the kind of character changes.
    workers (int): How many answers are waited for at a time. Default: 1.
    YIELDS (Labelled): A row for each text, in order. When the budget is spent, those that would cost more are dropped.
    RAISES (ValueError): If an engine answers nothing more.
    """
    needed = samples_needed(len(engines), agreement)
    with ThreadPoolExecutor(workers) as pool:
        # No more than the workers need, so that an error leaves little to do.
        waiting: deque[Asked] = deque()
        try:
            for record in texts:
                asked: list[Future[Answer]] = []
                if record.text.strip():
                    chat = make_chat(record.text, form, shots)
                    asked = [pool.submit(engine.answer, chat) for engine in engines]
                waiting.append((record, asked))
                if len(waiting) * len(engines) > 2 * workers:
                    yield _read(*waiting.popleft(), form, needed, make_doc)
            while waiting:
                yield _read(*waiting.popleft(), form, needed, make_doc)
        finally:
            for _, futures in waiting:
                for future in futures:
                    future.cancel()


def _read(
    record: Record,
    futures: Sequence[Future[Answer]],
    form: SilverForm,
    needed: int,
    make_doc: Callable[[str], Doc] | None,
) -> Labelled:
    if not futures:  # which costs nothing
        return Labelled(record, reasons=[Lost(Reason.BLANK)])
    boundaries = None if make_doc is None else token_boundaries(make_doc(record.text))
    return vote(record, [_sample(record.text, future, form, boundaries) for future in futures], form, needed)


def _sample(text: str, future: Future[Answer], form: SilverForm, boundaries: Container[int] | None) -> Sample:
    try:
        answer = future.result()
    except NoAnswer as err:
        return Sample(fault=Lost(Reason.NO_ANSWER, str(err)))
    except BudgetSpent:
        return Sample(fault=Lost(Reason.BUDGET_SPENT))
    return read_sample(text, answer, form, boundaries=boundaries)
