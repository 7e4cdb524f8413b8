"""The texts of a studio, and what is known about each."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .comparing import Analysis

# JavaScript knows whole numbers of so many bits.
KEY_BITS = 53
SHOWN = 80
# Characters of a text. A longer one has no place on a screen.
MAX_LENGTH = 1_000_000


@dataclass(eq=False)
class Text:
    """A text.

    key (int): Its number. It is the same in each run, so that a page that is still open cannot mean another text.
    text (str): The text.
    id (Optional[str]): Its name in the input.
    about (dict[str, Any]): What else the input has about it: "group" and "meta", as in the JSON lines of `convert`.
    version (int): How many decisions were made about it, those that were taken back included.
    decisions (list[dict[str, Any]]): The lines of the gold file that hold; the last is the present one.
    line (Optional[dict[str, Any]]): The last line of the gold file about it, also one that took a decision back.
    predicted (Optional[dict[str, Any]]): What the pipeline found; None if it was not asked, or failed.
    model (Optional[dict[str, Any]]): Which pipeline found it.
    other (Optional[dict[str, Any]]): What the second pipeline found; None if it was not asked, or failed.
    is_other_asked (bool): Whether the second pipeline has answered.
    error (Optional[str]): Why there is no analysis.
    uncertainty (Optional[float]): From 0 to 1; None if it is not analysed.
    """

    key: int
    text: str
    id: str | None = None
    about: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    decisions: list[dict[str, Any]] = field(default_factory=list)
    line: dict[str, Any] | None = None
    predicted: Analysis | None = None
    model: dict[str, Any] | None = None
    other: Analysis | None = None
    is_other_asked: bool = False
    error: str | None = None
    uncertainty: float | None = None

    @property
    def status(self) -> str:
        """RETURNS (str): "open", "accepted", "corrected", "rejected" or "skipped"."""
        return self.decisions[-1]["status"] if self.decisions else "open"

    @property
    def gold(self) -> Analysis | None:
        """RETURNS (Optional[dict[str, Any]]): What the person saved."""
        if self.status not in ("accepted", "corrected"):
            return None
        return {level: self.decisions[-1][level] for level in ("entities", "relations", "cats")}

    @property
    def is_asked(self) -> bool:
        """RETURNS (bool): Whether the first pipeline has answered."""
        return self.predicted is not None or self.error is not None

    def forget(self) -> None:
        """Forget what the pipeline found."""
        self.predicted = self.model = self.error = self.uncertainty = None

    def as_row(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What a list of texts shows."""
        start = " ".join(self.text[:SHOWN].split())
        return {
            "key": self.key,
            "id": self.id,
            "start": start,
            "status": self.status,
            "uncertainty": self.uncertainty,
        }

    def as_item(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What the page shows of the text."""
        return {
            "key": self.key,
            "id": self.id,
            "text": self.text,
            "status": self.status,
            "version": self.version,
            "model": self.model,
            "predicted": self.predicted,
            "gold": self.gold,
            "other": self.other,
            "error": self.error,
        }


class Texts:
    """All texts, each once, in the order of the input. Those that are only in the gold file come last."""

    def __init__(self) -> None:
        self._by_key: dict[int, Text] = {}
        self._ordered: list[Text] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Text]:
        yield from self._ordered
        yield from (text for key, text in self._by_key.items() if key not in self._places)

    def find(self, key: int) -> Text | None:
        """RETURNS (Optional[Text]): The text of a key, if there is one."""
        return self._by_key.get(key)

    def from_input(self, place: int) -> Text | None:
        """RETURNS (Optional[Text]): The text at a place of the input, if there are so many."""
        return self._ordered[place] if place < len(self._ordered) else None

    def after(self, key: int | None) -> Iterator[Text]:
        """Go once around, from one text.

        key (Optional[int]): The text; None for the beginning.
        YIELDS (Text): All texts that come after it, then those before it.
        """
        place = -1 if key is None else self._places.get(key, -1)
        yield from itertools.islice(self._ordered, place + 1, None)
        yield from (text for text in self._by_key.values() if text.key not in self._places and text.key != key)
        yield from itertools.islice(self._ordered, max(place, 0))

    def add(
        self, text: str, name: str | None = None, about: dict[str, Any] | None = None, *, from_input: bool = True
    ) -> Text:
        """Add a text, if it is not there.

        text (str): The text.
        name (Optional[str]): Its name.
        about (Optional[dict[str, Any]]): See `Text`.
        from_input (bool): Whether it has a place in the order. Default: True.
        RETURNS (Text): The text, or the one that was there.
        """
        digest = hashlib.sha256(text.encode("utf8", "surrogatepass")).digest()
        key = int.from_bytes(digest[:8], "big") >> (64 - KEY_BITS)
        while key in self._by_key and self._by_key[key].text != text:
            key = (key + 1) % 2**KEY_BITS
        found = self._by_key.setdefault(key, Text(key, text, name))
        if from_input and key not in self._places:
            self._places[key] = len(self._ordered)
            self._ordered.append(found)
        if found.id is None:
            found.id = name
        found.about = found.about or about or {}
        return found
