"""Aligns entities with the occurrences of their strings, in order; see `anchoring`."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, Optional

from ....annotations.entities import Offsets
from .analysis import EntityText
from .anchored import AnchoredEntity, Order, order_of_entity
from .occurrences import SearchedText

NOT_IN_TEXT = "not in the text"
TOO_OFTEN = "given more often than it occurs in the text"
# Costs; an end that is not at a word boundary costs 1. Crossing entities are rarer than nested ones.
NESTED = 1
CROSSING = 4


def anchor_entities(
    searched: SearchedText, entities: Sequence[tuple[int, EntityText]]
) -> tuple[tuple[AnchoredEntity, ...], list[tuple[int, str]]]:
    """Align entities.

    searched (SearchedText): The text.
    entities (Sequence[tuple[int, EntityText]]): The entities, each with its index in the analysis.
    RETURNS (tuple[tuple[AnchoredEntity, ...], list[tuple[int, str]]]): The entities that were found, and the index of
        each other one with the reason.
    """
    aligned = _align(searched, entities)
    in_order = [(item, entity) for item, entity in entities if item in aligned]
    ambiguous = _ambiguous(searched, in_order)
    anchored = {
        item: AnchoredEntity(*aligned[item], entity.label, item, item in ambiguous) for item, entity in in_order
    }
    lost = []
    for item, entity in entities:
        if item in anchored:
            continue
        found = searched.places(entity.text)
        taken = {(other.start, other.end) for other in anchored.values() if other.label == entity.label}
        free = [offsets for offsets in found if offsets not in taken]
        if free:
            anchored[item] = AnchoredEntity(*max(free, key=searched.word_ends), entity.label, item, len(free) > 1)
        else:
            lost.append((item, TOO_OFTEN if found else NOT_IN_TEXT))
    return tuple(anchored[item] for item in sorted(anchored)), lost


class _Node(NamedTuple):
    """An occurrence of an entity, with the best chain of entities that ends in it.

    score (tuple[int, int, int]): The number of entities in the chain, their plausibility, and how far left they are.
    key (tuple): The sort key of the entity.
    offsets (tuple[int, int]): The occurrence.
    item (int): The index of the entity in the analysis.
    before (Optional[_Node]): The rest of the chain.
    """

    score: tuple[int, int, int]
    key: tuple[Order, str]
    offsets: Offsets
    item: int
    before: Optional["_Node"]


def _align(searched: SearchedText, entities: Sequence[tuple[int, EntityText]]) -> dict[int, Offsets]:
    """The best alignment in order: offsets by the index of the entity."""
    by_end: dict[int, list[_Node]] = {}
    for item, entity in entities:
        ends = sorted(by_end)
        best_up_to: list[_Node] = []
        for end in ends:
            best_up_to.append(max([*best_up_to[-1:], *by_end[end]], key=_score))
        nodes = []
        for offsets in searched.places(entity.text):
            key = order_of_entity(offsets, entity.label)
            before, (count, plausibility, left) = _best_before(offsets, key, by_end, ends, best_up_to)
            score = (count + 1, plausibility + searched.word_ends(offsets), left - offsets[0])
            nodes.append(_Node(score, key, offsets, item, before))
        for node in nodes:
            by_end.setdefault(node.offsets[1], []).append(node)
    chain = max((node for nodes in by_end.values() for node in nodes), key=_score, default=None)
    aligned = {}
    while chain is not None:
        aligned[chain.item] = chain.offsets
        chain = chain.before
    return aligned


def _best_before(
    offsets: Offsets,
    key: tuple[Order, str],
    by_end: dict[int, list[_Node]],
    ends: list[int],
    best_up_to: list[_Node],
) -> tuple[_Node | None, tuple[int, int, int]]:
    """The best chain that an occurrence can extend, and its score with the cost of an overlap."""
    separate, overlapping = bisect_right(ends, offsets[0]), bisect_right(ends, offsets[1])
    before = best_up_to[separate - 1] if separate else None
    best = before.score if before else (0, 0, 0)
    for end in ends[separate:overlapping]:
        for node in by_end[end]:
            cost = CROSSING if node.offsets[0] < offsets[0] else NESTED
            score = (node.score[0], node.score[1] - cost, node.score[2])
            if node.key < key and score > best:
                before, best = node, score
    return before, best


def _score(node: _Node) -> tuple[int, int, int]:
    return node.score


def _ambiguous(searched: SearchedText, entities: Sequence[tuple[int, EntityText]]) -> set[int]:
    """The indices of the entities with several occurrences in order: after the earliest possible one of the previous
    entity, and before the latest possible one of the next."""
    keys = []
    for _, entity in entities:
        keys.append([order_of_entity(offsets, entity.label) for offsets in searched.places(entity.text)])
    earliest: list[tuple[Order, str]] = []
    for own in keys:
        earliest.append(min(key for key in own if not earliest or key > earliest[-1]))
    ambiguous = set()
    latest: tuple[Order, str] | None = None
    for i in reversed(range(len(keys))):
        possible = [key for key in keys[i] if (i == 0 or key > earliest[i - 1]) and (latest is None or key < latest)]
        if len(possible) > 1:
            ambiguous.add(entities[i][0])
        latest = max(possible)
    return ambiguous
