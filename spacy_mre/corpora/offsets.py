"""Offsets that do not count characters (code points), as spaCy does, but what a browser or an option counts."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Literal
from unicodedata import category

from ..errors import Errors
from .reading import Location
from .record import CharOffsets

Unit = Literal["characters", "utf16", "utf8", "graphemes"]
LineEnds = Literal["as they are", "short", "long"]

UNIT_NAMES = {"characters": "characters", "utf16": "UTF-16", "utf8": "UTF-8", "graphemes": "grapheme clusters"}
INSIDE = -1
JOINERS = "\u200c\u200d\uff9e\uff9f"  # zero width (non-)joiner, half-width voicing marks of Japanese
# Skin tones, letters of flags, tags of flags, vowels and final consonants of Korean letters.
PARTS = {*range(0x1F3FB, 0x1F400), *range(0x1F1E6, 0x1F200), *range(0xE0020, 0xE0080), *range(0x1160, 0x1200)}


class Offsets:
    """Converts the offsets of a tool to those of spaCy.

    text (str): The text.
    unit (Unit): "characters": code points. "utf16": code units of UTF-16, as in JavaScript: characters such as emoji
        count twice. "utf8": bytes of UTF-8. "graphemes": what a reader takes for one character, such as an emoji with
        its skin tone, or a line end of two characters.
    line_ends (LineEnds): "short": a carriage return and line feed count once, as in a browser. "long": a line feed
        counts twice, because there was a carriage return before it.
    RAISES (ValueError): For "graphemes", if the package `regex` is not installed.
    """

    def __init__(self, text: str, unit: Unit = "characters", *, line_ends: LineEnds = "as they are") -> None:
        self.unit = unit
        self.positions = _positions(text, unit)
        if line_ends == "short":
            self.positions = [p for p in self.positions if p < 1 or text[p - 1 : p + 1] != "\r\n"]
        elif line_ends == "long":
            self.positions = [q for p in self.positions for q in ([p, p] if text[max(p, 0) : p + 1] == "\n" else [p])]

    def convert(self, start: Any, end: Any, location: Location, what: str) -> CharOffsets:
        """RETURNS (CharOffsets): The offsets in characters of a span, which must not be empty.

        RAISES (CorpusError): If it is not inside the text, or ends within a character.
        """
        start, end = location.check_offsets(start, end, len(self.positions) - 1, what)
        first, last = self.positions[start], self.positions[end]
        if INSIDE in (first, last):
            unit = UNIT_NAMES[self.unit]
            raise location.error(
                f"{what} goes from {start} to {end} in {unit}, which is inside of a character. Perhaps the offsets "
                "count characters"
            )
        return first, last


def has_clusters(text: str) -> bool:
    """RETURNS (bool): Whether some grapheme clusters may have several characters, such as emoji with a skin tone."""
    if "\r\n" in text or text.isascii():
        return "\r\n" in text
    return any(char in JOINERS or ord(char) in PARTS or category(char)[0] == "M" for char in set(text))


def _positions(text: str, unit: Unit) -> Sequence[int]:
    """For each offset in the unit the offset in characters, and at the end the length of the text."""
    if unit == "characters":
        return range(len(text) + 1)
    if unit in ("utf16", "utf8"):
        limits = (0xFFFF,) if unit == "utf16" else (0x7F, 0x7FF, 0xFFFF)
        positions = [p for i, char in enumerate(text) for p in (i, *[INSIDE] * sum(ord(char) > n for n in limits))]
        return [*positions, len(text)]
    try:
        import regex
    except ImportError:
        raise ValueError(Errors.M222) from None
    return [0, *accumulate(len(cluster) for cluster in regex.findall(r"\X", text))]
