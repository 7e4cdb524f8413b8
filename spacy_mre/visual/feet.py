"""Where the two ends of each arc touch the text."""

from collections.abc import Sequence
from typing import NamedTuple

from ..annotations.entities import EntitySpan, Offsets
from .lines import segments_of
from .shapes import LABEL_SIZE, Arc, Piece, Segment


class Foot(NamedTuple):
    """An end of an arc on the text."""

    line: int
    x: float


class _End(NamedTuple):
    """One end of an arc: 0 is the head, 1 the tail. Ends on the same segment are sorted by side and distance."""

    side: int
    lines: int
    distance: float
    arc: int
    end: int


def place_feet(arcs: Sequence[Arc], spans: Sequence[EntitySpan], pieces: Sequence[Piece]) -> list[tuple[Foot, Foot]]:
    """Find line and x of the two ends of each arc.

    The feet on one span are spread over it, arcs to the left on the left, so that the arcs of a span do not cross.

    arcs (Sequence[Arc]): The arcs.
    spans (Sequence[EntitySpan]): The entities.
    pieces (Sequence[Piece]): The text in lines.
    RETURNS (list[tuple[Foot, Foot]]): The head and the tail of each arc.
    """
    offsets = {end for arc in arcs for end in (arc.head, arc.tail)}
    segments = {end: segments_of(*end, pieces) for end in offsets}
    pairs = [_nearest_segments(segments[arc.head], segments[arc.tail]) for arc in arcs]
    ends_on: dict[tuple[Offsets, int], list[_End]] = {}
    for number, (arc, pair) in enumerate(zip(arcs, pairs)):
        for end, span in enumerate((arc.head, arc.tail)):
            ends_on.setdefault((span, pair[end].line), []).append(_end_of(number, end, pair[end], pair[1 - end]))
    x_of: dict[tuple[int, int], float] = {}
    for (span, line), ends in ends_on.items():
        segment = next(segment for segment in segments[span] if segment.line == line)
        left, right = _free_stretch(span, segment, spans, pieces)
        step = min(12.0, (right - left) / (len(ends) + 1))
        first = (left + right - step * (len(ends) - 1)) / 2
        for slot, end_here in enumerate(sorted(ends)):
            x_of[end_here.arc, end_here.end] = first + slot * step
    return [
        (Foot(head.line, x_of[number, 0]), Foot(tail.line, x_of[number, 1]))
        for number, (head, tail) in enumerate(pairs)
    ]


def _nearest_segments(heads: Sequence[Segment], tails: Sequence[Segment]) -> tuple[Segment, Segment]:
    pairs = [(head, tail) for head in heads for tail in tails]
    return min(pairs, key=lambda pair: (abs(pair[0].line - pair[1].line), pair[0].line, pair[1].line))


def _end_of(arc: int, end: int, here: Segment, there: Segment) -> _End:
    """An end with its sort key: the farther end of a side is nearer to the middle, because its arc is higher."""
    lines, distance = there.line - here.line, there.left + there.right - here.left - here.right
    side = ((lines, distance) > (0, 0.0)) - ((lines, distance) < (0, 0.0))
    return _End(side, -lines, -distance, arc, end)


def _free_stretch(
    offsets: Offsets, segment: Segment, spans: Sequence[EntitySpan], pieces: Sequence[Piece]
) -> tuple[float, float]:
    """The widest part of a segment that no inner entity covers; the whole segment if that part is too narrow."""
    inner = [
        (part.left, part.right)
        for span in spans
        if offsets[0] <= span.start and span.end <= offsets[1] and span.offsets != offsets
        for part in segments_of(span.start, span.end, pieces)
        if part.line == segment.line
    ]
    stretches = []
    x = segment.left
    for left, right in sorted([*inner, (segment.right, segment.right)]):
        stretches.append((x, left))
        x = max(x, right)
    widest = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    return widest if widest[1] - widest[0] >= LABEL_SIZE else (segment.left, segment.right)
