"""The words of a text for formats whose tokens are never white space."""

import re
from collections.abc import Sequence
from itertools import pairwise

from .record import CharOffsets

WORD = re.compile(r"\S+")


def words_in(text: str, tokens: Sequence[CharOffsets] | None) -> list[CharOffsets]:
    """Get tokens that contain all of a text but white space.

    text (str): The text.
    tokens (Sequence[tuple[int, int]] | None): Its tokens. What is in none of them is added; those of white space only
        are left out.
    RETURNS (list[tuple[int, int]]): The tokens.

    >>> words_in("Ada met Bo", [(0, 3), (3, 4)])
    [(0, 3), (4, 7), (8, 10)]
    """
    words: list[CharOffsets] = []
    for left, right in pairwise([(0, 0), *(tokens or ()), (len(text), len(text))]):
        words += [match.span() for match in WORD.finditer(text, left[1], right[0])]
        if text[slice(*right)].strip():
            words.append(right)
    return words
