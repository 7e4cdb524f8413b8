"""brat standoff: a folder of texts (.txt), each with its annotations by character offsets (.ann).

T lines are entities and R lines relations. A `*` line (an equivalence) becomes relations between all pairs of its
members, the earlier one as the head. What records cannot represent is counted: discontinuous entities, and the lines of
attributes, events, normalizations and notes. The entities of a text without an .ann file are None. Its relations are
None unless some file of the folder contains a relation, because brat does not state whether relations are annotated.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise
from pathlib import Path

from .reading import Location, read_lines, read_text
from .record import CharOffsets, CorpusError, EntityRecord, Record, RelationRecord
from .report import Report

UNSUPPORTED = {"A": "attribute", "M": "attribute", "E": "event", "N": "normalization", "#": "note"}
SAFE_NAME = re.compile(r"[\w][\w .-]*(/[\w][\w .-]*)*\Z")
MAX_NAME = 200  # bytes; file systems allow 255

Line = tuple[Location, list[str]]


def read_brat(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read a folder and its subfolders.

    path (Path): The folder.
    report (Report | None): Counts what records cannot represent.
    YIELDS (Record): One record per text, sorted by file name. Its id is the file name without its suffix.
    RAISES (CorpusError): If a line is malformed, refers to an unknown identifier, or its text differs from that at its
        offsets.
    """
    path = Path(path)
    report = report if report is not None else Report()
    files = sorted(path.glob("**/*.txt"))
    if not files:
        raise CorpusError(path, 0, "the folder contains no .txt file")
    annotated = {file: list(_lines(file.with_suffix(".ann"))) for file in files if file.with_suffix(".ann").is_file()}
    has_relations = any(_is_relation(fields) for lines in annotated.values() for _, fields in lines)
    for file in files:
        text = read_text(file, may_be_empty=True)
        record = Record(text=text, id=file.relative_to(path).with_suffix("").as_posix(), origin=file.name)
        if file in annotated:
            entities, identifiers = _entities(annotated[file], text, report)
            relations = _relations(annotated[file], entities, identifiers, report)
            record.entities = list(entities.values())
            record.relations = relations if has_relations else None
        yield record


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as a folder that `read_brat` reads. Text labels, tokens and groups are not written.

    records (Iterable[Record]): The records.
    path (Path): The folder; it is created.
    report (Report | None): Counts what brat cannot represent.
    RETURNS (int): The number of texts.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    report = report if report is not None else Report()
    names: set[str] = set()
    has_relations = False
    not_annotated: list[str] = []
    annotated_as_none: list[str] = []
    for number, record in enumerate(records, start=1):
        file = path / f"{_unique_name(record, number, names, report)}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(record.text.encode("utf8"))
        if record.cats is not None:
            report.lose("text labels (not supported by brat)", record.origin)
        annotations = file.with_suffix(".ann")
        if record.entities is None:
            annotations.unlink(missing_ok=True)
            continue
        lines = list(_as_lines(record, report))
        annotations.write_bytes("".join(line + "\n" for line in lines).encode("utf8"))
        has_relations |= any(line.startswith("R") for line in lines)
        if record.relations is None:
            not_annotated.append(record.origin)
        elif not record.relations:
            annotated_as_none.append(record.origin)
    if has_relations:
        for origin in not_annotated:
            report.lose("missing relation annotation (brat cannot distinguish it from an empty one)", origin)
    else:
        for origin in annotated_as_none:
            report.lose("empty relation annotation (brat cannot distinguish it from a missing one)", origin)
    return len(names)


def _unique_name(record: Record, number: int, names: set[str], report: Report) -> str:
    """The id if it is a valid and unused file name (file systems may ignore case), otherwise a new name."""
    name = record.id
    if not SAFE_NAME.match(name) or len(name.encode("utf8")) > MAX_NAME or name.lower() in names:
        report.lose("id that is not a valid or not a unique file name", record.origin, name)
        name = f"text-{number:06}"
        while name in names:
            name += "-"
    names.add(name.lower())
    return name


def _lines(file: Path) -> Iterator[Line]:
    for number, line in read_lines(file, may_be_empty=True):
        if line.strip():
            fields = line.split("\t")
            if len(fields) < 2 or not fields[0]:
                raise CorpusError(file, number, "expected an identifier, a tab and the annotation")
            yield Location(file, number), fields


def _is_relation(fields: list[str]) -> bool:
    return fields[0][0] in "R*"


def _entities(lines: list[Line], text: str, report: Report) -> tuple[dict[str, EntityRecord], set[str]]:
    """The entities by identifier, and all identifiers that relations may refer to, including those of lost lines."""
    entities: dict[str, EntityRecord] = {}
    identifiers: set[str] = set()
    for location, fields in lines:
        name = fields[0]
        if name[0] in UNSUPPORTED:
            report.lose(f"{UNSUPPORTED[name[0]]} (brat line {name[0]})", str(location), " ".join(fields[1:]))
            identifiers.add(name)
        elif name[0] == "T":
            if name in identifiers:
                raise location.error(f"duplicate identifier {name}")
            identifiers.add(name)
            label, fragments = _fragments(fields[1], location)
            start, end = location.check_offsets(fragments[0][0], fragments[-1][1], len(text), f"the entity {name}")
            # A fragment also ends where an entity continues on the next line, with only white space between.
            if any(text[left[1] : right[0]].strip() for left, right in pairwise(fragments)):
                report.lose("discontinuous entity", str(location), " ".join(text[s:e] for s, e in fragments))
                continue
            if len(fields) > 2 and fields[2].split() != text[start:end].split():
                raise location.error(
                    f"the entity {name} is '{fields[2]}', but the text at its offsets is '{text[start:end]}'"
                )
            entities[name] = EntityRecord(start, end, label)
        elif not _is_relation(fields):
            raise location.error(f"invalid identifier '{name}': expected one that begins with T, R, *, E, A, M, N or #")
    return entities, identifiers


def _fragments(given: str, location: Location) -> tuple[str, list[CharOffsets]]:
    label, _, offsets = given.strip().partition(" ")
    fragments = []
    for fragment in offsets.split(";"):
        numbers = fragment.split()
        if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
            raise location.error(f"invalid entity '{given}': expected LABEL START END")
        fragments.append((int(numbers[0]), int(numbers[1])))
    return label, sorted(fragments)


def _relations(
    lines: list[Line], entities: dict[str, EntityRecord], identifiers: set[str], report: Report
) -> list[RelationRecord]:
    indices = {name: i for i, name in enumerate(entities)}
    relations = []
    for location, fields in lines:
        if not _is_relation(fields):
            continue
        label, *members = fields[1].split()
        names = [member.split(":", 1)[-1] for member in members]
        if len(names) < 2 or (fields[0][0] == "R" and len(names) != 2):
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


def _as_lines(record: Record, report: Report) -> Iterator[str]:
    written = set()
    for i, entity in enumerate(record.entities or ()):
        if not _is_label(entity.label):
            report.lose("label that is empty or contains white space", record.origin, repr(entity.label))
            continue
        written.add(i)
        text = re.sub(r"\s", " ", record.text[entity.start : entity.end])
        yield f"T{i + 1}\t{entity.label} {entity.start} {entity.end}\t{text}"
    for i, relation in enumerate(record.relations or ()):
        if not _is_label(relation.label):
            report.lose("label that is empty or contains white space", record.origin, repr(relation.label))
        elif relation.head not in written or relation.tail not in written:
            report.lose("relation with a lost argument", record.origin, relation.label)
        else:
            yield f"R{i + 1}\t{relation.label} Arg1:T{relation.head + 1} Arg2:T{relation.tail + 1}"


def _is_label(label: str) -> bool:
    return bool(label) and not re.search(r"\s", label)
