"""The occurrences of strings in a text, and whether they are words."""

from collections.abc import Callable, Container, Sequence
from functools import lru_cache
from unicodedata import category

from ....annotations.entities import Offsets
from .analysis import Analysis

# See `anchor`.
Normalize = Callable[[str], tuple[str, Sequence[int]]]

# The most occurrences of a string, besides one for each item of the analysis.
MAX_OCCURRENCES = 32


class SearchedText:
    """A text, and the occurrences of strings in it.

    text (str): The text.
    analysis (Analysis): The strings. Their number limits the occurrences that are used.
    normalize (Optional[Callable[[str], tuple[str, Sequence[int]]]]): See `anchor`.
    boundaries (Optional[Container[int]]): See `anchor`.
    """

    def __init__(self, text: str, analysis: Analysis, normalize: Normalize | None, boundaries: Container[int] | None):
        self.text = text
        self.normalize = normalize
        self.boundaries = boundaries
        self.limit = MAX_OCCURRENCES + len(analysis.items or ())
        self.found: dict[str, list[Offsets]] = {}
        self.possible: dict[str, list[Offsets]] = {}
        if normalize is not None:
            self.normalized, offsets = normalize(text)
            self.offsets = [*offsets, len(text)]

    def occurrences(self, string: str) -> list[Offsets]:
        """Find the occurrences of a string.

        string (str): The string.
        RETURNS (list[tuple[int, int]]): Their offsets, from left to right; if there are very many, of the most
            plausible ones.
        """
        if string not in self.found:
            if self.normalize is None:
                offsets = find_all(self.text, string)
            else:
                found = find_all(self.normalized, self.normalize(string)[0].strip())
                originals = {self._original(start, end) for start, end in found}
                offsets = sorted((start, end) for start, end in originals if start < end)
            if len(offsets) > self.limit:
                offsets = sorted(sorted(offsets, key=self.word_ends, reverse=True)[: self.limit])
            self.found[string] = offsets
        return self.found[string]

    def places(self, string: str) -> list[Offsets]:
        """Find the occurrences that an entity or an argument can have: those that neither begin nor end inside of a
        word, or all if there are none.

        string (str): The string.
        RETURNS (list[tuple[int, int]]): Their offsets, from left to right.
        """
        if string not in self.possible:
            found = self.occurrences(string)
            whole = [offsets for offsets in found if not any(map(self._is_inside, offsets))]
            self.possible[string] = whole or found
        return self.possible[string]

    def word_ends(self, offsets: Offsets) -> int:
        """RETURNS (int): The number of ends that are at word boundaries: 0, 1 or 2."""
        if self.boundaries is not None:
            return (offsets[0] in self.boundaries) + (offsets[1] in self.boundaries)
        return _is_boundary(self.text, offsets[0]) + _is_boundary(self.text, offsets[1])

    def _is_inside(self, offset: int) -> bool:
        """Whether an offset is certainly inside of a word. Without given boundaries only words of an alphabet are
        certain: those of Japanese and Chinese are not separated."""
        if not 0 < offset < len(self.text):
            return False
        if self.boundaries is not None:
            return offset not in self.boundaries
        return _is_cased(self.text[offset - 1]) and _is_cased(self.text[offset])

    def _original(self, start: int, end: int) -> Offsets:
        # Normalization may change the number of characters, and remove some.
        first, last = self.offsets[start], max(self.offsets[end], self.offsets[end - 1] + 1)
        while first < last and _is_blank(self.text[last - 1]):
            last -= 1
        while first < last and _is_blank(self.text[first]):
            first += 1
        return first, last


def find_all(text: str, string: str) -> list[Offsets]:
    """RETURNS (list[tuple[int, int]]): The offsets of a string in a text, which may overlap."""
    found = []
    start = text.find(string) if string else -1
    while start >= 0:
        found.append((start, start + len(string)))
        start = text.find(string, start + 1)
    return found


def _is_boundary(text: str, offset: int) -> bool:
    if not 0 < offset < len(text):
        return True
    before, after = _kind(text[offset - 1]), _kind(text[offset])
    return before != after or before == "other"


def _is_cased(char: str) -> bool:
    return category(char) in ("Lu", "Ll", "Lt")


def _is_blank(char: str) -> bool:
    return char.isspace() or category(char) in ("Cc", "Cf")


@lru_cache(maxsize=4096)
def _kind(char: str) -> str:
    """The kind of a character. Japanese words, which are not separated by spaces, often begin where it changes."""
    if "\u3041" <= char <= "\u309f":
        return "hiragana"
    if "\u30a0" <= char <= "\u30ff":
        return "katakana"
    general = category(char)
    if general == "Lo":
        return "ideograph"
    return "letter" if general[0] in "LNM" else "other"
