"""The column MISC of CoNLL-U: pairs of a key and a value with `|` between them. White space is written as UDPipe does:
SpaceAfter=No, and SpacesBefore, SpacesAfter and SpacesInToken with escapes.
"""

import re

ESCAPES = {"\\s": " ", "\\t": "\t", "\\r": "\r", "\\n": "\n", "\\p": "|", "\\\\": "\\"}
CODES = {char: code for code, char in ESCAPES.items()}


def get_value(misc: str, key: str) -> str:
    """RETURNS (str): The value of a key; empty if it has none.

    >>> get_value("SpaceAfter=No|NE=B-place", "NE")
    'B-place'
    """
    if f"{key}=" not in misc:
        return ""
    pairs = (pair.partition("=") for pair in misc.split("|"))
    value = next((value for name, _, value in pairs if name == key), "")
    return "" if value in ("_", "*") else value


def has_key(misc: str, key: str) -> bool:
    """RETURNS (bool): Whether there is a key, also if its value is `_`."""
    return any(pair.startswith(f"{key}=") for pair in misc.split("|"))


def escape(text: str) -> str:
    """RETURNS (str): A text without white space of lines and columns.

    >>> print(escape("a |"))
    a\\s\\p
    """
    return re.sub(r"[ \t\r\n|\\]", lambda match: CODES[match[0]], text)


def unescape(text: str) -> str:
    """RETURNS (str): What was escaped."""
    return re.sub(r"\\[strnp\\]", lambda match: ESCAPES[match[0]], text)
