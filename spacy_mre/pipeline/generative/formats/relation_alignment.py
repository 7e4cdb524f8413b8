"""Aligns relations with the occurrences of their arguments, by beam search; see `anchoring`."""

from collections.abc import Sequence
from heapq import nsmallest
from itertools import product
from math import log1p
from typing import NamedTuple

from ....annotations.entities import Offsets
from .analysis import RelationText
from .anchored import AnchoredRelation, order_of_relation
from .entity_alignment import NOT_IN_TEXT
from .occurrences import SearchedText

# Costs; an end that is not at a word boundary costs 1. The last two are the highest, because a relation of a span with
# itself, or one that is out of order, is an exception.
NEW_ARGUMENT = 2.0
OVERLAP = 2.0
DISTANCE = 0.1
OUT_OF_ORDER = 6.0
SAME_SPAN = 10.0
BEAM = 16
# The most pairs of occurrences of a relation, those with the smallest distance.
MAX_PAIRS = 256


class _Hypothesis(NamedTuple):
    """An alignment of the first relations.

    cost (float): Its cost.
    arguments (tuple): The offsets of head and tail of each relation.
    known (frozenset[tuple[int, int]]): The offsets of entities and of all arguments so far.
    last (Optional[tuple]): The sort key of the last relation.
    """

    cost: float
    arguments: tuple[tuple[Offsets, Offsets], ...]
    known: frozenset[Offsets]
    last: tuple | None


def anchor_relations(
    searched: SearchedText, relations: Sequence[tuple[int, RelationText]], known: frozenset[Offsets]
) -> tuple[tuple[AnchoredRelation, ...], list[tuple[int, str]]]:
    """Align relations.

    searched (SearchedText): The text.
    relations (Sequence[tuple[int, RelationText]]): The relations, each with its index in the analysis.
    known (frozenset[tuple[int, int]]): The offsets of entities, which arguments should have.
    RETURNS (tuple[tuple[AnchoredRelation, ...], list[tuple[int, str]]]): The relations that were found, and the index
        of each other one with the reason.
    """
    beam = [_Hypothesis(0.0, (), known, None)]
    found, lost = [], []
    for item, relation in relations:
        heads, tails = searched.places(relation.head), searched.places(relation.tail)
        pairs = [(distance_cost(head, tail), head, tail) for head, tail in product(heads, tails)]
        if not pairs:
            lost.append((item, NOT_IN_TEXT))
            continue
        found.append((item, relation, len(pairs) > 1))
        nearest = nsmallest(MAX_PAIRS, pairs)
        extended = [_extend(searched, hypothesis, *pair, relation.label) for hypothesis in beam for pair in nearest]
        beam = nsmallest(BEAM, extended, key=_cost_and_arguments)
    anchored = [
        AnchoredRelation(head, relation.label, tail, item, ambiguous)
        for (item, relation, ambiguous), (head, tail) in zip(found, beam[0].arguments)
    ]
    return tuple(anchored), lost


def distance_cost(head: Offsets, tail: Offsets) -> float:
    """RETURNS (float): The cost of the distance between two arguments.

    head (tuple[int, int]): The offsets of one.
    tail (tuple[int, int]): The offsets of the other.
    """
    if head == tail:
        return SAME_SPAN
    return DISTANCE * log1p(max(0, max(head[0], tail[0]) - min(head[1], tail[1])))


def cost_of_argument(searched: SearchedText, argument: Offsets, known: frozenset[Offsets]) -> float:
    """RETURNS (float): The cost of an argument that is not known yet.

    searched (SearchedText): The text.
    argument (tuple[int, int]): Its offsets.
    known (frozenset[tuple[int, int]]): The offsets of entities and of other arguments.
    """
    overlaps = any(argument[0] < end and start < argument[1] for start, end in known)
    return NEW_ARGUMENT + OVERLAP * overlaps + 2 - searched.word_ends(argument)


def _cost_and_arguments(hypothesis: _Hypothesis) -> tuple:
    return hypothesis.cost, hypothesis.arguments


def _extend(
    searched: SearchedText, hypothesis: _Hypothesis, distance_cost: float, head: Offsets, tail: Offsets, label: str
) -> _Hypothesis:
    cost, known = hypothesis.cost + distance_cost, hypothesis.known
    for argument in (head, tail):
        if argument not in known:
            cost += cost_of_argument(searched, argument, known)
            known = known | {argument}
    order = order_of_relation(head, tail, label)
    if hypothesis.last is not None and order <= hypothesis.last:
        cost += OUT_OF_ORDER
    return _Hypothesis(cost, (*hypothesis.arguments, (head, tail)), known, order)
