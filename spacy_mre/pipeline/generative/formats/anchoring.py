"""Finds the character offsets of entities and relations that are given as strings only.

Entities are written in the order of their ends, an inner one before the outer one; relations in the order of their
later argument. So the order of an analysis determines the positions of a repeated string, and nesting needs no markup.

**Entities** are aligned with the occurrences of their strings, monotonically in that order. Of all alignments with the
most entities, the most plausible one is used: at word boundaries, not overlapping, rather nested than crossing, then
the leftmost. An entity that does not fit into the order (a model may write in any order) is aligned with any free
occurrence.

**Relations** are aligned by beam search, with costs for every new argument, for arguments that are not at word
boundaries or overlap another one, for leaving the order, and for the distance between head and tail.

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

# Costs of entities; an end that is not at a word boundary costs 1. Crossing entities are rarer than nested ones.
NESTED = 1
CROSSING = 4
# Costs of relations, in the same unit. The last two are the highest, because a relation of a span with itself, or one
# that is out of order, is an exception.
NEW_ARGUMENT = 2.0
OVERLAP = 2.0
DISTANCE = 0.1
OUT_OF_ORDER = 6.0
SAME_SPAN = 10.0
BEAM = 16
# Limits for a string that occurs very often in a text.
MAX_OCCURRENCES = 32
MAX_PAIRS = 256


def anchor(
    text: str, analysis: Analysis, *, normalize: Normalize | None = None, boundaries: Container[int] | None = None
) -> Anchored:
    """Find the character offsets of an analysis in its text.

    >>> text = "From Lima to Lima by the Lima Express"
    >>> anchored = anchor(text, Analysis(None, (EntityText("place", "Lima"), EntityText("train", "Lima Express"))))
    >>> [(entity.start, entity.end) for entity in anchored.entities]
    [(5, 9), (25, 37)]

    text (str): The text.
    analysis (Analysis): The strings to find.
    normalize (Optional[Callable[[str], tuple[str, Sequence[int]]]]): Turns the text into the form of the strings. It
        returns the normalized text, and for each of its characters the offset of the original character; one more
        offset for the end is allowed. Normalized text must not change again. Default: no normalization.
    boundaries (Optional[Container[int]]): The offsets of word boundaries, such as those of a Doc's tokens. Default:
        where the kind of character changes.
    RETURNS (Anchored): The offsets.
    """
    searched = _SearchedText(text, analysis, normalize, boundaries)
    items = analysis.items or ()
    entities = [(number, item) for number, item in enumerate(items) if isinstance(item, EntityText)]
    relations = [(number, item) for number, item in enumerate(items) if isinstance(item, RelationText)]
    anchored_entities, lost_entities = _anchor_entities(searched, entities)
    known = frozenset((entity.start, entity.end) for entity in anchored_entities)
    anchored_relations, lost_relations = _anchor_relations(searched, relations, known)
    dropped = tuple(sorted([*lost_entities, *lost_relations]))
    return Anchored(analysis.label, anchored_entities, anchored_relations, dropped)


class _SearchedText:
    """A text, and the occurrences of strings in it."""

    def __init__(self, text: str, analysis: Analysis, normalize: Normalize | None, boundaries: Container[int] | None):
        self.text = text
        self.normalize = normalize
        self.boundaries = boundaries
        self.limit = MAX_OCCURRENCES + len(analysis.items or ())
        self.found: dict[str, list[Offsets]] = {}
        if normalize is not None:
            self.normalized, offsets = normalize(text)
            self.offsets = [*offsets, len(text)]

    def occurrences(self, string: str) -> list[Offsets]:
        """The occurrences of a string, from left to right; if there are very many, the most plausible ones."""
        if string not in self.found:
            if self.normalize is None:
                offsets = _find_all(self.text, string)
            else:
                found = _find_all(self.normalized, self.normalize(string)[0].strip())
                originals = {self._original(start, end) for start, end in found}
                offsets = sorted((start, end) for start, end in originals if start < end)
            if len(offsets) > self.limit:
                offsets = sorted(sorted(offsets, key=self.word_ends, reverse=True)[: self.limit])
            self.found[string] = offsets
        return self.found[string]

    def word_ends(self, offsets: Offsets) -> int:
        """The number of ends that are at word boundaries: 0, 1 or 2."""
        if self.boundaries is not None:
            return (offsets[0] in self.boundaries) + (offsets[1] in self.boundaries)
        return _is_boundary(self.text, offsets[0]) + _is_boundary(self.text, offsets[1])

    def _original(self, start: int, end: int) -> Offsets:
        # Normalization may change the number of characters, and remove some.
        first, last = self.offsets[start], max(self.offsets[end], self.offsets[end - 1] + 1)
        while first < last and _is_blank(self.text[last - 1]):
            last -= 1
        while first < last and _is_blank(self.text[first]):
            first += 1
        return first, last


def _find_all(text: str, string: str) -> list[Offsets]:
    found = []
    start = text.find(string) if string else -1
    while start >= 0:
        found.append((start, start + len(string)))
        start = text.find(string, start + 1)
    return found


def _is_boundary(text: str, offset: int) -> bool:
    if not 0 < offset < len(text):
        return True
    before, after = _kind(text[offset - 1]), _kind(text[offset])
    return before != after or before == "other"


def _is_blank(char: str) -> bool:
    return char.isspace() or category(char) in ("Cc", "Cf")


@lru_cache(maxsize=4096)
def _kind(char: str) -> str:
    """The kind of a character. Japanese words, which are not separated by spaces, often begin where it changes."""
    if "\u3041" <= char <= "\u309f":
        return "hiragana"
    if "\u30a0" <= char <= "\u30ff":
        return "katakana"
    general = category(char)
    if general == "Lo":
        return "ideograph"
    return "letter" if general[0] in "LNM" else "other"


def _anchor_entities(
    searched: _SearchedText, entities: Sequence[tuple[int, EntityText]]
) -> tuple[tuple[AnchoredEntity, ...], list[tuple[int, str]]]:
    """The entities that were found, and the index of each other one with the reason."""
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
        found = searched.occurrences(entity.text)
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


def _align(searched: _SearchedText, entities: Sequence[tuple[int, EntityText]]) -> dict[int, Offsets]:
    """The best alignment in order: offsets by the index of the entity."""
    by_end: dict[int, list[_Node]] = {}
    for item, entity in entities:
        ends = sorted(by_end)
        best_up_to: list[_Node] = []
        for end in ends:
            best_up_to.append(max([*best_up_to[-1:], *by_end[end]], key=_score))
        nodes = []
        for offsets in searched.occurrences(entity.text):
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


def _ambiguous(searched: _SearchedText, entities: Sequence[tuple[int, EntityText]]) -> set[int]:
    """The indices of the entities with several occurrences in order: after the earliest possible one of the previous
    entity, and before the latest possible one of the next."""
    keys = []
    for _, entity in entities:
        occurrences = searched.occurrences(entity.text)
        keys.append([order_of_entity(offsets, entity.label) for offsets in occurrences])
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


def _anchor_relations(
    searched: _SearchedText, relations: Sequence[tuple[int, RelationText]], known: frozenset[Offsets]
) -> tuple[tuple[AnchoredRelation, ...], list[tuple[int, str]]]:
    """The relations that were found, and the index of each other one with the reason."""
    beam = [_Hypothesis(0.0, (), known, None)]
    found, lost = [], []
    for item, relation in relations:
        heads, tails = searched.occurrences(relation.head), searched.occurrences(relation.tail)
        pairs = [(_distance_cost(head, tail), head, tail) for head, tail in product(heads, tails)]
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


def _distance_cost(head: Offsets, tail: Offsets) -> float:
    if head == tail:
        return SAME_SPAN
    return DISTANCE * log1p(max(0, max(head[0], tail[0]) - min(head[1], tail[1])))


def _cost_and_arguments(hypothesis: _Hypothesis) -> tuple:
    return hypothesis.cost, hypothesis.arguments


def _extend(
    searched: _SearchedText, hypothesis: _Hypothesis, distance_cost: float, head: Offsets, tail: Offsets, label: str
) -> _Hypothesis:
    cost, known = hypothesis.cost + distance_cost, hypothesis.known
    for argument in (head, tail):
        if argument not in known:
            overlaps = any(argument[0] < end and start < argument[1] for start, end in known)
            cost += NEW_ARGUMENT + OVERLAP * overlaps + 2 - searched.word_ends(argument)
            known = known | {argument}
    order = order_of_relation(head, tail, label)
    if hypothesis.last is not None and order <= hypothesis.last:
        cost += OUT_OF_ORDER
    return _Hypothesis(cost, (*hypothesis.arguments, (head, tail)), known, order)
