"""Memory zones of a vocabulary that several threads share."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, RLock

from spacy.language import Language
from spacy.vocab import Vocab


class _Turn:
    """The lock of a vocabulary.

    users (int): The threads that hold it or wait for it.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.users = 0


# By the identity of the vocabulary, which nothing else can have while it is in use.
_turns: dict[int, _Turn] = {}
_changes = Lock()


@contextmanager
def memory_zone(nlp: Language) -> Iterator[None]:
    """Free the memory of new strings at the end (`nlp.memory_zone`). Zones of a vocabulary cannot overlap: a thread
    waits until that of another thread has ended, and uses the zone that its caller has opened.

    nlp (Language): The pipeline.
    YIELDS (None): When it is the turn of this thread.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> with memory_zone(nlp), memory_zone(nlp):
    ...     doc = nlp("unheardof")
    >>> "unheardof" in nlp.vocab.strings
    False
    """
    with _turn(nlp.vocab):
        # Now only the caller can have opened one.
        if nlp.vocab.in_memory_zone:  # type: ignore[attr-defined]
            yield
        else:
            with nlp.memory_zone():
                yield


@contextmanager
def _turn(vocab: Vocab) -> Iterator[None]:
    with _changes:
        turn = _turns.setdefault(id(vocab), _Turn())
        turn.users += 1
    try:
        with turn.lock:
            yield
    finally:
        with _changes:
            turn.users -= 1
            if not turn.users:
                del _turns[id(vocab)]
