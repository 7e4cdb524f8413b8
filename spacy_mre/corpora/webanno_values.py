"""Escapes and stacked values of WebAnno TSV. A cell without an annotation is `_`, an annotation without a value `*`."""

import re
from collections.abc import Iterator

NOTHING, NO_VALUE = "_", "*"
IN_TEXT = {"\t": "t", "\n": "n", "\f": "f", "\r": "r", "\b": "b"}
CONTROLS = re.compile(r"[\x00-\x0a\x0c-\x1f\\]")
RESERVED = re.compile(r"->|[\\\[\]|_;*\t\n\r]")
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|->|.)", re.DOTALL)
LETTERS = {letter: char for char, letter in IN_TEXT.items()}
STACK = re.compile(r"(?:\\.|[^|\\])+", re.DOTALL)
VALUE = re.compile(r"((?:\\.|[^\\\[])*)(?:\[(\d{1,9})\])?\Z", re.DOTALL)


def escape_text(text: str) -> str:
    """RETURNS (str): A text without tabs, line ends and other control characters."""
    return CONTROLS.sub(lambda match: "\\" + IN_TEXT.get(match[0], match[0]), text)


def escape_value(value: str) -> str:
    """RETURNS (str): The value of a feature in a cell.

    >>> print(escape_value("a_b|c"))
    a\\_b\\|c
    """
    return RESERVED.sub(lambda match: "\\" + IN_TEXT.get(match[0], match[0]), value)


def unescape(given: str, *, codes: bool = False) -> str:
    """Read a text or value.

    given (str): As it is in the file.
    codes (bool): Read codes such as `\\u00e9` too, which versions before 3.2 wrote.
    RETURNS (str): The text.
    """

    def char(match: re.Match[str]) -> str:
        escaped = match[1]
        if len(escaped) == 5:
            return chr(int(escaped[1:], 16)) if codes else escaped
        return LETTERS.get(escaped, escaped)

    text = ESCAPE.sub(char, given)
    if codes:  # a character outside the basic plane has two codes
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def stacked(cell: str) -> Iterator[tuple[str | None, int]]:
    """Read a cell.

    cell (str): The cell.
    YIELDS (tuple[str | None, int]): For each of its annotations the value, None without one, and the id; 0 without one.
    RAISES (ValueError): If it is malformed.

    >>> list(stacked("person[1]|*[2]"))
    [('person', 1), (None, 2)]
    """
    if cell == NOTHING:
        return
    values = STACK.findall(cell)
    if "|".join(values) != cell or not cell:
        raise ValueError(f"invalid cell '{cell[:40]}': expected values with | between them, or _")
    for value in values:
        match = VALUE.match(value)
        if match is None or not match[1]:
            raise ValueError(f"invalid value '{value[:40]}': expected a value, or * without one, and perhaps [ID]")
        yield (None if match[1] == NO_VALUE else unescape(match[1])), int(match[2] or 0)
