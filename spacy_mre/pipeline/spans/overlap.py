"""Scores -> spans and pairs: overlap policy, type constraints, budgets. Arrays in, arrays out; shared by the span models."""

from collections.abc import Iterable

import numpy

from ...arrays import expand_ranges

POLICIES = ("flat", "nested", "any")
# In place of a policy or a table: that of the training data.
LEARNED = "learned"
OVERLAPS = (LEARNED, *POLICIES)
# Where fewer entities of the training data lie within another one, what is found there is rather a wrong entity than a nested one.
LEAST_NESTED = 0.05
# Texts that repeat themselves have long chains of equal scores, of which every round resolves one link: go on one by one.
MAX_ROUNDS = 50


def learned_policy(nested: int, entities: int) -> str:
    """The overlap policy that fits the training data.

    nested (int): How many entities lie within another one.
    entities (int): How many there are.
    RETURNS (str): "nested" where one entity in twenty lies within another one, or more; else "flat".
    """
    return "nested" if nested and nested >= LEAST_NESTED * entities else "flat"


def resolve_overlaps(starts: numpy.ndarray, ends: numpy.ndarray, scores: numpy.ndarray, policy: str) -> numpy.ndarray:
    """Which spans stay, so that the better scored win over those they may not stand beside.

    Greedy by score, then start, then length - as one pass over the sorted spans would do it, but in rounds over all of them at once: who is the
    best of all it still conflicts with stays, who conflicts with one that stays goes.

    starts (numpy.ndarray): First rows in the flat tokens of the batch, shape (spans,).
    ends (numpy.ndarray): Rows after the last, shape (spans,).
    scores (numpy.ndarray): Shape (spans,).
    policy (str): "flat": no two spans overlap; "nested": one may lie within another, but they may not cross; "any": all stay.
    RETURNS (numpy.ndarray): True for those that stay, shape (spans,).
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
    """All pairs of spans that may not stand beside each other: each with those that start later, but before its end."""
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


def count_nested(places: Iterable[tuple[int, int]]) -> int:
    """How many entities of a text lie within another one.

    places (Iterable[Tuple[int, int]]): Start and end of each; of two with the same place one lies within the other.
    RETURNS (int): Their number.
    """
    nested = reach = 0
    for _, end in sorted(places, key=lambda place: (place[0], -place[1])):
        nested += end <= reach
        reach = max(reach, end)
    return nested
