"""From words, spans and arcs to coordinates, without Doc and without SVG.

`lay_out` breaks the text into lines (`lines.py`), places a bracket under each entity (`brackets.py`) and an arc for
each relation above it (`arcs.py`, `feet.py`), and then sets the lines below one another.
"""

from collections.abc import Sequence

from ..annotations.entities import EntitySpan
from .arcs import place_arcs
from .brackets import nesting_heights, place_marks
from .lines import break_lines
from .shapes import GUTTER, LABEL_SIZE, Arc, ArcPart, Box, Mark, Picture, Word

ASCENT, DESCENT = 17.0, 6.0
# The tint of an entity extends this much beyond the tints of the entities inside it.
TINT_GROWTH = 2.0
LEVEL_HEIGHT = 18.0
ROW_HEIGHT = 19.0
LINE_GAP = 16.0
# Between the text and the lowest arc.
ARC_GAP = 8.0


def lay_out(words: Sequence[Word], spans: Sequence[EntitySpan], arcs: Sequence[Arc], width: float) -> Picture:
    """Lay out one text.

    words (Sequence[Word]): The tokens.
    spans (Sequence[EntitySpan]): The entities, which may nest and cross; their labels are the display names.
    arcs (Sequence[Arc]): The arcs. Their ends need not be entities.
    width (float): The width of the picture.
    RETURNS (Picture): The layout. Its height is as much as the text needs.
    """
    pieces = break_lines(words, GUTTER, width - GUTTER)
    marks = place_marks(spans, pieces, width)
    arc_parts = place_arcs(arcs, spans, pieces, width)
    picture = Picture(width, 0.0, pieces=pieces, marks=marks, arc_parts=arc_parts)
    heights = nesting_heights([span.offsets for span in spans])
    max_growth = TINT_GROWTH * max(heights, default=0)
    y = 0.0
    for line in range(1 + max((piece.line for piece in pieces), default=-1)):
        arcs_here = [part for part in arc_parts if part.line == line]
        marks_here = [mark for mark in marks if mark.segment.line == line]
        arc_levels = 1 + max((part.level for part in arcs_here), default=-1)
        mark_levels = 1 + max((mark.level for mark in marks_here), default=-1)
        foot = y + LEVEL_HEIGHT * arc_levels + (ARC_GAP if arcs_here else 0)
        baseline = foot + max_growth + ASCENT
        brackets_top = baseline + DESCENT + max_growth
        for part in arcs_here:
            _set_arc(part, foot)
        for mark in marks_here:
            _set_mark(mark, baseline, brackets_top, TINT_GROWTH * heights[mark.span])
        picture.baselines.append(baseline)
        y = brackets_top + ROW_HEIGHT * mark_levels + LINE_GAP
    picture.height = y
    return picture


def _set_arc(part: ArcPart, foot: float) -> None:
    """Set the vertical coordinates of an arc part."""
    part.foot = foot
    part.y = foot - ARC_GAP - LEVEL_HEIGHT * part.level
    half = part.label_width / 2
    part.label_box = Box(part.label_centre - half, part.y - LABEL_SIZE - 3, part.label_centre + half, part.y - 1)


def _set_mark(mark: Mark, baseline: float, brackets_top: float, growth: float) -> None:
    """Set the vertical coordinates of a mark."""
    segment = mark.segment
    mark.tint = Box(segment.left - 1, baseline - ASCENT - growth, segment.right + 1, baseline + DESCENT + growth)
    top = brackets_top + 2 + ROW_HEIGHT * mark.level
    mark.box = Box(mark.left, top, mark.right, top + ROW_HEIGHT - 1)
