"""Aligns entities with the occurrences of their strings, in order; see `anchoring`."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from math import inf
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

Key = tuple[Order, str]
Score = tuple[int, int, int]


def anchor_entities(
    searched: SearchedText, entities: Sequence[tuple[int, EntityText]]
) -> tuple[tuple[AnchoredEntity, ...], list[tuple[int, str]]]:
    """Align entities.

    searched (SearchedText): The text.
    entities (Sequence[tuple[int, EntityText]]): The entities, each with its index in the analysis.
    RETURNS (tuple[tuple[AnchoredEntity, ...], list[tuple[int, str]]]): The entities that were found, and the index of
        each other one with the reason.
    """
    places = find_places(searched, entities)
    aligned = align(places, entities)
    ambiguous = _ambiguous(places, [(item, entity) for item, entity in entities if item in aligned])
    anchored, lost = [], []
    taken = {order_of_entity(aligned[item], entity.label) for item, entity in entities if item in aligned}
    for item, entity in entities:
        if item in aligned:
            anchored.append(AnchoredEntity(*aligned[item], entity.label, item, item in ambiguous))
            continue
        free = [place for place in places[entity] if place.key not in taken]
        if free:
            place = max(free, key=lambda place: place.word_ends)
            taken.add(place.key)
            anchored.append(AnchoredEntity(*place.offsets, entity.label, item, len(free) > 1))
        else:
            lost.append((item, TOO_OFTEN if places[entity] else NOT_IN_TEXT))
    return tuple(anchored), lost


def align(
    places: Mapping[EntityText, Sequence["Place"]], entities: Sequence[tuple[int, EntityText]]
) -> dict[int, Offsets]:
    """Find the best alignment in order. An entity may be repeated a thousand times, so nothing is computed again that
    has not changed since the last time.

    places (Mapping[EntityText, Sequence[Place]]): Where each entity may be, from `find_places`.
    entities (Sequence[tuple[int, EntityText]]): The entities, each with its index in the analysis.
    RETURNS (dict[int, tuple[int, int]]): The offsets of those that are in order, by index.
    """
    chains = _Chains()
    # For each entity so far, the first end at which a chain became better.
    changed: list[float] = []
    last_time: dict[EntityText, int] = {}
    for item, entity in entities:
        since = min(changed[last_time[entity] :]) if entity in last_time else 0
        last_time[entity] = len(changed)
        changed.append(chains.extend(item, [place for place in places[entity] if place.offsets[1] >= since]))
    chain = chains.best()
    aligned = {}
    while chain is not None:
        aligned[chain.item] = chain.place.offsets
        chain = chain.before
    return aligned


class Place(NamedTuple):
    """An occurrence that an entity can have.

    offsets (tuple[int, int]): The occurrence.
    key (tuple): The sort key of the entity.
    word_ends (int): How many of its ends are at word boundaries.
    """

    offsets: Offsets
    key: Key
    word_ends: int


class _Node(NamedTuple):
    """A place of an entity, with the best chain of entities that ends in it.

    score (tuple[int, int, int]): The number of entities in the chain, their plausibility, and how far left they are.
    place (Place): The place.
    item (int): The index of the entity in the analysis.
    before (Optional[_Node]): The rest of the chain.
    """

    score: Score
    place: Place
    item: int
    before: Optional["_Node"]


def find_places(searched: SearchedText, entities: Sequence[tuple[int, EntityText]]) -> dict[EntityText, list[Place]]:
    """RETURNS (dict[EntityText, list[Place]]): The places that each entity can have; none if it is not in the text.

    searched (SearchedText): The text.
    entities (Sequence[tuple[int, EntityText]]): The entities, each with its index in the analysis.
    """
    return {
        entity: [
            Place(offsets, order_of_entity(offsets, entity.label), searched.word_ends(offsets))
            for offsets in searched.places(entity.text)
        ]
        for entity in {entity for _, entity in entities}
    }


class _Chains:
    """The best chain that ends in each place. Of equally good ones the earliest counts."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        # By the end of a place, then by its key.
        self._by_end: dict[int, dict[Key, _Node]] = {}
        # For each end, the best chain up to it.
        self._best_up_to: list[_Node | None] = []

    def extend(self, item: int, places: Sequence[Place]) -> float:
        """Extend the chains by an entity, and RETURN the first end at which there is a better one."""
        better = [node for place in places if (node := self._better(item, place)) is not None]
        if not better:
            return inf
        for node in better:
            end = node.place.offsets[1]
            if end not in self._by_end:
                insort(self._ends, end)
            nodes = self._by_end.setdefault(end, {})
            # The earliest chain comes first.
            nodes.pop(node.place.key, None)
            nodes[node.place.key] = node
        first = min(node.place.offsets[1] for node in better)
        start = bisect_left(self._ends, first)
        del self._best_up_to[start:]
        best = self._best_up_to[-1] if start else None
        for end in self._ends[start:]:
            for node in self._by_end[end].values():
                if best is None or node.score > best.score:
                    best = node
            self._best_up_to.append(best)
        return first

    def best(self) -> _Node | None:
        return max((node for nodes in self._by_end.values() for node in nodes.values()), key=_score, default=None)

    def _better(self, item: int, place: Place) -> _Node | None:
        """The chain that ends in a place, if there is no other one that is as good."""
        before, (count, plausibility, left) = self._best_before(place)
        score = (count + 1, plausibility + place.word_ends, left - place.offsets[0])
        known = self._by_end.get(place.offsets[1], {}).get(place.key)
        return _Node(score, place, item, before) if known is None or score > known.score else None

    def _best_before(self, place: Place) -> tuple[_Node | None, Score]:
        """The best chain that a place can extend, and its score with the cost of an overlap."""
        start, end = place.offsets
        separate, overlapping = bisect_right(self._ends, start), bisect_right(self._ends, end)
        before = self._best_up_to[separate - 1] if separate else None
        best = before.score if before else (0, 0, 0)
        for other in self._ends[separate:overlapping]:
            for node in self._by_end[other].values():
                if node.place.key < place.key:
                    cost = CROSSING if node.place.offsets[0] < start else NESTED
                    score = (node.score[0], node.score[1] - cost, node.score[2])
                    if score > best:
                        before, best = node, score
        return before, best


def _score(node: _Node) -> Score:
    return node.score


def _ambiguous(places: Mapping[EntityText, Sequence[Place]], entities: Sequence[tuple[int, EntityText]]) -> set[int]:
    """The indices of the entities with several occurrences in order: after the earliest possible one of the previous
    entity, and before the latest possible one of the next."""
    keys = {entity: sorted(place.key for place in own) for entity, own in places.items()}
    # The number of the first possible key of each entity.
    first: list[int] = []
    earliest: Key | None = None
    for _, entity in entities:
        own = keys[entity]
        first.append(0 if earliest is None else bisect_right(own, earliest))
        earliest = own[first[-1]]
    ambiguous = set()
    latest: Key | None = None
    for start, (item, entity) in zip(reversed(first), reversed(entities)):
        own = keys[entity]
        end = len(own) if latest is None else bisect_left(own, latest)
        if end - start > 1:
            ambiguous.add(item)
        latest = own[end - 1]
    return ambiguous
