"""Escaping: a text may contain the delimiters of a format, each after a backslash."""

import re

from .analysis import FormatError

ESCAPE = "\\"
DELIMITERS = ":;<>/"
ESCAPED = DELIMITERS + ESCAPE

_TO_ESCAPE = re.compile(f"([{re.escape(ESCAPED)}])")
_TO_UNESCAPE = re.compile(rf"\\([{re.escape(ESCAPED)}])")


def escape(text: str) -> str:
    """Put a backslash before every delimiter and every backslash.

    text (str): Any text.
    RETURNS (str): A text without a delimiter of its own: `unescape` gives it back.
    """
    return _TO_ESCAPE.sub(r"\\\1", text)


def unescape(text: str, *, strict: bool = True) -> str:
    """Take the backslashes of `escape` away.

    text (str): An escaped text.
    strict (bool): Reject what `escape` cannot have written; otherwise leave it unchanged.
    RETURNS (str): The text.
    RAISES (FormatError): A delimiter without a backslash, or a backslash without a delimiter, if `strict`.
    """
    if strict and (end := field_end(text, 0)) != len(text):
        raise FormatError(text, end, f"'{text[end]}' must have a backslash before it")
    return _TO_UNESCAPE.sub(r"\1", text)


def field_end(string: str, start: int) -> int:
    """Find where an escaped text ends inside a string.

    string (str): The string.
    start (int): Where the escaped text begins.
    RETURNS (int): The place of the first delimiter without a backslash, or the length of the string.
    RAISES (FormatError): A backslash with nothing to escape behind it.
    """
    place = start
    while place < len(string) and string[place] not in DELIMITERS:
        if string[place] == ESCAPE:
            if string[place + 1 : place + 2] not in tuple(ESCAPED):
                raise FormatError(string, place, "a backslash must be followed by a delimiter or a backslash")
            place += 1
        place += 1
    return place
