"""brat standoff: a folder of texts (.txt), each with its annotations by character offsets (.ann).

T lines are entities and R lines relations. A `*` line (an equivalence) becomes relations between all pairs of its
members, the earlier one as the head. What records cannot represent is counted: discontinuous entities, and the lines of
attributes, events, normalizations and notes. The entities of a text without an .ann file are None. Its relations are
None unless some file of the folder contains a relation, because brat does not state whether relations are annotated.
"""

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path

from .offsets import Offsets
from .reading import DIGITS, Location, read_lines, read_text
from .record import CharOffsets, CorpusError, EntityRecord, Record, RelationRecord
from .report import Report
from .surface import Mention, check_surface, with_offsets

UNSUPPORTED = {"A": "attribute", "M": "attribute", "E": "event", "N": "normalization", "#": "note"}
SUFFIXES = (".txt", ".ann", ".conf")  # the settings of brat are no annotations
# Begins a reference to another line, as in "Arg1:T1". Notes may also contain other words.
IDENTIFIER = re.compile(r"[TREAMN]\d+\Z")

OFFSETS = re.compile(r"(?<=[ ;])([0-9]{1,15}) ([0-9]{1,15})(?=;|\Z)")

Line = tuple[Location, list[str]]


def read_brat(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read a folder and its subfolders.

    path (Path): The folder.
    report (Report | None): Counts what records cannot represent, and notes texts without annotations.
    YIELDS (Record): One record per text, sorted by file name. Its id is the file name without its suffix.
    RAISES (CorpusError): If a line is malformed, refers to an unknown identifier, or its text differs from that at its
        offsets; if annotations have no text.
    """
    path = Path(path)
    report = report if report is not None else Report()
    files = _files(path, ".txt")
    if not files:
        raise CorpusError(path, 0, "the folder contains no .txt file")
    for file in _files(path, ".ann"):
        if not file.with_suffix(".txt").is_file():
            missing = file.with_suffix(".txt").name
            raise CorpusError(
                file, 0, f"there is no text for these annotations, {missing}. The annotations of a.txt must be in a.ann"
            )
    for file in _files(path, ""):
        if file.is_file() and file.suffix not in SUFFIXES:
            report.note("file that is neither a .txt nor an .ann file, not read", file.name)
    annotated = {
        file: list(_lines(file.with_suffix(".ann"), report)) for file in files if file.with_suffix(".ann").is_file()
    }
    has_relations = any(_is_relation(fields) for lines in annotated.values() for _, fields in lines)

    def parts(file: Path) -> tuple[str, list[Mention], Location]:
        return read_text(file, may_be_empty=True), _mentions(annotated.get(file, [])), Location(file)

    for file, offsets in with_offsets(lambda: files, parts, report):
        text = read_text(file, may_be_empty=True)
        record = Record(text=text, id=file.relative_to(path).with_suffix("").as_posix(), origin=file.name)
        if file not in annotated:
            report.note("text without an .ann file (a.txt needs a.ann), read as not annotated", file.name)
        else:
            entities, identifiers = _entities(annotated[file], text, offsets, report)
            relations = _relations(annotated[file], entities, identifiers, report)
            record.entities = list(entities.values())
            record.relations = relations if has_relations else None
        yield record


def _files(folder: Path, suffix: str) -> list[Path]:
    """The files below a folder, without hidden ones, which may be left by a writer that was interrupted."""
    found = sorted(folder.glob(f"**/*{suffix}"))
    return [file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)]


def _lines(file: Path, report: Report) -> Iterator[Line]:
    for number, line in read_lines(file, may_be_empty=True, report=report):
        if line.strip():
            fields = line.split("\t")
            if len(fields) < 2 or not fields[0]:
                raise CorpusError(file, number, "expected an identifier, a tab and the annotation")
            yield Location(file, number), fields


def _is_relation(fields: list[str]) -> bool:
    return fields[0][0] in "R*"


def _entities(
    lines: list[Line], text: str, offsets: Offsets, report: Report
) -> tuple[dict[str, EntityRecord], set[str]]:
    """The entities by identifier, and all identifiers that relations may refer to, including those of lost lines."""
    entities: dict[str, EntityRecord] = {}
    identifiers = _identifiers(lines)
    for location, fields in lines:
        name = fields[0]
        if name[0] in UNSUPPORTED:
            _check_references(fields[1].split()[1:], identifiers, location)
            report.lose(f"{UNSUPPORTED[name[0]]} (brat line {name[0]})", str(location), " ".join(fields[1:]))
        elif name[0] == "T":
            label, given = _fragments(fields[1], location)
            fragments = [offsets.convert(*fragment, location, f"the entity {name}") for fragment in given]
            start, end = fragments[0][0], fragments[-1][1]
            if len(fields) < 3:
                raise location.error(f"the text of the entity {name} is missing; perhaps the line was cut off")
            # A fragment also ends where an entity continues on the next line, with only white space between.
            if any(text[left[1] : right[0]].strip() for left, right in pairwise(fragments)):
                report.lose("discontinuous entity", str(location), " ".join(text[s:e] for s, e in fragments))
                continue
            check_surface("\t".join(fields[2:]), text[start:end], location, f"the entity {name}")
            entities[name] = EntityRecord(start, end, label)
        elif not _is_relation(fields):
            raise location.error(f"invalid identifier '{name}': expected one that begins with T, R, *, E, A, M, N or #")
    return entities, identifiers


def _mentions(lines: list[Line]) -> list[Mention]:
    """The entities. Of one with several fragments, whose text has only blanks between them, the fragments."""
    found: list[Mention] = []
    for _, fields in lines:
        fragments = OFFSETS.findall(fields[1]) if fields[0][0] == "T" else []
        whole = "\t".join(fields[2:]) if len(fragments) == 1 and len(fields) > 2 else None
        found += [Mention(int(start), int(end), whole) for start, end in fragments]
    return found


def _identifiers(lines: list[Line]) -> set[str]:
    """The identifiers of all lines. Equivalences all have the identifier `*`; notes may repeat theirs."""
    identifiers: set[str] = set()
    for location, fields in lines:
        if fields[0] in identifiers and fields[0][0] not in "*#":
            raise location.error(f"duplicate identifier {fields[0]}")
        identifiers.add(fields[0])
    return identifiers


def _check_references(words: list[str], identifiers: set[str], location: Location) -> None:
    for word in words:
        name = word.rsplit(":", 1)[-1]
        if IDENTIFIER.match(name) and name not in identifiers:
            raise location.error(f"the line refers to {name}, which is not in the file")


def _fragments(given: str, location: Location) -> tuple[str, list[CharOffsets]]:
    label, _, offsets = given.strip().partition(" ")
    fragments = []
    for fragment in offsets.split(";"):
        numbers = fragment.split()
        if len(numbers) != 2 or not all(DIGITS.match(number) for number in numbers):
            raise location.error(f"invalid entity '{given}': expected LABEL START END")
        fragments.append((int(numbers[0]), int(numbers[1])))
        if fragments[-1][0] >= fragments[-1][1]:
            raise location.error(f"invalid entity '{given}': a fragment ends before it begins")
    return label, sorted(fragments)


def _relations(
    lines: list[Line], entities: dict[str, EntityRecord], identifiers: set[str], report: Report
) -> list[RelationRecord]:
    indices = {name: i for i, name in enumerate(entities)}
    relations = []
    for location, fields in lines:
        if not _is_relation(fields):
            continue
        label, *members = fields[1].split() or [""]
        names = [member.split(":", 1)[-1] for member in members]
        if len(names) < 2 or (fields[0][0] == "R" and len(names) != 2) or any(fields[2:]):
            raise location.error(f"invalid relation '{fields[1]}': expected LABEL Arg1:T1 Arg2:T2")
        unknown = [name for name in names if name not in identifiers]
        if unknown:
            raise location.error(f"the relation '{label}' refers to {unknown[0]}, which is not in the file")
        for head, tail in combinations(names, 2):
            if head in indices and tail in indices:
                relations.append(RelationRecord(indices[head], indices[tail], label))
            else:
                report.lose("relation with a lost argument", str(location), fields[1])
    return relations
