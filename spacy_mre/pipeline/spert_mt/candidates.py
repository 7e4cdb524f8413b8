"""Which pairs of entities may be related: a distance limit, a budget, and type constraints. Arrays in, arrays out."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy

from ...arrays import expand_ranges

# Of a text with more than this many times its budget, fewer pairs are enumerated.
ENUMERATED_AT_MOST = 4


def candidate_pairs(
    starts: numpy.ndarray,
    texts: numpy.ndarray,
    scores: numpy.ndarray,
    budgets: numpy.ndarray,
    *,
    sentences: numpy.ndarray | None = None,
    scope: int = 0,
    max_distance: int = 0,
) -> tuple[numpy.ndarray, numpy.ndarray, dict[str, int]]:
    """All ordered pairs of spans of the same text, within a scope, a distance and a budget.

    starts, texts, scores (numpy.ndarray): The spans, sorted by text and then start; shape (spans,).
    budgets (numpy.ndarray): The most pairs of each text; the pairs with the highest product of scores are kept, the
        nearest ones first if products are equal. A text with more than four times as many first loses its lower-scored
        spans, half of them at a time, and then, if scores are equal, the pairs of spans with many others between them.
        It may end with fewer than the budget. Shape (texts,).
    sentences (Optional[numpy.ndarray]): The number of each span's sentence in its text; None for no scope.
    scope (int): The most sentences between the two; 0 for the same sentence.
    max_distance (int): The most tokens between the starts of the two; 0 for no limit.
    RETURNS (tuple[numpy.ndarray, numpy.ndarray, dict[str, int]]): Indices of heads and of tails, and how many pairs
        each limit removed ("distance", "budget").
    """
    left_out = {"distance": 0, "budget": 0}
    heads: list[numpy.ndarray] = []
    tails: list[numpy.ndarray] = []
    boundaries = (
        numpy.flatnonzero(numpy.diff(texts, prepend=-1, append=-1)) if len(texts) else numpy.zeros(1, dtype=int)
    )
    for begin, end in pairwise(boundaries):
        kept = numpy.arange(begin, end)
        limits = [] if sentences is None else [(sentences, scope)]
        in_scope = 2 * int(_later_within(kept, limits)[1].sum())
        limits += [(starts, max_distance)] if max_distance else []
        first, counts = _later_within(kept, limits)
        total = 2 * int(counts.sum())
        left_out["distance"] += in_scope - total
        budget = int(budgets[texts[begin]])
        while 2 * int(counts.sum()) > ENUMERATED_AT_MOST * budget and len(kept) > 1:
            better = _better_half(kept, scores)
            of_better = _later_within(better, limits)
            if len(better) < len(kept) // 2 and 2 * int(of_better[1].sum()) < budget:
                # The others have equal scores, and their pairs are needed: the nearest ones.
                counts = numpy.minimum(counts, max(ENUMERATED_AT_MOST * budget // (2 * len(kept)), 1))
                break
            kept, (first, counts) = better, of_better
        one = kept[numpy.repeat(numpy.arange(len(kept)), counts)]
        other = kept[expand_ranges(first, counts)]
        text_heads, text_tails = numpy.concatenate([one, other]), numpy.concatenate([other, one])
        if total > budget:
            best = numpy.lexsort((starts[other] - starts[one], -(scores[one] * scores[other])))
            # Both directions of a pair, next to each other.
            best = numpy.stack([best, best + len(one)], axis=1).ravel()[:budget]
            text_heads, text_tails = text_heads[best], text_tails[best]
            left_out["budget"] += total - len(best)
        heads.append(text_heads)
        tails.append(text_tails)
    none = numpy.zeros(0, dtype=numpy.int64)
    return numpy.concatenate([*heads, none]), numpy.concatenate([*tails, none]), left_out


def ranks(scores: Sequence[float]) -> numpy.ndarray:
    """Rank scores, from 1 for the lowest.

    scores (Sequence[float]): The scores.
    RETURNS (numpy.ndarray): The ranks. Those of equal scores are equal.

    >>> ranks([0.9, 0.2, 0.9]).tolist()
    [2, 1, 2]
    """
    return numpy.asarray(numpy.unique(numpy.asarray(scores, dtype=float), return_inverse=True)[1] + 1)


def _better_half(spans: numpy.ndarray, scores: numpy.ndarray) -> numpy.ndarray:
    """The half of some spans that has the higher scores. It has all spans with its lowest score; or none of them, if
    it would have all spans otherwise."""
    of_spans, size = scores[spans], len(spans) // 2
    lowest = numpy.partition(of_spans, -size)[-size]
    better = spans[of_spans >= lowest]
    return better if len(better) < len(spans) else spans[of_spans > lowest]


def _later_within(
    spans: numpy.ndarray, limits: Sequence[tuple[numpy.ndarray, int]]
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """For each of some spans: the index of the next one, and how many later ones are within some limits, each with
    the sorted positions of all spans and the largest difference."""
    first = numpy.arange(1, len(spans) + 1)
    last = numpy.full(len(spans), len(spans))
    for positions, most in limits:
        of_spans = positions[spans]
        last = numpy.minimum(last, numpy.searchsorted(of_spans, of_spans + most, side="right"))
    return first, last - first


def allowed_types(
    constraints: Mapping[str, Sequence[Sequence[str]]], relation_labels: Sequence[str], entity_labels: Sequence[str]
) -> numpy.ndarray:
    """Which head and tail types each relation label may join.

    constraints (Mapping[str, Sequence[Sequence[str]]]): Allowed (head type, tail type) by relation label; any for a
        label without an entry.
    relation_labels (Sequence[str]): R labels.
    entity_labels (Sequence[str]): E labels.
    RETURNS (numpy.ndarray): bool, shape (E + 1, E + 1, R). The last row and column are for types that the model does
        not know, which are allowed everywhere.
    """
    size = len(entity_labels)
    ids = {label: i for i, label in enumerate(entity_labels)}
    allowed = numpy.ones((size + 1, size + 1, len(relation_labels)), dtype=bool)
    for r, label in enumerate(relation_labels):
        if label in constraints:
            allowed[:size, :size, r] = False
            for head, tail in constraints[label]:
                if head in ids and tail in ids:
                    allowed[ids[head], ids[tail], r] = True
    return allowed
