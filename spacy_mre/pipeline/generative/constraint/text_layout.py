"""Texts as arrays of bytes, with the positions at which a copy can start and end."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy

from ..formats.escaping import escape
from .token_table import WORD, Surface, TokenTable
from .token_trie import NOWHERE

# Greater than the offsets in any text.
NO_OFFSET = 1 << 30


class TextLayout(NamedTuple):
    """Escaped texts as bytes. All arrays have one element per position.

    data (numpy.ndarray): The byte after the position; NOWHERE at the end of a text.
    can_start (numpy.ndarray): Whether a copy can start here.
    can_end (numpy.ndarray): Whether a copy can end here.
    after_word (numpy.ndarray): Whether the context is `WORD`, see `TokenTable`.
    chars (numpy.ndarray): The index of the character that contains the byte.
    """

    data: numpy.ndarray
    can_start: numpy.ndarray
    can_end: numpy.ndarray
    after_word: numpy.ndarray
    chars: numpy.ndarray

    @classmethod
    def concatenate(cls, parts: Sequence["TextLayout"]) -> "TextLayout":
        """RETURNS (TextLayout): The layouts of several texts, one after another."""
        empty = cls(*(numpy.zeros(0, dtype) for dtype in (numpy.int64, bool, bool, bool, numpy.int64)))
        return cls(*(numpy.concatenate(arrays) for arrays in zip(empty, *parts)))


def lay_out(surface: Surface, table: TokenTable, allowed: Collection[int] | None) -> TextLayout:
    """Lay out a text. Copies start and end at characters that are not white space, and at allowed offsets. If the
    tokenizer writes several characters for one of the text, all of them are copied.

    surface (Surface): The text as it can be copied.
    table (TokenTable): The strings of the tokens.
    allowed (Optional[Collection[int]]): The offsets in the text at which a copy may start and end; None for all.
    RETURNS (TextLayout): The layout.
    """
    string, firsts, lasts = surface
    written = [_escaped(char) for char in string]
    boundaries = numpy.cumsum([0, *map(len, written)])
    solid = ~numpy.asarray([char.isspace() for char in string], dtype=bool)
    apart = numpy.where(solid, firsts, NO_OFFSET)[1:] >= numpy.where(solid, lasts, 0)[:-1]
    can_start, can_end, after_word = numpy.zeros((3, boundaries[-1] + 1), dtype=bool)
    can_start[boundaries[:-1]] = solid & numpy.append(True, apart)[: len(solid)]
    can_end[boundaries[1:]] = solid & numpy.append(apart, True)[: len(solid)]
    if allowed is not None:
        offsets = numpy.fromiter(allowed, dtype=numpy.int64)
        can_start[boundaries[:-1]] &= numpy.isin(firsts, offsets)
        can_end[boundaries[1:]] &= numpy.isin(lasts, offsets)
    after_word[boundaries[1:]] = [table.context_after(char) == WORD for char in string]
    data = numpy.append(numpy.frombuffer(b"".join(written), dtype=numpy.uint8).astype(numpy.int64), NOWHERE)
    chars = numpy.append(numpy.repeat(numpy.arange(len(string)), numpy.diff(boundaries)), len(string))
    return TextLayout(data, can_start, can_end, after_word, chars)


@lru_cache(maxsize=65536)
def _escaped(char: str) -> bytes:
    return escape(char).encode("utf8")
