"""Approximate text widths, for a layout without the reader's fonts. `textLength` in the SVG makes them exact."""

import unicodedata

# Arial, Helvetica and Liberation Sans, the first fonts in the style sheet: hundredths of an em, from space to tilde.
_ASCII = (
    "28 28 36 56 56 89 67 19 33 33 39 58 28 33 28 28 56 56 56 56 56 56 56 56 56 56 28 28 58 58 58 56 "
    "102 67 67 72 72 67 61 78 72 28 50 67 56 83 72 78 67 78 72 67 61 72 67 94 67 67 61 28 28 28 47 56 "
    "33 56 56 50 56 56 28 56 56 22 22 50 22 83 56 56 56 56 33 50 28 56 50 72 50 50 50 33 26 33 58"
)
_WIDTHS = {chr(32 + number): int(width) / 100 for number, width in enumerate(_ASCII.split())}
_WIDTHS.update({"‘": 0.22, "’": 0.22, "“": 0.33, "”": 0.33, "…": 1.0, "—": 1.0, "–": 0.56, "·": 0.33})

_EMOJI = 1.3
_JOINER = "\u200d"


def text_width(text: str, size: float = 1.0) -> float:
    """Estimate the width of a text in a proportional sans-serif font.

    text (str): The text.
    size (float): The font size.
    RETURNS (float): The width, in the unit of the font size.

    >>> round(text_width("Oslo", 10), 2), text_width("東京", 10)
    (20.6, 20.0)
    """
    before = "\0" + text
    return size * sum(_char_width(char, previous) for char, previous in zip(text, before))


def starts_cluster(char: str, previous: str) -> bool:
    """Test whether a line can be broken before a character, which is not the case if it modifies the previous one.

    char (str): The character.
    previous (str): The character before it.
    RETURNS (bool): Whether it can.
    """
    return bool(previous) and previous != _JOINER and _char_width(char, previous) > 0


def _char_width(char: str, previous: str) -> float:
    if char in _WIDTHS:
        return _WIDTHS[char]
    category = unicodedata.category(char)
    if category in ("Mn", "Me", "Cf") or previous == _JOINER or "\U0001f3fb" <= char <= "\U0001f3ff":
        return 0.0
    if "\U0001f1e6" <= char <= "\U0001f1ff":  # two of these letters are one flag
        return _EMOJI / 2
    east_asian = unicodedata.east_asian_width(char)
    if east_asian in "WF":
        return _EMOJI if category == "So" and char >= "\U0001f000" else 1.0
    if east_asian == "H":
        return 0.5
    base = unicodedata.normalize("NFD", char)[0]
    return _WIDTHS.get(base, 0.58)
