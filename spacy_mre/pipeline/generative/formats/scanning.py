"""How is a string of a format read, piece by piece? Strictly, by a cursor that refuses; leniently, by cutting
at each delimiter."""

from collections.abc import Sequence
from typing import NamedTuple

from .analysis import FormatError
from .escaping import ESCAPE, ESCAPED, field_end, unescape


class Piece(NamedTuple):
    """A part of a string, still escaped, with its position."""

    text: str
    start: int
    end: int


class Cursor:
    """Reads a string from left to right and refuses whatever is not expected.

    string (str): The string.
    """

    def __init__(self, string: str):
        self.string = string
        self.place = 0

    @property
    def at_end(self) -> bool:
        return self.place == len(self.string)

    def error(self, reason: str, place: int) -> FormatError:
        return FormatError(self.string, place, reason)

    def take(self, text: str) -> None:
        """Move past a text that is required here."""
        if not self.string.startswith(text, self.place):
            raise self.error(f"'{text}' was expected", self.place)
        self.place += len(text)

    def field(self) -> str:
        """Go past an escaped text, up to the next delimiter or the end. RETURNS (str): The text without its
        backslashes."""
        start, self.place = self.place, field_end(self.string, self.place)
        return unescape(self.string[start : self.place])

    def word(self, labels: dict[str, str], what: str) -> str:
        """Go past a word that must be one of these. RETURNS (str): Its label."""
        start = self.place
        word = self.field()
        if word not in labels:
            raise self.error(f"'{word}' is no {what}", start)
        return labels[word]

    def copied(self) -> str:
        """Go past a piece of the text. RETURNS (str): The piece."""
        start = self.place
        text = self.field()
        if not text or text != text.strip():
            raise self.error("a piece of the text was expected, without white space at its ends", start)
        return text

    def finish(self) -> None:
        if not self.at_end:
            raise self.error("the string should end here", self.place)


def cut(string: str, delimiter: str, start: int = 0) -> list[Piece]:
    """Cut a string at every delimiter that has no backslash before it.

    string (str): The string.
    delimiter (str): One character.
    start (int): Where to begin.
    RETURNS (list[Piece]): The pieces between the delimiters; one more than there are delimiters.
    """
    pieces = []
    first = place = start
    while place < len(string):
        if string[place] == ESCAPE and string[place + 1 : place + 2] in tuple(ESCAPED):
            place += 1
        elif string[place] == delimiter:
            pieces.append(Piece(string[first:place], first, place))
            first = place + 1
        place += 1
    return [*pieces, Piece(string[first:], first, len(string))]


def loosely(text: str) -> str:
    """RETURNS (str): A word so that case, white space and needless backslashes do not count."""
    return "".join(unescape(text, strict=False).split()).casefold()


def joined(string: str, pieces: Sequence[Piece]) -> Piece:
    """RETURNS (Piece): The part of the string from the first of these neighbours to the last, with the delimiters
    between them."""
    start, end = pieces[0].start, pieces[-1].end
    return Piece(string[start:end], start, end)


def plain(piece: Piece) -> str:
    """RETURNS (str): The text of a piece without backslashes and without white space at its ends."""
    return unescape(piece.text, strict=False).strip()
