"""Many texts through a pipeline, in memory that does not grow. A text that cannot be analysed stops no other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple, TypeVar

from spacy.language import Language
from spacy.tokens import Doc

from .zones import memory_zone

# More fill the batches of an encoder better, but need more memory.
BATCH_TOKENS = 10_000
# Characters of an error message that are kept as a reason.
MAX_REASON = 300

Result = TypeVar("Result")


class Fault(NamedTuple):
    """Why a text has no analysis.

    reason (str): For people.
    """

    reason: str


def read_texts(
    nlp: Language, texts: Iterable[Any], read: Callable[[int, Doc], Result], *, batch_tokens: int = BATCH_TOKENS
) -> Iterator[Result | Fault]:
    """Analyse texts, and read what is wanted from each document. The documents themselves are not kept: the memory of
    their strings is freed after each batch (`nlp.memory_zone`). Threads that share a pipeline take turns.

    nlp (Language): The pipeline.
    texts (Iterable[Any]): The texts, which are read one batch at a time. What is not a text gets a fault.
    read (Callable[[int, Doc], Result]): From the index of a text and its analysed document. The result must not refer
        to the document. An exception becomes a fault.
    batch_tokens (int): A batch ends with the text that reaches this number of tokens; each text counts as one more.
        Components get it in batches of about `nlp.batch_size` texts. Default: 10,000.
    YIELDS (Result | Fault): One for each text, in order.

    >>> import spacy
    >>> list(read_texts(spacy.blank("en"), ["Ida lives in Lima.", None], lambda index, doc: len(doc)))
    [5, Fault(reason='the text is missing')]
    """
    numbered = iter(enumerate(texts))
    # Results leave the zone before they are yielded: what the caller does meanwhile is no part of it.
    while results := _read_batch(nlp, numbered, read, batch_tokens):
        yield from results


def find_fault(text: Any, max_length: int) -> str:
    """Why a text cannot be analysed.

    text (Any): What stands in place of the text.
    max_length (int): The most characters.
    RETURNS (str): For people; empty if it can.

    >>> find_fault("Lima \\ud83d", 100)
    'character 6 is half of a surrogate pair'
    """
    if text is None:
        return "the text is missing"
    if isinstance(text, bytes):
        return "the text is not UTF-8"
    if not isinstance(text, str):
        return f"the text is not a string, but {type(text).__name__}"
    if len(text) > max_length:
        return f"the text has {len(text):,} characters, more than the pipeline's max_length of {max_length:,}"
    try:
        text.encode("utf8")
    except UnicodeEncodeError as err:
        return f"character {err.start + 1} is half of a surrogate pair"
    return ""


@dataclass
class _Item:
    """A text of a batch, with its document or its fault."""

    index: int
    text: Any
    doc: Doc | None = None
    reason: str = ""


def _read_batch(
    nlp: Language, numbered: Iterator[tuple[int, Any]], read: Callable[[int, Doc], Result], batch_tokens: int
) -> list[Result | Fault]:
    items: list[_Item] = []
    tokens = 0
    with memory_zone(nlp):
        for index, text in numbered:
            item = _Item(index, text, reason=find_fault(text, nlp.max_length))
            if not item.reason:
                _try(item, nlp.make_doc, text)
            items.append(item)
            tokens += 1 if item.doc is None else len(item.doc) + 1
            if tokens >= batch_tokens:
                break
        _analyse(nlp, [item for item in items if not item.reason])
        return [_result(item, read) for item in items]


def _analyse(nlp: Language, items: list[_Item]) -> None:
    docs = [item.doc for item in items if item.doc is not None]
    if not docs:
        return
    # Batches of equal size, near the one that the pipeline works best with. It may be unset.
    batches = max(round(len(docs) / (nlp.batch_size or len(docs))), 1)
    try:
        found = list(nlp.pipe(docs, batch_size=ceil(len(docs) / batches)))
    except Exception:
        found = []
    # After an error of any component, or if one left out texts, each text is analysed alone.
    for item, doc in zip(items, found if len(found) == len(items) else [None] * len(items)):
        item.doc = doc
        if doc is None:
            _try(item, nlp, item.text)


def _try(item: _Item, make: Callable[[str], Doc], text: str) -> None:
    try:
        item.doc = make(text)
    except Exception as err:
        item.doc, item.reason = None, _as_reason(err)


def _result(item: _Item, read: Callable[[int, Doc], Result]) -> Result | Fault:
    if item.doc is None:
        return Fault(item.reason)
    try:
        return read(item.index, item.doc)
    except Exception as err:
        return Fault(_as_reason(err))


def _as_reason(err: Exception) -> str:
    return " ".join(f"{type(err).__name__}: {err}".split())[:MAX_REASON]
