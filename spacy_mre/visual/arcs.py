"""The layout of the arcs above the text: shorter arcs are lower, and labels overlap neither each other nor an arc."""

from collections.abc import Sequence

from ..annotations.entities import EntitySpan
from .feet import place_feet
from .shapes import CUT, LABEL_SIZE, Arc, ArcPart, Piece, clamp, lowest_free
from .widths import text_width


def place_arcs(
    arcs: Sequence[Arc], spans: Sequence[EntitySpan], pieces: Sequence[Piece], width: float
) -> list[ArcPart]:
    """Lay out the one or two parts of each arc.

    arcs (Sequence[Arc]): The arcs.
    spans (Sequence[EntitySpan]): The entities. A foot on an entity avoids the entities inside it.
    pieces (Sequence[Piece]): The text in lines.
    width (float): The width of the picture.
    RETURNS (list[ArcPart]): The parts in the order of the arcs. No two labels overlap, and no label is on the run of
        another arc.
    """
    feet = place_feet(arcs, spans, pieces)
    parts: list[ArcPart] = []
    number = 0
    for index, (arc, (head, tail)) in enumerate(zip(arcs, feet)):
        label_width = min(text_width(arc.label, LABEL_SIZE) + 2, width)
        if head.line == tail.line:
            left, right = sorted((head.x, tail.x))
            parts.append(ArcPart(index, head.line, left, right, head.x, tail.x, 0, arc.label, label_width))
            continue
        number += 1
        for foot, other in ((head, tail), (tail, head)):
            left, right = (foot.x, width - CUT) if foot.line < other.line else (CUT, foot.x)
            head_x, tail_x = (foot.x, None) if foot is head else (None, foot.x)
            parts.append(ArcPart(index, foot.line, left, right, head_x, tail_x, number, arc.label, label_width))
    for line in {part.line for part in parts}:
        stack_arcs([part for part in parts if part.line == line], width)
    return parts


def stack_arcs(parts: Sequence[ArcPart], width: float) -> None:
    """Set the levels of the arc parts on one line, short ones first, and the positions of their labels.

    parts (Sequence[ArcPart]): The parts. `level` and `label_centre` are changed in place.
    width (float): The width of the picture. Labels stay inside it.
    """
    placed: list[ArcPart] = []
    for part in sorted(parts, key=lambda part: (part.right - part.left, part.left)):
        part.label_centre = _preferred_centre(part, width)
        left, right = part.extent
        taken = [other.level for other in placed if left < other.extent[1] and other.extent[0] < right]
        part.level = lowest_free(taken, 0)
        placed.append(part)
    for part in placed:
        legs = [x for other in placed if other.level > part.level for x in other.feet]
        half = part.label_width / 2 + 2
        part.label_centre = clear_centre(part.left + half, part.right - half, part.label_centre, half, legs)


def clear_centre(lowest: float, highest: float, preferred: float, half: float, legs: Sequence[float]) -> float:
    """Find a centre for a label that as few vertical lines as possible cross.

    lowest (float): The leftmost centre that keeps the label above its run.
    highest (float): The rightmost such centre. Less than `lowest` if the label is wider than its run.
    preferred (float): The middle of the run.
    half (float): Half the width of the label.
    legs (Sequence[float]): The x of the vertical lines of other arcs.
    RETURNS (float): The best centre that is nearest to `preferred`; `preferred` itself if the label is wider than its
        run.
    """
    if lowest > highest:
        return preferred
    candidates = [preferred] + [x + side * (half + 0.5) for x in legs for side in (-1, 1)]
    inside = [x for x in candidates if lowest <= x <= highest] or [lowest]
    return min(inside, key=lambda x: (sum(abs(leg - x) < half for leg in legs), abs(x - preferred)))


def _preferred_centre(part: ArcPart, width: float) -> float:
    """The middle of the run, or for an arc across lines near its foot, clear of the number at its open end."""
    half = part.label_width / 2
    if not part.number:
        return clamp((part.left + part.right) / 2, half, width - half)
    room = max(half + 6, min(part.label_width, (part.right - part.left) / 2))
    if part.continues:
        return max(half, min(part.left + room, part.right - half))
    return min(width - half, max(part.right - room, part.left + half))
