"""Escaping: in a string, each delimiter that belongs to the text follows a backslash."""

import re
from functools import lru_cache
from unicodedata import category

from .analysis import FormatError

ESCAPE = "\\"
DELIMITERS = ":;<>/"
ESCAPED = DELIMITERS + ESCAPE

# The most characters of a free word, as it is written: with its backslashes.
MAX_WORD = 64

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


@lru_cache(maxsize=65536)
def is_free(char: str) -> bool:
    """RETURNS (bool): Whether a free word may contain a character anywhere, without a backslash. Spaces, the only white
    space, are not at its ends."""
    return char not in ESCAPED and not char.isspace() and category(char) not in ("Cc", "Cs")


def is_free_word(text: str) -> bool:
    """Whether a text can be a word that nobody listed.

    >>> is_free_word("AC/DC album"), is_free_word(" album"), is_free_word("a" * 65)
    (True, False, False)

    text (str): The text, not escaped.
    RETURNS (bool): Whether it is short, not empty, and without white space but single or several spaces inside.
    """
    characters = all(is_free(char) or char in ESCAPED or char == " " for char in text)
    return text == text.strip() != "" and characters and len(escape(text)) <= MAX_WORD


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
