"""Finds the positions in the text of entities and relations that are given as strings only.

Entities are written in the order in which they end, an inner one before the one around it; relations as soon as both
their ends have been read. The order of an analysis therefore determines the position of a repeated string, and
nesting needs no sign of its own.

**Entities** are aligned to the occurrences of their strings monotonically in that order. Of all alignments that place
as many as possible, the most plausible one is taken: entities at word boundaries, separate rather than nested; then the
leftmost. An entity without a position in order (a model may write in any order) is placed wherever there is room.

**Relations** are placed by a beam search: few different positions, at word boundaries, in order, with both arguments
close to each other.

The method is ours; the papers (arXiv 2307.10291, arXiv 2407.10953) give no offsets.
"""

from bisect import bisect_right
from collections.abc import Callable, Container, Sequence
from functools import lru_cache
from heapq import nsmallest
from itertools import product
from math import log1p
from typing import NamedTuple, Optional
from unicodedata import category

from ....annotations.entities import Offsets
from .analysis import Analysis, EntityText, RelationText
from .anchored import Anchored, AnchoredEntity, AnchoredRelation, Order, order_of_entity, order_of_relation

Normalize = Callable[[str], tuple[str, Sequence[int]]]

NOT_IN_TEXT = "not in the text"
TOO_OFTEN = "given more often than it occurs in the text"

# In units of one end of a word. A crossing pair of entities is rarer in every corpus than a nested one.
NESTED = 1
CROSSING = 4
# The same for relations. That a relation relates a place to itself, or comes before its turn, is believed only where
# nothing else is possible.
NEW_PLACE = 2.0
OVERLAP = 2.0
OUT_OF_ORDER = 6.0
DISTANCE = 0.1
SAME_PLACE = 10.0
BEAM = 16
# Bounds on the time for a string that occurs very often in a text
MAX_PLACES = 32
MAX_PAIRS = 256


def anchor(
    text: str, analysis: Analysis, *, normalize: Normalize | None = None, boundaries: Container[int] | None = None
) -> Anchored:
    """Find the places of an analysis in its text.

    text (str): The text.
    analysis (Analysis): The strings to find.
    normalize (Optional[Callable[[str], tuple[str, Sequence[int]]]]): Turns a text into the form in which the strings
        are: the normalised text, and for each of its characters the offset of the character that it comes from; one
        more for the end is allowed. It must leave alone what is normalised already. By default strings are found as
        they are.
    boundaries (Optional[Container[int]]): The offsets at which words begin or end, such as those of a Doc's tokens; by
        default where the kind of character changes.
    RETURNS (Anchored): The places.
    """
    searched = _Searched(text, analysis, normalize, boundaries)
    items = analysis.items or ()
    entities = [(number, item) for number, item in enumerate(items) if isinstance(item, EntityText)]
    relations = [(number, item) for number, item in enumerate(items) if isinstance(item, RelationText)]
    placed_entities, lost_entities = _place_entities(searched, entities)
    placed_links, lost_links = _place_relations(
        searched, relations, frozenset((entity.start, entity.end) for entity in placed_entities)
    )
    return Anchored(analysis.label, placed_entities, placed_links, tuple(sorted([*lost_entities, *lost_links])))


class _Searched:
    """A text, and the positions of strings in it."""

    def __init__(self, text: str, analysis: Analysis, normalize: Normalize | None, boundaries: Container[int] | None):
        self.text = text
        self.normalize = normalize
        self.boundaries = boundaries
        self.most = MAX_PLACES + len(analysis.items or ())
        self.found: dict[str, list[Offsets]] = {}
        if normalize is not None:
            self.normalised, offsets = normalize(text)
            self.offsets = [*offsets, len(text)]

    def places(self, string: str) -> list[Offsets]:
        """RETURNS (list[tuple[int, int]]): The occurrences of a string, from left to right; of very many the most
        plausible."""
        if string not in self.found:
            if self.normalize is None:
                places = _occurrences(self.text, string)
            else:
                found = _occurrences(self.normalised, self.normalize(string)[0].strip())
                places = sorted({place for place in (self._original(*place) for place in found) if place[0] < place[1]})
            if len(places) > self.most:
                places = sorted(sorted(places, key=self.word_ends, reverse=True)[: self.most])
            self.found[string] = places
        return self.found[string]

    def word_ends(self, place: Offsets) -> int:
        """RETURNS (int): How many ends of a place are also ends of words: 0, 1 or 2."""
        if self.boundaries is not None:
            return (place[0] in self.boundaries) + (place[1] in self.boundaries)
        return _is_boundary(self.text, place[0]) + _is_boundary(self.text, place[1])

    def _original(self, start: int, end: int) -> Offsets:
        # One character may have become several, and several one; some, which the tokenizer drops, none.
        first, last = self.offsets[start], max(self.offsets[end], self.offsets[end - 1] + 1)
        while first < last and _is_blank(self.text[last - 1]):
            last -= 1
        while first < last and _is_blank(self.text[first]):
            first += 1
        return first, last


def _occurrences(text: str, string: str) -> list[Offsets]:
    places = []
    start = text.find(string) if string else -1
    while start >= 0:
        places.append((start, start + len(string)))
        start = text.find(string, start + 1)
    return places


def _is_boundary(text: str, offset: int) -> bool:
    if not 0 < offset < len(text):
        return True
    before, after = _kind(text[offset - 1]), _kind(text[offset])
    return before != after or before == "other"


def _is_blank(char: str) -> bool:
    return char.isspace() or category(char) in ("Cc", "Cf")


@lru_cache(maxsize=4096)
def _kind(char: str) -> str:
    """The kind of a character. Words of Japanese, which have no blanks between them, often begin or end where it
    changes."""
    if "\u3041" <= char <= "\u309f":
        return "hiragana"
    if "\u30a0" <= char <= "\u30ff":
        return "katakana"
    general = category(char)
    if general == "Lo":
        return "ideograph"
    return "letter" if general[0] in "LNM" else "other"


def _place_entities(
    searched: _Searched, entities: Sequence[tuple[int, EntityText]]
) -> tuple[tuple[AnchoredEntity, ...], list[tuple[int, str]]]:
    places = _align(searched, entities)
    in_order = [(number, entity) for number, entity in entities if number in places]
    unsure = _ambiguous(searched, in_order)
    placed = {
        number: AnchoredEntity(*places[number], entity.label, number, number in unsure) for number, entity in in_order
    }
    lost = []
    for number, entity in entities:
        if number in placed:
            continue
        found = searched.places(entity.text)
        taken = {(other.start, other.end) for other in placed.values() if other.label == entity.label}
        free = [place for place in found if place not in taken]
        if free:
            placed[number] = AnchoredEntity(*max(free, key=searched.word_ends), entity.label, number, len(free) > 1)
        else:
            lost.append((number, TOO_OFTEN if found else NOT_IN_TEXT))
    return tuple(placed[number] for number in sorted(placed)), lost


class _Node(NamedTuple):
    """One occurrence of one entity, with the best chain of entities that ends in it. The score: how many are placed,
    how plausibly, how far left."""

    score: tuple[int, int, int]
    key: tuple[Order, str]
    place: Offsets
    number: int
    before: Optional["_Node"]


def _align(searched: _Searched, entities: Sequence[tuple[int, EntityText]]) -> dict[int, Offsets]:
    """The best alignment in order: places by the entities' numbers."""
    by_end: dict[int, list[_Node]] = {}
    for number, entity in entities:
        ends = sorted(by_end)
        best_up_to: list[_Node] = []
        for end in ends:
            best_up_to.append(max([*best_up_to[-1:], *by_end[end]], key=_score))
        made = []
        for place in searched.places(entity.text):
            key = order_of_entity(place, entity.label)
            apart, reached = bisect_right(ends, place[0]), bisect_right(ends, place[1])
            before = best_up_to[apart - 1] if apart else None
            count, likely, left = before.score if before else (0, 0, 0)
            for end in ends[apart:reached]:
                for node in by_end[end]:
                    cost = CROSSING if node.place[0] < place[0] else NESTED
                    overlapping = (node.score[0], node.score[1] - cost, node.score[2])
                    if node.key < key and overlapping > (count, likely, left):
                        before, (count, likely, left) = node, overlapping
            made.append(
                _Node((count + 1, likely + searched.word_ends(place), left - place[0]), key, place, number, before)
            )
        for node in made:
            by_end.setdefault(node.place[1], []).append(node)
    chain = max((node for nodes in by_end.values() for node in nodes), key=_score, default=None)
    places = {}
    while chain is not None:
        places[chain.number] = chain.place
        chain = chain.before
    return places


def _score(node: _Node) -> tuple[int, int, int]:
    return node.score


def _ambiguous(searched: _Searched, entities: Sequence[tuple[int, EntityText]]) -> set[int]:
    """The numbers of the entities that have several places in order, between the earliest place of the one before and
    the latest of the one behind."""
    keys = [[order_of_entity(place, entity.label) for place in searched.places(entity.text)] for _, entity in entities]
    earliest: list[tuple[Order, str]] = []
    for own in keys:
        earliest.append(min(key for key in own if not earliest or key > earliest[-1]))
    unsure = set()
    latest: tuple[Order, str] | None = None
    for i in reversed(range(len(keys))):
        possible = [key for key in keys[i] if (i == 0 or key > earliest[i - 1]) and (latest is None or key < latest)]
        if len(possible) > 1:
            unsure.add(entities[i][0])
        latest = max(possible)
    return unsure


class _Hypothesis(NamedTuple):
    """Places for the first few relations."""

    cost: float
    ends: tuple[tuple[Offsets, Offsets], ...]
    known: frozenset[Offsets]
    last: tuple | None


def _place_relations(
    searched: _Searched, relations: Sequence[tuple[int, RelationText]], known: frozenset[Offsets]
) -> tuple[tuple[AnchoredRelation, ...], list[tuple[int, str]]]:
    beam = [_Hypothesis(0.0, (), known, None)]
    found, lost = [], []
    for number, relation in relations:
        pairs = [
            (_distance(*ends), *ends)
            for ends in product(searched.places(relation.head), searched.places(relation.tail))
        ]
        if not pairs:
            lost.append((number, NOT_IN_TEXT))
            continue
        found.append((number, relation, len(pairs) > 1))
        nearest = nsmallest(MAX_PAIRS, pairs)
        extended = [_extend(searched, before, *pair, relation.label) for before in beam for pair in nearest]
        beam = nsmallest(BEAM, extended, key=lambda hypothesis: hypothesis[:2])
    return tuple(
        AnchoredRelation(head, relation.label, tail, number, unsure)
        for (number, relation, unsure), (head, tail) in zip(found, beam[0].ends)
    ), lost


def _distance(head: Offsets, tail: Offsets) -> float:
    """What the distance of two ends costs."""
    if head == tail:
        return SAME_PLACE
    return DISTANCE * log1p(max(0, max(head[0], tail[0]) - min(head[1], tail[1])))


def _extend(
    searched: _Searched, before: _Hypothesis, distance: float, head: Offsets, tail: Offsets, label: str
) -> _Hypothesis:
    cost, known = before.cost + distance, before.known
    for place in (head, tail):
        if place not in known:
            overlaps = any(place[0] < end and start < place[1] for start, end in known)
            cost += NEW_PLACE + OVERLAP * overlaps + 2 - searched.word_ends(place)
            known = known | {place}
    order = order_of_relation(head, tail, label)
    if before.last is not None and order <= before.last:
        cost += OUT_OF_ORDER
    return _Hypothesis(cost, (*before.ends, (head, tail)), known, order)
