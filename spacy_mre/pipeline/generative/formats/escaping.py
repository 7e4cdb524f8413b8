"""Escaping: in a string, each delimiter that belongs to the text follows a backslash."""

import re

from .analysis import FormatError

ESCAPE = "\\"
DELIMITERS = ":;<>/"
ESCAPED = DELIMITERS + ESCAPE

_TO_ESCAPE = re.compile(f"([{re.escape(ESCAPED)}])")
_TO_UNESCAPE = re.compile(rf"\\([{re.escape(ESCAPED)}])")


def escape(text: str) -> str:
    r"""Put a backslash before every delimiter and every backslash.

    >>> print(escape("AC/DC"))
    AC\/DC

    text (str): Any text.
    RETURNS (str): The escaped text.
    """
    return _TO_ESCAPE.sub(r"\\\1", text)


def unescape(text: str, *, strict: bool = True) -> str:
    """Remove the backslashes of `escape`.

    text (str): An escaped text.
    strict (bool): Reject a text that `escape` cannot return; otherwise such parts are left unchanged. Default: True.
    RETURNS (str): The text.
    RAISES (FormatError): If a delimiter has no backslash, or a backslash escapes nothing, and `strict` is set.
    """
    if strict and (end := field_end(text, 0)) != len(text):
        raise FormatError(text, end, f"'{text[end]}' must have a backslash before it")
    return _TO_UNESCAPE.sub(r"\1", text)


def field_end(string: str, start: int) -> int:
    """Find the end of an escaped text within a string.

    string (str): The string.
    start (int): The start of the escaped text.
    RETURNS (int): The position of the first delimiter without a backslash, or the length of the string.
    RAISES (FormatError): If a backslash escapes nothing.
    """
    position = start
    while position < len(string) and string[position] not in DELIMITERS:
        if string[position] == ESCAPE:
            if string[position + 1 : position + 2] not in tuple(ESCAPED):
                raise FormatError(string, position, "a backslash must be followed by a delimiter or a backslash")
            position += 1
        position += 1
    return position
