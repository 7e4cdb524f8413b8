"""Offsets that do not count white space: the same in two texts that differ only in it."""

import numpy

from .entities import Offsets


class VisibleOffsets:
    """Converts offsets in a text to those that do not count its white space, and back.

    text (str): The text.

    >>> offsets = VisibleOffsets("In Lima .")
    >>> offsets.of(2, 7), offsets.in_text(2, 6)
    ((2, 6), (3, 7))
    """

    def __init__(self, text: str) -> None:
        self.text = text
        visible = numpy.fromiter((not char.isspace() for char in text), dtype=bool, count=len(text))
        # How many characters that are not white space are before each offset, and where they are.
        self.before = numpy.concatenate(([0], numpy.cumsum(visible)))
        self._places = numpy.flatnonzero(visible)

    def of(self, start: int, end: int) -> Offsets:
        """RETURNS (tuple[int, int]): The offsets of a part of the text, without white space."""
        return int(self.before[start]), int(self.before[end])

    def in_text(self, start: int, end: int) -> Offsets:
        """RETURNS (tuple[int, int]): The offsets in the text; white space at the ends is left out. They are equal if
        the given ones are."""
        first = int(self._places[start]) if start < len(self._places) else len(self.text)
        last = int(self._places[min(end, len(self._places)) - 1]) + 1 if start < end else first
        return first, last
