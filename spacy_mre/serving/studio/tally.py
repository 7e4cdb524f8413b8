"""Sums over all texts about which was decided. They are kept up to date, because adding them up takes longer with each
text that is saved."""

import json
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from .comparing import Analysis, Names, Overlap, entity_items, find_names
from .texts import Text


class _Part(NamedTuple):
    """What was added for a text.

    saved (Optional[dict[str, Any]]): The line that holds, if the text was accepted or corrected.
    shown (Optional[dict[str, Any]]): What was saved, or else what the pipeline found.
    other (Optional[dict[str, Any]]): What the second pipeline found.
    """

    saved: dict[str, Any] | None
    shown: Analysis | None
    other: Analysis | None


class Tally:
    """The sums.

    names (Counter[frozenset[tuple[str, str]]]): How many texts have the same names.
    other (Overlap): The entities that the second pipeline found, and those that were saved.
    """

    def __init__(self) -> None:
        self.names: Counter[Names] = Counter()
        self.other = Overlap()
        self._by_model: defaultdict[str, Overlap] = defaultdict(Overlap)
        self._parts: dict[int, _Part] = {}

    def update(self, text: Text) -> None:
        """Count a text anew, after a decision about it or an answer of a pipeline.

        text (Text): The text.
        """
        before = self._parts.pop(text.key, None)
        if before is not None:
            self._add(before, -1)
        if text.decisions:
            saved = None if text.gold is None else text.decisions[-1]
            self._parts[text.key] = _Part(saved, saved or text.predicted, text.other)
            self._add(self._parts[text.key], 1)

    def of_model(self, model: dict[str, Any]) -> Overlap:
        """RETURNS (Overlap): The entities that a pipeline found and those that were saved, in texts saved with it."""
        return self._by_model.get(_name(model), Overlap())

    def _add(self, part: _Part, times: int) -> None:
        self.names[find_names(part.shown)] += times
        line = part.saved
        if line is None:
            return
        # When it is saved again, the pipeline may have learned from it.
        if line.get("predicted") and line.get("version") == 1:
            self._by_model[_name(line.get("model"))].add(entity_items(line["predicted"]), entity_items(line), times)
        if part.other is not None:
            self.other.add(entity_items(part.other), entity_items(line), times)


def _name(model: Any) -> str:
    return json.dumps(model, sort_keys=True)
