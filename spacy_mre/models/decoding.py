"""Scores -> spans and pairs: overlap policy, type constraints, budgets. Arrays in, arrays out; shared by the span models."""

from typing import Dict, List, Sequence, Tuple

import numpy

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


def _conflicts(starts: numpy.ndarray, ends: numpy.ndarray, policy: str) -> Tuple[numpy.ndarray, numpy.ndarray]:
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


def candidate_pairs(
    starts: numpy.ndarray, texts: numpy.ndarray, scores: numpy.ndarray, budgets: numpy.ndarray, *, max_distance: int = 0
) -> Tuple[numpy.ndarray, numpy.ndarray, Dict[str, int]]:
    """All ordered pairs of spans of the same text, within a distance and a budget.

    starts, texts, scores (numpy.ndarray): The spans, sorted by text and then start; shape (spans,).
    budgets (numpy.ndarray): How many pairs each text may have: of more, those with the highest product of scores stay; of more than four
        times as many, the lower-scored spans go first, by halves, and fewer than the budget may be left. Shape (texts,).
    max_distance (int): At most so many tokens between the starts of the two; 0 for no limit.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray, Dict[str, int]]): Heads and tails, as places among the spans, and how many pairs were left
        out by which limit ("distance", "budget").
    """
    left_out = {"distance": 0, "budget": 0}
    heads: List[numpy.ndarray] = []
    tails: List[numpy.ndarray] = []
    borders = numpy.flatnonzero(numpy.diff(texts, prepend=-1, append=-1)) if len(texts) else numpy.zeros(1, dtype=numpy.int64)
    for begin, end in zip(borders[:-1], borders[1:]):
        kept, first, counts = numpy.arange(begin, end), *_reach(starts[begin:end], max_distance)
        left_out["distance"] += (end - begin) * (end - begin - 1) - 2 * int(counts.sum())
        total = 2 * int(counts.sum())
        budget = int(budgets[texts[begin]])
        while 2 * int(counts.sum()) > 4 * budget and len(kept) > 1:  # never enumerate many times the budget: halve the spans first
            best = numpy.argsort(-scores[kept], kind="stable")[: len(kept) // 2]
            kept = kept[numpy.sort(best)]
            first, counts = _reach(starts[kept], max_distance)
        one = kept[numpy.repeat(numpy.arange(len(kept)), counts)]
        other = kept[expand_ranges(first, counts)]
        of_text = numpy.concatenate([one, other]), numpy.concatenate([other, one])
        if total > budget:
            best = numpy.argsort(-(scores[of_text[0]] * scores[of_text[1]]), kind="stable")[:budget]
            of_text = of_text[0][best], of_text[1][best]
            left_out["budget"] += total - len(best)
        heads.append(of_text[0])
        tails.append(of_text[1])
    none = numpy.zeros(0, dtype=numpy.int64)
    return numpy.concatenate([*heads, none]), numpy.concatenate([*tails, none]), left_out


def _reach(starts: numpy.ndarray, max_distance: int) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """For each of some sorted starts: the place of the next, and how many later ones lie within the distance."""
    first = numpy.arange(1, len(starts) + 1)
    if not max_distance:
        return first, len(starts) - first
    return first, numpy.searchsorted(starts, starts + max_distance, side="right") - first


def expand_ranges(firsts: numpy.ndarray, counts: numpy.ndarray) -> numpy.ndarray:
    """The numbers first, first + 1, ... of several ranges, one range after the other.

    firsts (numpy.ndarray): Where each range begins.
    counts (numpy.ndarray): How many numbers each has.
    RETURNS (numpy.ndarray): Shape (sum of counts,).
    """
    before = numpy.cumsum(counts) - counts
    return numpy.arange(int(counts.sum())) - numpy.repeat(before - firsts, counts)


def context_ranges(
    starts: numpy.ndarray, ends: numpy.ndarray, heads: numpy.ndarray, tails: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """The tokens strictly between the two spans of each pair; an empty range where there are none.

    starts, ends (numpy.ndarray): The spans, shape (spans,).
    heads, tails (numpy.ndarray): Places among the spans, shape (pairs,).
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): First rows, and rows after the last, shape (pairs,).
    """
    begin = numpy.minimum(ends[heads], ends[tails])
    end = numpy.maximum(starts[heads], starts[tails])
    return begin, numpy.maximum(begin, end)


def allowed_types(
    constraints: Dict[str, Sequence[Sequence[str]]], relation_labels: Sequence[str], entity_labels: Sequence[str]
) -> numpy.ndarray:
    """Which head and tail types each relation label may join.

    constraints (Dict[str, Sequence[Sequence[str]]]): Allowed (head type, tail type) of each relation label; a label that is not named may join any.
    relation_labels (Sequence[str]): R labels.
    entity_labels (Sequence[str]): E labels.
    RETURNS (numpy.ndarray): bool, shape (E + 1, E + 1, R); the last row and column stand for types that the model does not know, which
        no constraint speaks of.
    """
    size = len(entity_labels)
    places = {label: i for i, label in enumerate(entity_labels)}
    allowed = numpy.ones((size + 1, size + 1, len(relation_labels)), dtype=bool)
    for r, label in enumerate(relation_labels):
        if label in constraints:
            allowed[:size, :size, r] = False
            for head, tail in constraints[label]:
                if head in places and tail in places:
                    allowed[places[head], places[tail], r] = True
    return allowed
