"""The lines of an .ann file of brat: an identifier, what it states, and a text, with tabs between them."""

import re
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

from .offsets import INSIDE, Offsets, Unit
from .reading import DIGITS, Location, read_lines
from .record import CharOffsets, CorpusError
from .report import Report
from .surface import Mention

KINDS = "TR*EAMN#"
# Begins a reference to another line, as in "Arg1:T1". Notes may also contain other words.
IDENTIFIER = re.compile(r"[TREAMN]\d+\Z")
OFFSETS = re.compile(r"(?<=[ ;])([0-9]{1,15}) ([0-9]{1,15})(?=;|\Z)")
UNITS: tuple[Unit, ...] = ("characters", "utf16", "utf8")
MAX_SHOWN = 40  # characters of an identifier


class Line(NamedTuple):
    """A line of an .ann file.

    location (Location): Where it was read.
    id (str): Its identifier, such as "T1". Equivalences all have the identifier "*".
    body (str): What it states, such as "person 0 3" or "met Arg1:T1 Arg2:T2".
    text (str | None): The text after it: that of an entity, a note or an entry of a database.
    """

    location: Location
    id: str
    body: str
    text: str | None

    @property
    def kind(self) -> str:
        """The first letter of the identifier: T, R, *, E, A, M, N or #."""
        return self.id[0]

    @property
    def label(self) -> str:
        """The first word: the label of a relation, or the name of an attribute."""
        return self.body.split()[0]

    @property
    def members(self) -> list[tuple[str, str]]:
        """The role and the identifier of each member of a relation, an equivalence (without roles) or an event."""
        words = self.body.split()[self.kind != "E" :]
        return [(role, name) for role, _, name in (word.rpartition(":") for word in words)]

    def fragments(self) -> tuple[str, list[CharOffsets]]:
        """RETURNS (tuple[str, list[tuple[int, int]]]): The label and the offsets of the parts of an entity."""
        label, _, offsets = self.body.strip().partition(" ")
        fragments = []
        for fragment in offsets.split(";"):
            numbers = fragment.split()
            if len(numbers) != 2 or not all(DIGITS.match(number) for number in numbers):
                raise self.location.error(f"invalid entity '{self.body}': expected LABEL START END")
            fragments.append((int(numbers[0]), int(numbers[1])))
            start, end = fragments[-1]
            if start >= end:
                fault = "is empty" if start == end else "ends before it begins"
                raise self.location.error(f"invalid entity '{self.body}': a fragment {fault}")
        return label, fragments


def read_ann(file: Path, report: Report) -> list[Line]:
    """Read an .ann file.

    file (Path): The file.
    report (Report): Gets a note if the last line does not end.
    RETURNS (list[Line]): Its lines.
    RAISES (CorpusError): If a line is malformed, repeats an identifier, or refers to one that is not in the file.
    """
    lines = []
    for number, given in read_lines(file, may_be_empty=True, report=report):
        if given.strip():
            name, _, rest = given.partition("\t")
            if not name or "\t" not in given:
                raise CorpusError(file, number, "expected an identifier, a tab and the annotation")
            body, tab, text = rest.partition("\t")
            lines.append(Line(Location(file, number), name, body, text if tab else None))
    names: set[str] = set()
    for line in lines:
        if line.kind not in KINDS:
            raise line.location.error(
                f"invalid identifier '{line.id[:MAX_SHOWN]}': expected one that begins with T, R, *, E, A, M, N or #"
            )
        if line.id in names and line.kind not in "*#":
            raise line.location.error(f"duplicate identifier {line.id}")
        names.add(line.id)
    for line in lines:
        _check_form(line)
        for name in _references(line):
            if name not in names:
                raise line.location.error(f"the line refers to {name}, which is not in the file")
    return lines


def find_mentions(lines: list[Line]) -> list[Mention]:
    """RETURNS (list[Mention]): The entities; of those that have several fragments, each fragment."""
    found: list[Mention] = []
    for line in lines:
        given = OFFSETS.findall(line.body) if line.kind == "T" else []
        fragments = [(int(start), int(end)) for start, end in given]
        texts = [line.text] if len(fragments) == 1 else _split_text(line.text or "", fragments)
        found += [Mention(*offsets, text) for offsets, text in zip(fragments, texts)]
    return found


def _split_text(text: str, fragments: list[CharOffsets]) -> list[str | None]:
    """The texts of fragments, between which brat puts a blank; None if their lengths do not add up in any unit."""
    ends = list(accumulate((end - start + 1 for start, end in fragments), initial=0))
    for unit in UNITS if all(start < end for start, end in fragments) else ():
        positions = [*Offsets(text, unit).positions, len(text) + 1]  # as if there were a blank at the end
        if len(positions) == ends[-1] + 1 and all(positions[end] != INSIDE for end in ends):
            return [text[positions[start] : positions[end] - 1] for start, end in pairwise(ends)]
    return [None] * len(fragments)


def _check_form(line: Line) -> None:
    words = line.body.split()
    if line.kind in "R*" and (len(words) < 3 or (line.kind == "R" and len(words) != 3) or line.text):
        raise line.location.error(f"invalid relation '{line.body}': expected LABEL Arg1:T1 Arg2:T2")
    if line.kind == "E" and (not words or any(not role or not name for role, name in line.members) or line.text):
        raise line.location.error(f"invalid event '{line.body}': expected LABEL:T1 ROLE:T2 ROLE:T3")
    if line.kind in "AM" and len(words) < 2:
        raise line.location.error(f"invalid attribute '{line.body}': expected NAME T1 or NAME T1 VALUE")
    if line.kind == "N" and len(words) < 3:
        raise line.location.error(f"invalid normalization '{line.body}': expected NAME T1 DATABASE:ENTRY")


def _references(line: Line) -> list[str]:
    """The identifiers to which a line refers."""
    if line.kind in "R*E":
        return [name for _, name in line.members]
    names = [] if line.kind == "T" else line.body.split()[1:2]
    return [name for name in names if line.kind != "#" or IDENTIFIER.match(name)]
