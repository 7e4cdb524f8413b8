"""Entities of several parts, as in "*short* and long *bones*". A record has only entities of one part."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

from .reading import Location
from .record import CharOffsets
from .report import Report

Discontinuous = Literal["drop", "whole", "longest"]

MAX_SHOWN = 40  # characters of an entity
COUNTED: dict[Discontinuous, str] = {
    "drop": "discontinuous entity",
    "whole": "discontinuous entity (read from its first to its last part)",
    "longest": "discontinuous entity (its longest part is read)",
}


def join_fragments(
    fragments: Sequence[CharOffsets], text: str, rule: Discontinuous, location: Location, report: Report
) -> CharOffsets | None:
    """Join the parts of an entity. Parts with only white space between them, such as the lines of one that continues on
    the next line, are not discontinuous.

    fragments (Sequence[tuple[int, int]]): The character offsets of the parts, at least one.
    text (str): The text.
    rule (Discontinuous): What to read of a discontinuous entity. "drop": nothing. "whole": from the beginning of the
        first part to the end of the last one. "longest": the longest part, the first one if several are equally long.
    location (Location): Where it was read.
    report (Report): Counts discontinuous entities.
    RETURNS (tuple[int, int] | None): The offsets of the entity; None if it is dropped.
    """
    fragments = sorted(fragments)
    ends = [*accumulate((end for _, end in fragments), max)]
    if not any(text[end:start].strip() for end, (start, _) in zip(ends, fragments[1:])):
        return fragments[0][0], ends[-1]
    shown = " ".join(text[start:end] for start, end in fragments)
    report.lose(COUNTED[rule], str(location), shown[:MAX_SHOWN])
    if rule == "longest":
        return max(fragments, key=lambda fragment: fragment[1] - fragment[0])
    return (fragments[0][0], ends[-1]) if rule == "whole" else None
