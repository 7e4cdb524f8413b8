"""Which predicted spans may overlap: the policies, the policy that fits the training data, and how conflicts are
resolved."""

from collections.abc import Iterable
from typing import Literal, get_args

import numpy

from ...annotations.entities import Offsets
from ...annotations.nesting import count_nested
from ...arrays import expand_ranges

# Values of a component's `overlap`; "learned" is the policy that fits the training data.
Overlap = Literal["learned", "flat", "flat_by_label", "nested", "any"]
# The policies, each allowing what the one before it allows.
POLICIES = get_args(Overlap)[1:]
# If fewer entities of the training data are inside another one, a predicted nested entity is rather an error.
LEAST_NESTED = 0.05
# Repetitive texts have long chains of equal scores, of which every round resolves one link. After so many rounds, go
# on one by one.
MAX_ROUNDS = 50


class Nesting:
    """Counts the entities of a corpus that are inside another one.

    >>> nesting = Nesting()
    >>> nesting.add([((0, 3), "company"), ((0, 1), "place")])
    >>> nesting.policy
    'flat_by_label'
    >>> nesting.add([((0, 3), "place"), ((0, 1), "place")])
    >>> nesting.policy
    'nested'
    """

    def __init__(self) -> None:
        self.entities = 0
        self.nested = 0
        self.nested_in_label = 0

    def add(self, entities: Iterable[tuple[Offsets, str]]) -> None:
        """Count the entities of one text.

        entities (Iterable[tuple[Offsets, str]]): Start and end, and the label, of each.
        """
        by_label: dict[str, list[Offsets]] = {}
        for offsets, label in entities:
            by_label.setdefault(label, []).append(offsets)
        every = [offsets for of_label in by_label.values() for offsets in of_label]
        self.entities += len(every)
        self.nested += count_nested(every)
        self.nested_in_label += sum(map(count_nested, by_label.values()))

    @property
    def policy(self) -> str:
        """RETURNS (str): The overlap policy that fits the corpus: "nested" if at least one entity in twenty is inside
        another one of its label; else "flat_by_label" if at least one in twenty is inside another one; else "flat".
        """
        if self._is_common(self.nested_in_label):
            return "nested"
        return "flat_by_label" if self._is_common(self.nested) else "flat"

    def _is_common(self, count: int) -> bool:
        return count > 0 and count >= LEAST_NESTED * self.entities


def wider_policy(one: str, other: str) -> str:
    """RETURNS (str): Of two policies the one that allows more."""
    return max(one, other, key=POLICIES.index)


def resolve_overlaps(
    starts: numpy.ndarray, ends: numpy.ndarray, labels: numpy.ndarray, scores: numpy.ndarray, policy: str
) -> numpy.ndarray:
    """Which spans are kept if the better-scored span of two conflicting ones wins.

    The result is that of a greedy pass over the spans sorted by score, then start, then greater length. It is
    computed in rounds over all spans at once: a span that is better than all it still conflicts with is kept, and a
    span that conflicts with a kept one is removed.

    starts (numpy.ndarray): First rows in the flat tokens of the batch, shape (spans,).
    ends (numpy.ndarray): Rows after the last, shape (spans,).
    labels (numpy.ndarray): Numbers of their labels, shape (spans,). Only "flat_by_label" reads them.
    scores (numpy.ndarray): Shape (spans,).
    policy (str): "flat": no two spans overlap; "flat_by_label": a span may contain another one of another label, but
        they may not cross; "nested": a span may contain any other, but they may not cross; "any": all are kept.
    RETURNS (numpy.ndarray): True for the spans that are kept, shape (spans,).
    """
    alive = numpy.ones(len(starts), dtype=bool)
    if policy == "any" or len(starts) < 2:
        return alive
    rank = numpy.empty(len(starts), dtype=numpy.int64)
    rank[numpy.lexsort((starts - ends, starts, -scores))] = numpy.arange(len(starts))
    first, second = _conflicts(starts, ends, labels, policy)
    better = numpy.where(rank[first] < rank[second], first, second)
    worse = numpy.where(rank[first] < rank[second], second, first)
    chosen = numpy.zeros(len(starts), dtype=bool)
    for _ in range(MAX_ROUNDS):
        open_conflicts = alive[better] & alive[worse]
        better, worse = better[open_conflicts], worse[open_conflicts]
        beaten = numpy.zeros(len(starts), dtype=bool)
        beaten[worse] = True
        winners = alive & ~beaten
        chosen |= winners
        alive &= beaten
        alive[worse[winners[better]]] = False
        if not alive.any():
            return chosen
    order = numpy.argsort(rank[better], kind="stable")
    better, worse = better[order], worse[order]
    remaining = numpy.flatnonzero(alive)
    remaining = remaining[numpy.argsort(rank[remaining])]
    firsts, lasts = (numpy.searchsorted(rank[better], rank[remaining], side=side) for side in ("left", "right"))
    for span, first, last in zip(remaining, firsts, lasts):
        if alive[span]:
            chosen[span] = True
            alive[worse[first:last]] = False
    return chosen


def _conflicts(
    starts: numpy.ndarray, ends: numpy.ndarray, labels: numpy.ndarray, policy: str
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """All pairs of conflicting spans: each span with those that start later, but before its end."""
    order = numpy.lexsort((ends, starts))
    sorted_starts, sorted_ends = starts[order], ends[order]
    after_self = numpy.arange(1, len(order) + 1)
    counts = numpy.searchsorted(sorted_starts, sorted_ends, side="left") - after_self
    first = numpy.repeat(numpy.arange(len(order)), counts)
    second = expand_ranges(after_self, counts)
    conflicting = numpy.ones(len(first), dtype=bool)
    if policy != "flat":
        conflicting = (sorted_starts[first] < sorted_starts[second]) & (sorted_ends[first] < sorted_ends[second])
    first, second = order[first], order[second]
    if policy == "flat_by_label":
        conflicting |= labels[first] == labels[second]
    return first[conflicting], second[conflicting]
