"""Finds entities of a translation that are given as strings only.

Longer strings are placed first, equal ones in the order of the source: the second mention takes the second occurrence.
If a string occurs more often than it is looked for, each takes the place at which most other entities are before or
after it as in the source. What is nested in the source is looked for inside, or around, its counterpart; what is apart
in the source, apart from it. Only if there is no such place may strings lie otherwise: the entities of 仙台の市役所 are
side by side, those of Sendai City Hall nested.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from ..record import CharOffsets, EntityRecord

# Their words have blanks or punctuation around them. In others (仙台で, 리마에서), particles follow names directly.
SCRIPTS_WITH_WORDS = ("LATIN", "GREEK", "CYRILLIC", "DIGIT", "COMBINING")


def anchor_strings(
    text: str,
    strings: Mapping[int, str],
    entities: Sequence[EntityRecord],
    placed: Mapping[int, CharOffsets] | None = None,
) -> dict[int, CharOffsets]:
    """Find the character offsets of strings.

    text (str): The translation.
    strings (Mapping[int, str]): The strings to find, by the index of their entity.
    entities (Sequence[EntityRecord]): The entities of the source, with the labels of the target.
    placed (Mapping[int, tuple[int, int]] | None): The offsets of entities that are known, by index.
    RETURNS (dict[int, tuple[int, int]]): The offsets of the strings that were found.

    >>> mentions = [EntityRecord(0, 2, "place"), EntityRecord(3, 5, "place")]
    >>> anchor_strings("Lima, then Lima", {0: "Lima", 1: "Lima"}, mentions)
    {0: (0, 4), 1: (11, 15)}
    """
    found = dict(placed or {})
    anchored = {}

    def by_length_and_position(index: int) -> tuple[int, int, int]:
        return -len(strings[index]), entities[index].start, -entities[index].end

    for index in sorted(strings, key=by_length_and_position):
        by_rank: dict[int, list[CharOffsets]] = {}
        for place in occurrences(text, strings[index]):
            if _is_new(index, place, entities, found):
                by_rank.setdefault(_rank(index, place, entities, found), []).append(place)
        rank = min(by_rank, default=CROSSING)
        if rank == CROSSING:
            continue
        best = by_rank[rank]
        looked_for = {
            (entities[other].start, entities[other].end)
            for other, string in strings.items()
            if string == strings[index] and other not in found
        }
        if len(best) > len(looked_for):
            inversions = [_count_inversions(index, place, entities, found) for place in best]
            best = [best[inversions.index(min(inversions))]]
        anchored[index] = found[index] = best[0]
    return anchored


def occurrences(text: str, string: str) -> Iterator[CharOffsets]:
    """YIELDS (tuple[int, int]): The occurrences of a string that are not parts of longer words or numbers."""
    start = text.find(string) if string else -1
    while start >= 0:
        end = start + len(string)
        if not (_is_inside_word(text, start) or _is_inside_word(text, end)):
            yield start, end
        start = text.find(string, start + 1)


# How well a place fits to those of other entities.
AS_IN_SOURCE, NOT_NESTED, NESTED, CROSSING = range(4)


def _rank(index: int, place: CharOffsets, entities: Sequence[EntityRecord], found: Mapping[int, CharOffsets]) -> int:
    entity = entities[index]
    own = (entity.start, entity.end)
    worst = AS_IN_SOURCE
    for other, other_place in found.items():
        source = (entities[other].start, entities[other].end)
        worst = max(worst, _compare(own, source, place, other_place))
    return worst


def _count_inversions(
    index: int, place: CharOffsets, entities: Sequence[EntityRecord], found: Mapping[int, CharOffsets]
) -> int:
    """How many entities are before this one in the source and after it in the translation, or the other way round."""
    start = entities[index].start
    return sum(
        (entities[other].start - start) * (other_place[0] - place[0]) < 0 for other, other_place in found.items()
    )


def _compare(own: CharOffsets, other: CharOffsets, place: CharOffsets, other_place: CharOffsets) -> int:
    """How two entities lie in the translation, if they lie like this in the source."""
    apart = place[1] <= other_place[0] or other_place[1] <= place[0]
    if own[1] <= other[0] or other[1] <= own[0]:
        if apart:
            return AS_IN_SOURCE
        nested = _contains(place, other_place) or _contains(other_place, place)
        return NESTED if nested and place != other_place else CROSSING
    if _contains(other, own) and _contains(other_place, place):
        return AS_IN_SOURCE
    if _contains(own, other) and _contains(place, other_place):
        return AS_IN_SOURCE
    if not _contains(other, own) and not _contains(own, other):
        return AS_IN_SOURCE
    return NOT_NESTED


def _is_new(index: int, place: CharOffsets, entities: Sequence[EntityRecord], found: Mapping[int, CharOffsets]) -> bool:
    """Whether no entity with the same label is at a place."""
    label = entities[index].label
    return all(place != other_place or label != entities[other].label for other, other_place in found.items())


def _contains(outer: CharOffsets, inner: CharOffsets) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _is_inside_word(text: str, position: int) -> bool:
    return 0 < position < len(text) and _is_word_character(text[position - 1]) and _is_word_character(text[position])


@lru_cache(maxsize=4096)
def _is_word_character(char: str) -> bool:
    if unicodedata.category(char)[0] not in "LMN":
        return False
    return unicodedata.name(char, "").startswith(SCRIPTS_WITH_WORDS)
