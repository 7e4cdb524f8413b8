"""Line breaking: from tokens to pieces on lines, and from spans of tokens to segments of lines."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from .shapes import TEXT_SIZE, Piece, Segment, Word
from .widths import starts_cluster, text_width


def break_lines(words: Sequence[Word], left: float, right: float) -> list[Piece]:
    """Break a text into lines.

    Lines are broken after white space and next to full-width characters, but not before closing and not after opening
    punctuation. Line breaks in the text are kept. A word wider than a line is cut.

    words (Sequence[Word]): The tokens.
    left (float): The left edge of the lines.
    right (float): The right edge of the lines.
    RETURNS (list[Piece]): The pieces in reading order, at least one per token.
    """
    pieces: list[Piece] = []
    line, x = 0, left
    for unit in _unbreakable_units(words):
        if x > left and x + _unit_width(words, unit) > right:
            line, x = line + 1, left
        for token in unit:
            parts = _cut(words[token].text, right - left)
            for number, part in enumerate(parts):
                width = _word_width(part)
                space = words[token].space if number == len(parts) - 1 else ""
                if x > left and x + width > right and not part.isspace():
                    line, x = line + 1, left
                end = x + width + text_width(space, TEXT_SIZE)
                pieces.append(Piece(token, part + space, line, x, min(x + width, right), end))
                x = end
            if "\n" in words[token].text:
                line, x = line + 1, left
    return pieces


def segments_of(start: int, end: int, pieces: Iterable[Piece]) -> list[Segment]:
    """Split a span of tokens into one segment per line.

    start (int): The first token.
    end (int): The last token + 1.
    pieces (Iterable[Piece]): The text in lines.
    RETURNS (list[Segment]): The segments, from top to bottom.
    """
    by_line: dict[int, list[Piece]] = {}
    for piece in pieces:
        if start <= piece.token < end:
            by_line.setdefault(piece.line, []).append(piece)
    lines = sorted(by_line)
    return [
        Segment(line, by_line[line][0].left, by_line[line][-1].right, line == lines[0], line == lines[-1])
        for line in lines
    ]


def _unbreakable_units(words: Sequence[Word]) -> Iterator[list[int]]:
    """Runs of tokens without a place for a line break."""
    unit: list[int] = []
    for token, word in enumerate(words):
        if unit and _can_break(words[token - 1], word):
            yield unit
            unit = []
        unit.append(token)
    if unit:
        yield unit


def _can_break(before: Word, after: Word) -> bool:
    if before.space or not before.text or not after.text or before.text.isspace():
        return True
    last, first = before.text[-1], after.text[0]
    opening = unicodedata.category(last) in ("Ps", "Pi")
    closing = unicodedata.category(first) in ("Pe", "Pf", "Po") or first in "ーっッ々"
    if opening or closing:
        return False
    return any(unicodedata.east_asian_width(char) in "WF" for char in (last, first))


def _unit_width(words: Sequence[Word], unit: Sequence[int]) -> float:
    """The width of a unit without the white space at its end."""
    width = sum(_word_width(words[token].text) + text_width(words[token].space, TEXT_SIZE) for token in unit)
    return width - text_width(words[unit[-1]].space, TEXT_SIZE)


def _word_width(text: str) -> float:
    if text.isspace():
        return text_width(" ", TEXT_SIZE)
    return max(text_width(text, TEXT_SIZE), 0.3 * TEXT_SIZE)


def _cut(text: str, width: float) -> list[str]:
    """Cut a word into parts that fit into a line, without separating accents from their letters."""
    if text_width(text, TEXT_SIZE) <= width:
        return [text]
    parts = [""]
    used = 0.0
    for previous, char in zip("\0" + text, text):
        char_width = text_width(char, TEXT_SIZE)
        if parts[-1] and used + char_width > width and starts_cluster(char, previous):
            parts.append("")
            used = 0.0
        parts[-1] += char
        used += char_width
    return parts
