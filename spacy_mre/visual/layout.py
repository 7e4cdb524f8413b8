"""Where does everything stand? From words, spans and links to coordinates; no Doc, no SVG, only numbers.

One call, `lay_out`, reads top to bottom like the picture is made: words are broken into lines, spans cut into one segment per line,
brackets under each line stacked so that the longer ones are further down, arcs above each line stacked so that no two labels meet, and at
last the lines set below one another.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .widths import starts_cluster, text_width

TEXT_SIZE = 18.0
LABEL_SIZE = 11.0

GUTTER = 26.0  # left and right of the text
CUT = 18.0  # where in the gutter an arc that goes on in another line ends, with its number beside it
ASCENT, DESCENT = 17.0, 6.0
GROWTH = 2.0  # by how much the tint of an outer entity stands out over that of an inner one
LEVEL_HEIGHT = 18.0
ROW_HEIGHT = 19.0
LINE_GAP = 16.0
PAD = 3.0

Place = tuple[int, int]


class Word(NamedTuple):
    """A token and the white space after it."""

    text: str
    space: str = ""


class LabelledSpan(NamedTuple):
    """Tokens `start` to `end` (exclusive) and the label to be written under them."""

    start: int
    end: int
    label: str


class Link(NamedTuple):
    """An arc from the tokens `head` to the tokens `tail`; `both` if it points both ways."""

    head: Place
    tail: Place
    label: str
    both: bool = False


class Box(NamedTuple):
    """A rectangle on the page."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two have more than an edge in common."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


class Piece(NamedTuple):
    """A token, or a part of one that is wider than a line. `right` is the end of its ink, `end` that of its white space."""

    token: int
    text: str
    line: int
    left: float
    right: float
    end: float


class Segment(NamedTuple):
    """The part of a span in one line. `opens` and `closes`: whether the span begins and ends here."""

    line: int
    left: float
    right: float
    opens: bool
    closes: bool


@dataclass
class Mark:
    """The bracket under one segment of the span number `span`. Only the first segment of a span carries its label."""

    span: int
    segment: Segment
    label: str
    label_left: float
    label_width: float
    level: int = 0
    tint: Box = Box(0, 0, 0, 0)
    box: Box = Box(0, 0, 0, 0)

    @property
    def left(self) -> float:
        return min(self.segment.left, self.label_left) if self.label else self.segment.left

    @property
    def right(self) -> float:
        return max(self.segment.right, self.label_left + self.label_width) if self.label else self.segment.right


@dataclass
class ArcPart:
    """The part of an arc in one line: from `left` to `right` at one level, with a foot on the text wherever an end of the arc stands there.

    An arc within a line has one part with two feet; one across lines has two parts with a foot each, and `number` tells them from the
    parts of other arcs. `head` and `tail` are the x of the feet, None where that end stands in the other part.
    """

    link: int
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
    label_box: Box = Box(0, 0, 0, 0)

    @property
    def goes_on(self) -> bool:
        """Whether the arc goes on in a later line."""
        return self.number > 0 and self.feet[0] == self.left

    @property
    def feet(self) -> list[float]:
        return sorted(x for x in (self.head, self.tail) if x is not None)

    @property
    def reach(self) -> tuple[float, float]:
        """The run with its label and a little air on both sides."""
        half = self.label_width / 2
        return min(self.left, self.label_centre - half) - PAD, max(self.right, self.label_centre + half) + PAD


@dataclass
class Picture:
    """The finished layout: everything in absolute coordinates."""

    width: float
    height: float
    baselines: list[float] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    arcs: list[ArcPart] = field(default_factory=list)

    def segments(self, start: int, end: int) -> list[Segment]:
        """Where the tokens from `start` to `end` stand, one segment per line."""
        return segments_of(start, end, self.pieces)


def lay_out(words: Sequence[Word], spans: Sequence[LabelledSpan], links: Sequence[Link], width: float) -> Picture:
    """Lay out one text.

    words (Sequence[Word]): Its tokens.
    spans (Sequence[LabelledSpan]): The entities; they may nest and cross.
    links (Sequence[Link]): The arcs; their ends need not be entities.
    width (float): The width of the whole picture.
    RETURNS (Picture): Its height follows.
    """
    pieces = break_lines(words, GUTTER, width - GUTTER)
    marks = place_marks(spans, pieces, width)
    arcs = place_arcs(links, spans, pieces, width)
    picture = Picture(width, 0.0, pieces=pieces, marks=marks, arcs=arcs)
    heights = nesting_heights([(span.start, span.end) for span in spans])
    growth = GROWTH * max(heights, default=0)
    y = 0.0
    for line in range(1 + max((piece.line for piece in pieces), default=-1)):
        arcs_here = [part for part in arcs if part.line == line]
        marks_here = [mark for mark in marks if mark.segment.line == line]
        floor = y + LEVEL_HEIGHT * (1 + max((part.level for part in arcs_here), default=-1)) + (8 if arcs_here else 0)
        baseline = floor + growth + ASCENT
        ceiling = baseline + DESCENT + growth
        for part in arcs_here:
            part.foot = floor
            part.y = floor - 8 - LEVEL_HEIGHT * part.level
            half = part.label_width / 2
            part.label_box = Box(
                part.label_centre - half, part.y - LABEL_SIZE - 3, part.label_centre + half, part.y - 1
            )
        for mark in marks_here:
            grown = GROWTH * heights[mark.span]
            segment = mark.segment
            mark.tint = Box(segment.left - 1, baseline - ASCENT - grown, segment.right + 1, baseline + DESCENT + grown)
            top = ceiling + 2 + ROW_HEIGHT * mark.level
            mark.box = Box(mark.left, top, mark.right, top + ROW_HEIGHT - 1)
        picture.baselines.append(baseline)
        y = ceiling + ROW_HEIGHT * (1 + max((mark.level for mark in marks_here), default=-1)) + LINE_GAP
    picture.height = y
    return picture


# Lines and segments


def break_lines(words: Sequence[Word], left: float, right: float) -> list[Piece]:
    """Break a text into lines.

    A line ends after white space or beside a full-width character, but not before closing and not after opening punctuation. A
    line break in the text is kept; a word wider than the line is cut.

    words (Sequence[Word]): The tokens.
    left (float): Where lines begin.
    right (float): Where they must end.
    RETURNS (List[Piece]): In reading order. Every token has at least one piece.
    """
    pieces: list[Piece] = []
    line, x = 0, left
    for unit in _units(words):
        if x > left and x + _ink(words, unit) > right:
            line, x = line + 1, left
        for token in unit:
            parts = _cut(words[token].text, right - left)
            for number, part in enumerate(parts):
                ink = _width(part)
                space = words[token].space if number == len(parts) - 1 else ""
                if x > left and x + ink > right and not part.isspace():
                    line, x = line + 1, left
                end = x + ink + text_width(space, TEXT_SIZE)
                pieces.append(Piece(token, part + space, line, x, min(x + ink, right), end))
                x = end
            if "\n" in words[token].text:
                line, x = line + 1, left
    return pieces


def segments_of(start: int, end: int, pieces: Iterable[Piece]) -> list[Segment]:
    """Cut the tokens from `start` to `end` into one segment per line."""
    by_line: dict[int, list[Piece]] = {}
    for piece in pieces:
        if start <= piece.token < end:
            by_line.setdefault(piece.line, []).append(piece)
    lines = sorted(by_line)
    return [
        Segment(line, by_line[line][0].left, by_line[line][-1].right, line == lines[0], line == lines[-1])
        for line in lines
    ]


def _units(words: Sequence[Word]) -> Iterable[list[int]]:
    """Runs of tokens that a line should keep together."""
    unit: list[int] = []
    for token, word in enumerate(words):
        if unit and not _sticks(words[token - 1], word):
            yield unit
            unit = []
        unit.append(token)
    if unit:
        yield unit


def _sticks(before: Word, after: Word) -> bool:
    if before.space or not before.text or not after.text or before.text.isspace():
        return False
    last, first = before.text[-1], after.text[0]
    if (
        unicodedata.category(last) in ("Ps", "Pi")
        or unicodedata.category(first) in ("Pe", "Pf", "Po")
        or first in "ーっッ々"
    ):
        return True
    return not any(unicodedata.east_asian_width(char) in "WF" for char in (last, first))


def _ink(words: Sequence[Word], unit: Sequence[int]) -> float:
    inner = sum(_width(words[token].text) + text_width(words[token].space, TEXT_SIZE) for token in unit)
    return inner - text_width(words[unit[-1]].space, TEXT_SIZE)


def _width(text: str) -> float:
    if text.isspace():
        return text_width(" ", TEXT_SIZE)
    return max(text_width(text, TEXT_SIZE), 0.3 * TEXT_SIZE)


def _cut(text: str, width: float) -> list[str]:
    if text_width(text, TEXT_SIZE) <= width:
        return [text]
    parts = [""]
    used = 0.0
    for previous, char in zip("\0" + text, text):
        wide = text_width(char, TEXT_SIZE)
        if parts[-1] and used + wide > width and starts_cluster(char, previous):
            parts.append("")
            used = 0.0
        parts[-1] += char
        used += wide
    return parts


# Brackets under the text


def place_marks(spans: Sequence[LabelledSpan], pieces: Sequence[Piece], width: float) -> list[Mark]:
    """Give every segment of every span a bracket, a place for its label, and a level; level 0 is next to the text.

    spans (Sequence[LabelledSpan]): The entities.
    pieces (Sequence[Piece]): The text in lines.
    width (float): The width of the picture, which labels do not leave.
    RETURNS (List[Mark]): Inner spans have lower levels than the spans around them; no two brackets with their labels overlap.
    """
    order = _inner_first([(span.start, span.end) for span in spans])
    placed: list[Mark] = []
    for number in order:
        span = spans[number]
        for segment in segments_of(span.start, span.end, pieces):
            label = span.label if segment.opens else ""
            wide = min(text_width(label, LABEL_SIZE), width)
            centre = _clamp((segment.left + segment.right) / 2, wide / 2, width - wide / 2)
            mark = Mark(number, segment, label, centre - wide / 2, wide)
            neighbours = [other for other in placed if other.segment.line == segment.line]
            inside = [other.level for other in neighbours if _contains(span, spans[other.span])]
            taken = {
                other.level for other in neighbours if mark.left - PAD < other.right and other.left - PAD < mark.right
            }
            mark.level = _lowest_free(taken, 1 + max(inside, default=-1))
            placed.append(mark)
    return sorted(placed, key=lambda mark: (mark.span, mark.segment.line))


def nesting_heights(places: Sequence[Place]) -> list[int]:
    """How many spans are stacked inside each span: 0 for one that contains no other.

    places (Sequence[Tuple[int, int]]): Start and end of each span. Of two with the same place the later contains the earlier.
    RETURNS (List[int]): One height per span.
    """
    heights = [0] * len(places)
    done: list[int] = []
    for number in _inner_first(places):
        start, end = places[number]
        inside = [heights[other] for other in done if start <= places[other][0] and places[other][1] <= end]
        heights[number] = 1 + max(inside, default=-1)
        done.append(number)
    return heights


def _inner_first(places: Sequence[Place]) -> list[int]:
    return sorted(
        range(len(places)), key=lambda number: (places[number][1] - places[number][0], places[number][0], number)
    )


def _contains(outer: LabelledSpan, inner: LabelledSpan) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


# Arcs above the text


def place_arcs(
    links: Sequence[Link], spans: Sequence[LabelledSpan], pieces: Sequence[Piece], width: float
) -> list[ArcPart]:
    """Give every link its part or parts, with feet, a level and a place for the label.

    links (Sequence[Link]): The arcs.
    spans (Sequence[LabelledSpan]): The entities: a foot on an entity avoids the entities inside it.
    pieces (Sequence[Piece]): The text in lines.
    width (float): The width of the picture.
    RETURNS (List[ArcPart]): In the order of the links. No two labels overlap, and no label stands on the run of another arc.
    """
    feet = place_feet(links, spans, pieces)
    parts: list[ArcPart] = []
    number = 0
    for place, (link, (head, tail)) in enumerate(zip(links, feet)):
        wide = min(text_width(link.label, LABEL_SIZE) + 2, width)
        if head[0] == tail[0]:
            left, right = sorted((head[1], tail[1]))
            parts.append(ArcPart(place, head[0], left, right, head[1], tail[1], 0, link.label, wide))
            continue
        number += 1
        for (line, x), (other, _), is_head in ((head, tail, True), (tail, head, False)):
            left, right = (x, width - CUT) if line < other else (CUT, x)
            ends = (x, None) if is_head else (None, x)
            parts.append(ArcPart(place, line, left, right, *ends, number, link.label, wide))
    for line in {part.line for part in parts}:
        stack_arcs([part for part in parts if part.line == line], width)
    return parts


def place_feet(
    links: Sequence[Link], spans: Sequence[LabelledSpan], pieces: Sequence[Piece]
) -> list[tuple[tuple[int, float], tuple[int, float]]]:
    """Where the two ends of every link stand: line and x.

    The feet on one span are spread over it, those that go left on the left, so that arcs of one span do not cross each other.

    links (Sequence[Link]): The arcs.
    spans (Sequence[LabelledSpan]): The entities.
    pieces (Sequence[Piece]): The text in lines.
    RETURNS (List[Tuple[Tuple[int, float], Tuple[int, float]]]): Head and tail of each link.
    """
    places = {place for link in links for place in (link.head, link.tail)}
    segments = {place: segments_of(*place, pieces) for place in places}
    chosen: list[tuple[Segment, Segment]] = []
    standing: dict[tuple[Place, int], list[tuple[tuple[int, float, float], int, int]]] = {}
    for number, link in enumerate(links):
        pairs = [(head, tail) for head in segments[link.head] for tail in segments[link.tail]]
        pair = min(pairs, key=lambda pair: (abs(pair[0].line - pair[1].line), pair[0].line, pair[1].line))
        chosen.append(pair)
        for end, place in enumerate((link.head, link.tail)):
            here, there = pair[end], pair[1 - end]
            ahead = (there.line - here.line, there.left + there.right - here.left - here.right)
            side = (ahead > (0, 0.0)) - (ahead < (0, 0.0))
            # The farther end of a side stands nearer to the middle: its arc is higher and passes over the others.
            key = (side, -ahead[0], -ahead[1])
            standing.setdefault((place, here.line), []).append((key, number, end))
    x_of: dict[tuple[int, int], float] = {}
    for (place, line), ends in standing.items():
        segment = next(segment for segment in segments[place] if segment.line == line)
        left, right = _free_stretch(place, segment, spans, pieces)
        step = min(12.0, (right - left) / (len(ends) + 1))
        first = (left + right - step * (len(ends) - 1)) / 2
        for slot, (_, number, end) in enumerate(sorted(ends)):
            x_of[number, end] = first + slot * step
    return [((head.line, x_of[n, 0]), (tail.line, x_of[n, 1])) for n, (head, tail) in enumerate(chosen)]


def stack_arcs(parts: Sequence[ArcPart], width: float) -> None:
    """Give the arc parts of one line their levels, short ones first, and then their labels a place clear of the legs of higher arcs.

    parts (Sequence[ArcPart]): Changed in place: `level` and `label_centre`.
    width (float): The width of the picture, which labels do not leave.
    """
    placed: list[ArcPart] = []
    for part in sorted(parts, key=lambda part: (part.right - part.left, part.left)):
        part.label_centre = _wanted_centre(part, width)
        left, right = part.reach
        part.level = _lowest_free(
            {other.level for other in placed if left < other.reach[1] and other.reach[0] < right}, 0
        )
        placed.append(part)
    for part in placed:
        legs = [x for other in placed if other.level > part.level for x in other.feet]
        half = part.label_width / 2 + 2
        part.label_centre = clear_centre(part.left + half, part.right - half, part.label_centre, half, legs)


def _wanted_centre(part: ArcPart, width: float) -> float:
    """Over the middle of the run; over its beginning at the foot if the arc goes on elsewhere, and never over the number at its cut."""
    half = part.label_width / 2
    if not part.number:
        return _clamp((part.left + part.right) / 2, half, width - half)
    room = max(half + 6, min(part.label_width, (part.right - part.left) / 2))
    if part.goes_on:
        return max(half, min(part.left + room, part.right - half))
    return min(width - half, max(part.right - room, part.left + half))


def clear_centre(lowest: float, highest: float, wanted: float, half: float, legs: Sequence[float]) -> float:
    """The centre nearest to `wanted`, between `lowest` and `highest`, around which the fewest legs stand within `half`.

    lowest (float): The leftmost centre that keeps the label over its run.
    highest (float): The rightmost; less than `lowest` if the label is wider than its run: then it stays where it is.
    wanted (float): The middle of the run.
    half (float): Half the width to keep clear.
    legs (Sequence[float]): The x of vertical lines in the way.
    RETURNS (float): The centre.
    """
    if lowest > highest:
        return wanted
    candidates = [wanted] + [x + side * (half + 0.5) for x in legs for side in (-1, 1)]
    inside = [x for x in candidates if lowest <= x <= highest] or [lowest]
    return min(inside, key=lambda x: (sum(abs(leg - x) < half for leg in legs), abs(x - wanted)))


def _free_stretch(
    place: Place, segment: Segment, spans: Sequence[LabelledSpan], pieces: Sequence[Piece]
) -> tuple[float, float]:
    """The widest part of a segment that no smaller entity covers, or the whole of it where too little is left."""
    inner = [
        (part.left, part.right)
        for span in spans
        if place[0] <= span.start and span.end <= place[1] and (span.start, span.end) != place
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


def _lowest_free(taken: Iterable[int], floor: int) -> int:
    taken = set(taken)
    level = floor
    while level in taken:
        level += 1
    return level


def _clamp(x: float, lowest: float, highest: float) -> float:
    return max(lowest, min(x, highest))
