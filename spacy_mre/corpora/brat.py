"""brat standoff: a folder of texts (.txt), each with its annotations by character (.ann).

T lines are entities and R lines relations; `*` lines (equivalences) become relations among all pairs of their members, the one
named first as the head. What a record cannot hold is counted: discontinuous entities, and the lines of attributes, events,
normalisations and notes. A text without an .ann file has no annotation; relations are annotated in a folder if any of its files
has one, so what is written for a corpus where only some records have that layer is counted, too.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path

from .reading import Location, read_lines, read_text
from .record import CorpusError, EntityRecord, Record, RelationRecord
from .report import Report

UNREPRESENTED = {"A": "attribute", "M": "attribute", "E": "event", "N": "normalisation", "#": "note"}
SAFE_NAME = re.compile(r"[\w][\w .-]*(/[\w][\w .-]*)*\Z")
MAX_NAME = 200  # bytes; file systems allow 255

Line = tuple[Location, list[str]]


def read_brat(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read a folder.

    path (Path): The folder; the folders in it are read too.
    report (Optional[Report]): Counts what a record cannot hold.
    YIELDS (Record): One record per text, in the order of their names, which are the ids.
    RAISES (CorpusError): Malformed lines, references to nothing, entities outside the text or with another text than what stands there.
    """
    path = Path(path)
    report = report if report is not None else Report()
    files = sorted(path.glob("**/*.txt"))
    if not files:
        raise CorpusError(path, 0, "there is no .txt file in this folder")
    annotated = {file: list(_lines(file.with_suffix(".ann"))) for file in files if file.with_suffix(".ann").is_file()}
    has_relations = any(fields[0][0] in "R*" for lines in annotated.values() for _, fields in lines)
    for file in files:
        text = read_text(file, may_be_empty=True)
        record = Record(text=text, id=file.relative_to(path).with_suffix("").as_posix(), origin=file.name)
        if file in annotated:
            entities, known = _entities(annotated[file], text, report)
            relations = _relations(annotated[file], entities, known, report)
            record.entities = list(entities.values())
            record.relations = relations if has_relations else None
        yield record


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as a folder that `read_brat` reads back. Text classes, tokens and groups have no place in brat.

    records (Iterable[Record]): The records.
    path (Path): The folder; it is made.
    report (Optional[Report]): Counts what brat cannot hold.
    RETURNS (int): How many texts were written.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    report = report if report is not None else Report()
    taken: set[str] = set()
    with_relations, absent, empty = 0, [], []
    for number, record in enumerate(records, start=1):
        name = record.id
        if not SAFE_NAME.match(name) or len(name.encode("utf8")) > MAX_NAME or name.lower() in taken:
            name = f"text-{number:06}"
            while name in taken:
                name += "-"
            report.lose("id that is no file name, or not the only one", record.origin, record.id)
        taken.add(name.lower())
        file = path / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(record.text.encode("utf8"))
        if record.cats is not None:
            report.lose("text classes, which brat does not have", record.origin)
        annotations = path / f"{name}.ann"
        if record.entities is None:
            annotations.unlink(missing_ok=True)
        else:
            lines = list(_as_lines(record, report))
            annotations.write_bytes("".join(line + "\n" for line in lines).encode("utf8"))
            with_relations += any(line.startswith("R") for line in lines)
            if not record.relations:
                (absent if record.relations is None else empty).append(record.origin)
    for origin in absent if with_relations else ():
        report.lose("absent relations, which brat cannot tell from none", origin)
    for origin in () if with_relations else empty:
        report.lose("empty relations, which brat cannot tell from absent ones where no text has any", origin)
    return len(taken)


def _lines(file: Path) -> Iterator[Line]:
    for number, line in read_lines(file, may_be_empty=True):
        if line.strip():
            fields = line.split("\t")
            if len(fields) < 2 or not fields[0]:
                raise CorpusError(file, number, "an identifier, a tab and the annotation were expected")
            yield Location(file, number), fields


def _entities(lines: list[Line], text: str, report: Report) -> tuple[dict[str, EntityRecord], set[str]]:
    """The entities by identifier, and the identifiers of everything that a relation may name, whether it can be held or not."""
    entities: dict[str, EntityRecord] = {}
    known: set[str] = set()
    for place, fields in lines:
        name = fields[0]
        if name[0] in UNREPRESENTED:
            report.lose(f"{UNREPRESENTED[name[0]]} (a brat line {name[0]})", str(place), " ".join(fields[1:]))
            known.add(name)
        elif name[0] == "T":
            if name in known:
                raise place.error(f"the identifier {name} was used before")
            known.add(name)
            label, fragments = _fragments(fields[1], place)
            start, end = place.inside(fragments[0][0], fragments[-1][1], len(text), f"the entity {name}")
            if any(text[left[1] : right[0]].strip() for left, right in zip(fragments, fragments[1:])):
                report.lose("discontinuous entity", str(place), " ".join(text[s:e] for s, e in fragments))
                continue
            if len(fields) > 2 and fields[2].split() != text[start:end].split():
                raise place.error(f"the entity {name} is '{fields[2]}', but '{text[start:end]}' stands at its place")
            entities[name] = EntityRecord(start, end, label)
        elif name[0] not in "R*":
            raise place.error(f"a line that begins with '{name}' is none of brat's")
    return entities, known


def _fragments(given: str, place: Location) -> tuple[str, list[tuple[int, int]]]:
    label, _, offsets = given.strip().partition(" ")
    fragments = []
    for fragment in offsets.split(";"):
        numbers = fragment.split()
        if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
            raise place.error(f"'{given}' is no entity: write LABEL START END")
        fragments.append((int(numbers[0]), int(numbers[1])))
    return label, sorted(fragments)


def _relations(
    lines: list[Line], entities: dict[str, EntityRecord], known: set[str], report: Report
) -> list[RelationRecord]:
    places = {name: i for i, name in enumerate(entities)}
    relations = []
    for place, fields in lines:
        if fields[0][0] not in "R*":
            continue
        label, *members = fields[1].split()
        names = [member.split(":", 1)[-1] for member in members]
        if len(names) < 2 or (fields[0][0] == "R" and len(names) != 2):
            raise place.error(f"'{fields[1]}' is no relation: write LABEL Arg1:T1 Arg2:T2")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise place.error(f"the relation '{label}' names {unknown[0]}, which is not in the file")
        for head, tail in combinations(names, 2):
            if head in places and tail in places:
                relations.append(RelationRecord(places[head], places[tail], label))
            else:
                report.lose("relation with a lost end", str(place), fields[1])
    return relations


def _as_lines(record: Record, report: Report) -> Iterator[str]:
    written = set()
    for i, entity in enumerate(record.entities or (), start=1):
        if _is_label(entity.label):
            written.add(i - 1)
            text = re.sub(r"\s", " ", record.text[entity.start : entity.end])
            yield f"T{i}\t{entity.label} {entity.start} {entity.end}\t{text}"
        else:
            report.lose("label that is empty or has white space", record.origin, repr(entity.label))
    for i, relation in enumerate(record.relations or (), start=1):
        if not _is_label(relation.label):
            report.lose("label that is empty or has white space", record.origin, repr(relation.label))
        elif relation.head not in written or relation.tail not in written:
            report.lose("relation with a lost end", record.origin, relation.label)
        else:
            yield f"R{i}\t{relation.label} Arg1:T{relation.head + 1} Arg2:T{relation.tail + 1}"


def _is_label(label: str) -> bool:
    return bool(label) and not re.search(r"\s", label)
