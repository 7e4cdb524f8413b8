"""Which predicted spans may overlap: the policies, the policy that fits the training data, and how conflicts are
resolved."""

from collections.abc import Iterable
from typing import Literal

import numpy

from ...annotations.entities import Offsets
from ...arrays import expand_ranges

# Values of a component's `overlap`; "learned" is the policy that fits the training data.
Overlap = Literal["learned", "flat", "nested", "any"]
# If fewer entities of the training data are inside another one, a predicted nested entity is rather an error.
LEAST_NESTED = 0.05
# Repetitive texts have long chains of equal scores, of which every round resolves one link. After so many rounds, go
# on one by one.
MAX_ROUNDS = 50


def learned_policy(nested: int, entities: int) -> str:
    """The overlap policy that fits the training data.

    nested (int): How many entities are inside another one.
    entities (int): How many entities there are.
    RETURNS (str): "nested" if at least one entity in twenty is inside another one; else "flat".
    """
    return "nested" if nested and nested >= LEAST_NESTED * entities else "flat"


def count_nested(places: Iterable[Offsets]) -> int:
    """Count the entities of a text that are inside another one.

    places (Iterable[Offsets]): Start and end of each. Of two with the same offsets one is inside the other.
    RETURNS (int): Their number.
    """
    nested = reach = 0
    for _, end in sorted(places, key=lambda place: (place[0], -place[1])):
        nested += end <= reach
        reach = max(reach, end)
    return nested


def resolve_overlaps(starts: numpy.ndarray, ends: numpy.ndarray, scores: numpy.ndarray, policy: str) -> numpy.ndarray:
    """Which spans are kept if the better-scored span of two conflicting ones wins.

    The result is that of a greedy pass over the spans sorted by score, then start, then greater length. It is
    computed in rounds over all spans at once: a span that is better than all it still conflicts with is kept, and a
    span that conflicts with a kept one is removed.

    starts (numpy.ndarray): First rows in the flat tokens of the batch, shape (spans,).
    ends (numpy.ndarray): Rows after the last, shape (spans,).
    scores (numpy.ndarray): Shape (spans,).
    policy (str): "flat": no two spans overlap; "nested": a span may contain another, but they may not cross; "any":
        all are kept.
    RETURNS (numpy.ndarray): True for the spans that are kept, shape (spans,).
    """
    alive = numpy.ones(len(starts), dtype=bool)
    if policy == "any" or len(starts) < 2:
        return alive
    rank = numpy.empty(len(starts), dtype=numpy.int64)
    rank[numpy.lexsort((starts - ends, starts, -scores))] = numpy.arange(len(starts))
    first, second = _conflicts(starts, ends, policy)
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


def _conflicts(starts: numpy.ndarray, ends: numpy.ndarray, policy: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """All pairs of conflicting spans: each span with those that start later, but before its end."""
    order = numpy.lexsort((ends, starts))
    sorted_starts, sorted_ends = starts[order], ends[order]
    after_self = numpy.arange(1, len(order) + 1)
    counts = numpy.searchsorted(sorted_starts, sorted_ends, side="left") - after_self
    first = numpy.repeat(numpy.arange(len(order)), counts)
    second = expand_ranges(after_self, counts)
    if policy == "nested":
        crosses = (sorted_starts[first] < sorted_starts[second]) & (sorted_ends[first] < sorted_ends[second])
        first, second = first[crosses], second[crosses]
    return order[first], order[second]
