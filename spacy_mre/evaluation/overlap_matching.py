"""Overlap matching counts a predicted entity that overlaps a gold one as having its boundaries.

It is for gold with unreliable boundaries, for example translated texts or texts annotated by a program. SemEval-2013
task 9.1 (Segura-Bedmar et al. 2013, section 4) calls it "type matching", and has no relations.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Literal

from ..settings import check_setting

Matching = Literal["exact", "overlap"]
# Offsets of a span in characters, white space not counted: first character, last character + 1.
CharOffsets = tuple[int, int]


def uses_overlap(matching: str) -> bool:
    """Check the setting `matching` of the scorers.

    matching (str): "exact" or "overlap".
    RETURNS (bool): Whether it is "overlap".
    RAISES (ValueError): If it is neither.
    """
    check_setting("matching", matching, Matching)
    return matching == "overlap"


def match_to_gold(
    gold: Iterable[tuple[int, int, str]], predicted: Iterable[tuple[int, int, str]]
) -> dict[CharOffsets, CharOffsets]:
    """Match predicted entities to the gold entities that they overlap, one to one.

    Pairs are formed greedily: first those with the same offsets, then those with a label in common, then those with the
    largest IoU, then those that come first in the text.

    gold (Iterable[tuple[int, int, str]]): Start, end and label of each entity. A span with two labels is given twice.
    predicted (Iterable[tuple[int, int, str]]): The same of the prediction.
    RETURNS (dict[tuple[int, int], tuple[int, int]]): The offsets of the gold entity for those of each predicted entity
        that is matched.

    >>> match_to_gold([(0, 9, "person")], [(4, 9, "person"), (20, 24, "place")])
    {(4, 9): (0, 9)}
    """
    gold_labels, predicted_labels = _labels_by_offsets(gold), _labels_by_offsets(predicted)
    gold_offsets = sorted(gold_labels)
    widest = max((end - start for start, end in gold_offsets), default=0)
    pairs: list[tuple[bool, bool, float, CharOffsets, CharOffsets]] = []
    for span, labels in predicted_labels.items():
        start, end = span
        # A gold span that overlaps starts before `end`, and not more than the widest gold span before `start`.
        first, last = bisect_left(gold_offsets, (start - widest + 1,)), bisect_left(gold_offsets, (end,))
        for gold_span in gold_offsets[first:last]:
            shared = min(end, gold_span[1]) - max(start, gold_span[0])
            if shared > 0:
                iou = shared / (max(end, gold_span[1]) - min(start, gold_span[0]))
                pairs.append((span != gold_span, labels.isdisjoint(gold_labels[gold_span]), -iou, gold_span, span))
    matches: dict[CharOffsets, CharOffsets] = {}
    matched_gold = set()
    for *_, gold_span, span in sorted(pairs):
        if span not in matches and gold_span not in matched_gold:
            matches[span] = gold_span
            matched_gold.add(gold_span)
    return matches


def _labels_by_offsets(items: Iterable[tuple[int, int, str]]) -> dict[CharOffsets, set[str]]:
    labels: dict[CharOffsets, set[str]] = {}
    for start, end, label in items:
        labels.setdefault((start, end), set()).add(label)
    return labels
