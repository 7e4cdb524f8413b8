"""How good is a prediction where borders are forgiven? A found entity that overlaps a gold one stands in its place, and then all is scored as ever.

Where gold was translated, or marked by a program, its borders are often a matter of luck: what a model loses to them says little of the model.
SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013, section 4) calls it "type matching", and has no relations.
"""

from bisect import bisect_left
from collections.abc import Iterable

from ..errors import Errors

Place = tuple[int, int]
BORDERS = ("exact", "overlap")


def are_forgiven(borders: str) -> bool:
    """Read the setting of the scorers.

    borders (str): "exact" or "overlap".
    RETURNS (bool): Whether borders are forgiven.
    RAISES (ValueError): Anything else.
    """
    if borders not in BORDERS:
        raise ValueError(Errors.M001.format(setting="borders", value=borders, allowed=", ".join(BORDERS)))
    return borders == "overlap"


def moves_to_gold(gold: Iterable[tuple[int, int, str]], found: Iterable[tuple[int, int, str]]) -> dict[Place, Place]:
    """Which place of gold each found place stands for: one for one, the same place before any other, then places with a label in common, then those that
    overlap most (by IoU), then the first.

    gold (Iterable[Tuple[int, int, str]]): First character, the one after the last, and label of each entity. Several labels of a place stand one by one.
    found (Iterable[Tuple[int, int, str]]): The same of what was found.
    RETURNS (Dict[Tuple[int, int], Tuple[int, int]]): From the found places that overlap gold, and are not beaten by another one, to those of gold.
    """
    gold_labels, found_labels = _labels_by_place(gold), _labels_by_place(found)
    pairs: list[tuple[bool, bool, float, Place, Place]] = []
    places = sorted(gold_labels)
    widest = max((end - start for start, end in places), default=0)
    for place, labels in found_labels.items():
        # All that overlap begin before its end, and not so early that they are over before its start.
        for other in places[bisect_left(places, (place[0] - widest + 1,)) : bisect_left(places, (place[1],))]:
            shared = min(place[1], other[1]) - max(place[0], other[0])
            if shared > 0:
                iou = shared / (max(place[1], other[1]) - min(place[0], other[0]))
                pairs.append((place != other, labels.isdisjoint(gold_labels[other]), -iou, other, place))
    moves: dict[Place, Place] = {}
    taken = set()
    for *_, other, place in sorted(pairs):
        if place not in moves and other not in taken:
            moves[place] = other
            taken.add(other)
    return moves


def _labels_by_place(items: Iterable[tuple[int, int, str]]) -> dict[Place, set]:
    labels: dict[Place, set] = {}
    for start, end, label in items:
        labels.setdefault((start, end), set()).add(label)
    return labels
