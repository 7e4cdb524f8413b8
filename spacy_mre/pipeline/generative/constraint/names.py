"""The names that can be copied from the texts of a batch: where they are, and how many tokens they need."""

from collections.abc import Collection, Sequence

import numpy

from .text_layout import TextLayout
from .token_automaton import UNREACHABLE


class Names:
    """The parts of some texts that can be copied.

    layout (TextLayout): The texts.
    first_positions (numpy.ndarray): The first position of each text, and the end of the last one.
    starts (numpy.ndarray): The positions at which a copy can start.
    start_rows (Sequence[int]): The row of the first start, for each way in which the tokens of a copy can begin.
    firsts (numpy.ndarray): The first edge of each row: one for each position, then one for each start.
    ends (numpy.ndarray): The position to which each edge leads.
    to_end (numpy.ndarray): The fewest tokens from each position to one where a copy can end.
    """

    def __init__(
        self,
        layout: TextLayout,
        first_positions: numpy.ndarray,
        starts: numpy.ndarray,
        start_rows: Sequence[int],
        firsts: numpy.ndarray,
        ends: numpy.ndarray,
        to_end: numpy.ndarray,
    ):
        self._layout = layout
        self._first_positions = first_positions
        self._starts, self._start_rows = starts, start_rows
        self._firsts, self._ends, self._to_end = firsts, ends, to_end
        self._bytes: dict[int, bytes] = {}
        self._places: dict[tuple[int, bytes], list[tuple[int, int]]] = {}
        self._ends_of: dict[tuple[int, frozenset[bytes]], dict[int, tuple[int, ...]]] = {}
        self._costs: dict[tuple[int, int], int] = {}
        self._distances: dict[tuple[int, tuple[int, ...]], dict[int, int]] = {}

    def places(self, text: int, name: bytes) -> list[tuple[int, int]]:
        """Find a name.

        text (int): The index of the text.
        name (bytes): The name, escaped.
        RETURNS (list[tuple[int, int]]): The positions at which it can start and end.
        """
        if (text, name) not in self._places:
            first, data = int(self._first_positions[text]), self._bytes_of(text)
            found, start = [], data.find(name) if name else -1
            while start >= 0:
                place = first + start, first + start + len(name)
                if self._layout.can_start[place[0]] and self._layout.can_end[place[1]]:
                    found.append(place)
                start = data.find(name, start + 1)
            self._places[text, name] = found
        return self._places[text, name]

    def ends_of(self, text: int, names: frozenset[bytes]) -> dict[int, tuple[int, ...]]:
        """RETURNS (dict[int, tuple[int, ...]]): The positions at which some names end, by those at which they start."""
        if (text, names) not in self._ends_of:
            found: dict[int, list[int]] = {}
            for name in names:
                for start, end in self.places(text, name):
                    found.setdefault(start, []).append(end)
            self._ends_of[text, names] = {start: tuple(sorted(ends)) for start, ends in found.items()}
        return self._ends_of[text, names]

    def cost(self, text: int, count: int) -> int:
        """RETURNS (int): The fewest tokens that suffice to write more names than this; UNREACHABLE if there are not so
        many."""
        if (text, count) not in self._costs:
            self._costs[text, count] = max(
                (self._cost(text, count, row) for row in self._start_rows), default=UNREACHABLE
            )
        return self._costs[text, count]

    def distance(self, start: int, position: int, banned: tuple[int, ...]) -> int:
        """The fewest tokens to the end of a copy that must not end everywhere.

        start (int): The position at which the copy starts.
        position (int): The position that it has reached.
        banned (tuple[int, ...]): The positions at which it must not end.
        RETURNS (int): The number of tokens; UNREACHABLE if it can end nowhere.
        """
        if position > banned[-1]:
            return int(self._to_end[position])
        if (start, banned) not in self._distances:
            self._distances[start, banned] = self._distances_from(start, banned)
        return self._distances[start, banned][position]

    def _bytes_of(self, text: int) -> bytes:
        if text not in self._bytes:
            first, last = self._first_positions[text : text + 2]
            self._bytes[text] = self._layout.data[first : last - 1].astype(numpy.uint8).tobytes()
        return self._bytes[text]

    def _cost(self, text: int, count: int, row: int) -> int:
        first, last = numpy.searchsorted(self._starts, self._first_positions[text : text + 2]).tolist()
        reached = [(int(self._starts[i]), row + i) for i in range(first, last)]
        seen, names = set(reached), set()
        tokens = 0
        while reached:
            tokens += 1
            following = []
            for start, position in reached:
                for end in self._ends[self._firsts[position] : self._firsts[position + 1]].tolist():
                    if self._layout.can_end[end]:
                        names.add(self._layout.data[start:end].tobytes())
                        if len(names) > count:
                            return tokens
                    if (start, end) not in seen:
                        seen.add((start, end))
                        following.append((start, end))
            reached = following
        return UNREACHABLE

    def _distances_from(self, start: int, banned: Collection[int]) -> dict[int, int]:
        """The distances from all positions between the start and the last banned end."""
        distances: dict[int, int] = {}
        last = max(banned)
        for position in range(last, start, -1):
            if self._layout.can_end[position] and position not in banned:
                distances[position] = 0
                continue
            ends = self._ends[self._firsts[position] : self._firsts[position + 1]].tolist()
            costs = (distances[end] if end <= last else int(self._to_end[end]) for end in ends)
            distances[position] = min(1 + min(costs, default=UNREACHABLE), UNREACHABLE)
        return distances
