"""Reading of strings: a `Cursor` reads strictly, and `split` splits any string at a delimiter."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from .analysis import FormatError
from .escaping import DELIMITERS, ESCAPE, ESCAPED, field_end, is_free_word, unescape

# The fullwidth forms of the delimiters, which other converters write in Japanese and Chinese.
_WIDE = {ord(delimiter) + 0xFEE0: delimiter for delimiter in DELIMITERS}
# Spellings of the same Japanese word, as they are normalized.
_SPELLINGS = {"そのほか": "その他", "その外": "その他"}
# Words for no result in the data of others.
NONE_WORDS = frozenset({"無い", "無し", "なし", "ない", "無", "无", "没有", "none"})


def says_none(string: str, none_word: str) -> bool:
    """RETURNS (bool): Whether a string ends with a marker for no result, in any spelling and with any delimiters.

    string (str): The string.
    none_word (str): The word of the task for no result.
    """
    last = normalized(narrowed(string).rstrip().rstrip(";").replace(";", ":").rpartition(":")[2])
    return last in NONE_WORDS | {normalized(none_word)}


class Segment(NamedTuple):
    """A part of a string, still escaped, with its offsets."""

    text: str
    start: int
    end: int


class Cursor:
    """Reads a string from left to right, and raises an error at the first unexpected character.

    string (str): The string.
    """

    def __init__(self, string: str):
        self.string = string
        self.position = 0

    @property
    def at_end(self) -> bool:
        """RETURNS (bool): Whether the whole string has been read."""
        return self.position == len(self.string)

    def error(self, reason: str, position: int) -> FormatError:
        """RETURNS (FormatError): An error at a position."""
        return FormatError(self.string, position, reason)

    def take(self, text: str) -> None:
        """Read a required text."""
        if not self.string.startswith(text, self.position):
            raise self.error(f"'{text}' was expected", self.position)
        self.position += len(text)

    def field(self) -> str:
        """Read an escaped text, up to the next delimiter or the end. RETURNS (str): The text, unescaped."""
        start, self.position = self.position, field_end(self.string, self.position)
        return unescape(self.string[start : self.position])

    def word(self, labels: dict[str, str], what: str) -> str:
        """Read one of the words in `labels`. RETURNS (str): Its label."""
        start = self.position
        word = self.field()
        if word not in labels:
            raise self.error(f"'{word}' is no {what}", start)
        return labels[word]

    def free_word(self, labels: dict[str, str], taken: str, what: str) -> str:
        """Read one of the words in `labels`, or another free word than the one that is taken. RETURNS (str): Its label,
        which is a free word itself."""
        start = self.position
        word = self.field()
        if word == taken or not is_free_word(word):
            raise self.error(f"'{word}' can be no {what}", start)
        return labels.get(word, word)

    def copied(self) -> str:
        """Read a string that is copied from the text. RETURNS (str): The string."""
        start = self.position
        text = self.field()
        if not text or text != text.strip():
            raise self.error("a part of the text was expected, without white space at its ends", start)
        return text

    def finish(self) -> None:
        """Check that the whole string has been read."""
        if not self.at_end:
            raise self.error("the string should end here", self.position)


def split(string: str, delimiter: str, start: int = 0) -> list[Segment]:
    """Split a string at every delimiter that has no backslash before it.

    string (str): The string.
    delimiter (str): One character.
    start (int): The offset from which to read. Default: 0.
    RETURNS (list[Segment]): The segments between the delimiters.
    """
    segments = []
    first = position = start
    while position < len(string):
        if string[position] == ESCAPE and string[position + 1 : position + 2] in tuple(ESCAPED):
            position += 1
        elif string[position] == delimiter:
            segments.append(Segment(string[first:position], first, position))
            first = position + 1
        position += 1
    return [*segments, Segment(string[first:], first, len(string))]


def join(string: str, segments: Sequence[Segment]) -> Segment:
    """RETURNS (Segment): The part of the string from the first to the last of adjacent segments, with the delimiters
    between them."""
    start, end = segments[0].start, segments[-1].end
    return Segment(string[start:end], start, end)


def plain(segment: Segment) -> str:
    """RETURNS (str): The text of a segment, unescaped and without white space at its ends."""
    return unescape(segment.text, strict=False).strip()


def normalized(text: str) -> str:
    """RETURNS (str): A word for lenient comparison: unescaped, without white space, case-folded, with fullwidth and
    halfwidth forms and spellings of the same word made equal.

    >>> normalized("そのほかの組織名（全て）") == normalized("その他の 組織名(全て)")
    True
    """
    word = "".join(unicodedata.normalize("NFKC", unescape(text, strict=False)).split()).casefold()
    for spelling, usual in _SPELLINGS.items():
        word = word.replace(spelling, usual)
    return word


def narrowed(string: str) -> str:
    """RETURNS (str): A string with the fullwidth forms of delimiters replaced by the delimiters. Offsets stay the same.

    >>> narrowed("：人名；Ada")
    ':人名;Ada'
    """
    return string.translate(_WIDE)
