"""What a grammar is made of: words, choices between words, copies of a part of the text, alternatives, repetition."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Literal:
    """Exactly this string."""

    text: str


@dataclass(frozen=True)
class Choice:
    """Exactly one of these strings."""

    texts: tuple[str, ...]

    def __init__(self, texts: Iterable[str]):
        object.__setattr__(self, "texts", tuple(texts))


@dataclass(frozen=True)
class Copy:
    """A part of the text, escaped; not empty, and without white space at its ends."""


@dataclass(frozen=True)
class FreeWord:
    """Any short text, escaped; see `is_free_word`. Another word in the same place, followed by the same delimiter, is
    not written as a free word."""


@dataclass(frozen=True)
class Repeat:
    """These parts one after another, once or more; the first is a word or a choice. The same parts, up to the last
    copy before a repetition within, at most as often as the text has places for their copies."""

    parts: tuple["Part", ...]

    def __init__(self, parts: Iterable["Part"]):
        object.__setattr__(self, "parts", tuple(parts))


@dataclass(frozen=True)
class Either:
    """One of these sequences of parts."""

    sequences: tuple[tuple["Part", ...], ...]

    def __init__(self, sequences: Iterable[Iterable["Part"]]):
        object.__setattr__(self, "sequences", tuple(tuple(sequence) for sequence in sequences))


Part = Literal | Choice | Copy | FreeWord | Repeat | Either
