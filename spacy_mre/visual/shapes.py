"""The parts of a picture and their coordinates: words, arcs, boxes, and what the layout computes from them.

All sizes are in pixels. x grows to the right, y grows downwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..annotations.entities import Offsets

TEXT_SIZE = 18.0
LABEL_SIZE = 11.0

# Left and right of the text.
GUTTER = 26.0
# An arc that continues on another line ends this far from the edge; its number is written next to that end.
CUT = 18.0
# Space around labels.
PADDING = 3.0


class Word(NamedTuple):
    """A token and the white space after it."""

    text: str
    space: str = ""


class Arc(NamedTuple):
    """An arc from the tokens `head` to the tokens `tail`; `both` if it points in both directions."""

    head: Offsets
    tail: Offsets
    label: str
    both: bool = False


class Box(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        """Test whether two boxes share more than an edge.

        other (Box): The other box.
        RETURNS (bool): Whether they overlap.
        """
        horizontally = self.left < other.right and other.left < self.right
        return horizontally and self.top < other.bottom and other.top < self.bottom


EMPTY_BOX = Box(0, 0, 0, 0)


class Piece(NamedTuple):
    """A token, or a part of a token that is wider than a line.

    `right` is the end of the visible text, `end` the end of the white space after it.
    """

    token: int
    text: str
    line: int
    left: float
    right: float
    end: float


class Segment(NamedTuple):
    """The part of a span on one line. `opens` and `closes`: whether the span begins and ends there."""

    line: int
    left: float
    right: float
    opens: bool
    closes: bool


@dataclass
class Mark:
    """The bracket under one segment of a span. `label` is empty except for the first segment.

    span (int): The index of the span.
    level (int): 0 for brackets next to the text, larger further down.
    tint (Box): The coloured background of the text.
    box (Box): The bracket and its label.
    """

    span: int
    segment: Segment
    label: str
    label_left: float
    label_width: float
    level: int = 0
    tint: Box = EMPTY_BOX
    box: Box = EMPTY_BOX

    @property
    def left(self) -> float:
        """RETURNS (float): The left edge of the bracket and its label."""
        return min(self.segment.left, self.label_left) if self.label else self.segment.left

    @property
    def right(self) -> float:
        """RETURNS (float): The right edge of the bracket and its label."""
        return max(self.segment.right, self.label_left + self.label_width) if self.label else self.segment.right


@dataclass
class ArcPart:
    """The part of an arc on one line, a horizontal run with one or two feet on the text.

    An arc within a line has one part with two feet. An arc across lines has two parts with one foot each.

    arc (int): The index of the arc.
    head (float | None): The x of the foot on the head; None if the head is on the other part.
    tail (float | None): The same for the tail.
    number (int): The number that is written at the open ends of both parts; 0 for an arc within a line.
    level (int): 0 for the lowest run.
    y (float): The y of the run.
    foot (float): The y of the feet.
    """

    arc: int
    line: int
    left: float
    right: float
    head: float | None
    tail: float | None
    number: int
    label: str
    label_width: float
    label_centre: float = 0.0
    level: int = 0
    y: float = 0.0
    foot: float = 0.0
    label_box: Box = EMPTY_BOX

    @property
    def continues(self) -> bool:
        """RETURNS (bool): Whether the arc continues on a later line."""
        return self.number > 0 and self.feet[0] == self.left

    @property
    def feet(self) -> list[float]:
        """RETURNS (list[float]): The x of the feet, from left to right."""
        return sorted(x for x in (self.head, self.tail) if x is not None)

    @property
    def extent(self) -> tuple[float, float]:
        """RETURNS (tuple[float, float]): The left and right edges of the run and its label, with padding."""
        half = self.label_width / 2
        return min(self.left, self.label_centre - half) - PADDING, max(self.right, self.label_centre + half) + PADDING


@dataclass
class Picture:
    """The finished layout, in absolute coordinates."""

    width: float
    height: float
    baselines: list[float] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    arc_parts: list[ArcPart] = field(default_factory=list)


def clamp(x: float, lowest: float, highest: float) -> float:
    """Limit a number to a range; `lowest` wins if the range is empty."""
    return max(lowest, min(x, highest))


def lowest_free(taken: Iterable[int], floor: int) -> int:
    """The lowest level from `floor` upwards that is not taken."""
    taken = set(taken)
    level = floor
    while level in taken:
        level += 1
    return level
