"""The layout of the brackets under the text: longer spans are further down, and no two brackets or labels overlap."""

from collections.abc import Sequence

from ..annotations.entities import EntitySpan, Offsets
from .lines import segments_of
from .shapes import LABEL_SIZE, PADDING, Mark, Piece, clamp, lowest_free
from .widths import text_width


def place_marks(spans: Sequence[EntitySpan], pieces: Sequence[Piece], width: float) -> list[Mark]:
    """Lay out the bracket and label of each segment of each span.

    spans (Sequence[EntitySpan]): The entities; their labels are the display names.
    pieces (Sequence[Piece]): The text in lines.
    width (float): The width of the picture. Labels stay inside it.
    RETURNS (list[Mark]): The marks, with lower levels for inner spans than for the spans around them.
    """
    placed: list[Mark] = []
    for number in _inner_first([span.offsets for span in spans]):
        span = spans[number]
        for segment in segments_of(span.start, span.end, pieces):
            label = span.label if segment.opens else ""
            label_width = min(text_width(label, LABEL_SIZE), width)
            centre = clamp((segment.left + segment.right) / 2, label_width / 2, width - label_width / 2)
            mark = Mark(number, segment, label, centre - label_width / 2, label_width)
            on_this_line = [other for other in placed if other.segment.line == segment.line]
            inside = [other.level for other in on_this_line if _contains(span.offsets, spans[other.span].offsets)]
            taken = [other.level for other in on_this_line if _close(mark, other)]
            mark.level = lowest_free(taken, 1 + max(inside, default=-1))
            placed.append(mark)
    return sorted(placed, key=lambda mark: (mark.span, mark.segment.line))


def nesting_heights(spans: Sequence[Offsets]) -> list[int]:
    """Count how many spans are stacked inside each span.

    spans (Sequence[tuple[int, int]]): Start and end of each span. Of two equal spans, the later contains the earlier.
    RETURNS (list[int]): One height per span; 0 for a span that contains no other.

    >>> nesting_heights([(0, 4), (0, 2), (1, 2)])
    [2, 1, 0]
    """
    heights = [0] * len(spans)
    done: list[int] = []
    for number in _inner_first(spans):
        inside = [heights[other] for other in done if _contains(spans[number], spans[other])]
        heights[number] = 1 + max(inside, default=-1)
        done.append(number)
    return heights


def _inner_first(spans: Sequence[Offsets]) -> list[int]:
    """The indices of the spans, sorted by length, start and index."""
    return sorted(range(len(spans)), key=lambda number: (spans[number][1] - spans[number][0], spans[number][0], number))


def _contains(outer: Offsets, inner: Offsets) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _close(one: Mark, two: Mark) -> bool:
    """Whether two marks on the same line would overlap if they had the same level."""
    return one.left - PADDING < two.right and two.left - PADDING < one.right
