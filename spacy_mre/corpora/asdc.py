"""ASDC's tab-separated dialogues: dialogue acts of user utterances, and the spans that express a request.

One user utterance becomes one record, and its dialogue act the text label. A span becomes an entity labelled with its
type. A sub-span, which narrows a span down, becomes an entity `修飾` and the tail of a relation `sub_span`; a
demonstrative, which refers to a span, becomes an entity `照応` and the tail of a relation `demon_span`. A span,
sub-span or demonstrative in another utterance is counted as lost, and so are its relations. Several rows for one span
become one entity. Span flags, importance and negation are attributes, which records cannot represent; negated spans are
counted.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from .reading import Location, read_lines
from .record import CorpusError, EntityRecord, Record, RelationRecord
from .report import Report

SUB_SPAN = "修飾"
DEMONSTRATIVE = "照応"
SPEAKERS = ("user", "agent")

# Values by the name of their column.
Row = dict[str, str]


def read_asdc(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read the corpus.

    path (Path): The folder that contains the folders `dialog_act` and `request_span`.
    report (Report | None): Counts what records cannot represent, and notes what `request_span` does not contain.
    YIELDS (Record): The user utterances with a dialogue act. The id is that of the utterance, the group that of the
        dialogue. If a dialogue has no file in `request_span`, its entities and relations are None.
    RAISES (CorpusError): If the input is malformed, or refers to a dialogue or an utterance that is not in
        `dialog_act`.
    """
    path = Path(path)
    report = report if report is not None else Report()
    files = sorted((path / "dialog_act").glob("*.tsv"))
    if not files:
        raise CorpusError(path, 0, "expected a folder that contains dialog_act/*.tsv and request_span/*.tsv")
    for span_file in sorted((path / "request_span").glob("*.tsv")):
        if not (path / "dialog_act" / span_file.name).is_file():
            raise CorpusError(span_file, 0, "there is no file of this name in dialog_act")
    for file in files:
        span_file = path / "request_span" / file.name
        rows = list(_rows(file, report))
        if not rows:
            raise CorpusError(file, 0, "there is no utterance below the header")
        known = _utterances(rows)
        span_rows = _rows_by_utterance(span_file, known, report) if span_file.is_file() else None
        if span_rows is None:
            report.note("dialogue without a file in request_span, read as not annotated", file.name)
        for row, location in rows:
            speaker = _column(row, "speaker", location)
            if speaker not in SPEAKERS:
                raise location.error(f"unknown speaker '{speaker}': expected one of {', '.join(SPEAKERS)}")
            if speaker != "user":
                continue
            if not _column(row, "speech_act", location):
                report.lose("user utterance without a dialogue act", str(location), _column(row, "utterance", location))
                continue
            record = Record(
                text=_column(row, "utterance", location),
                id=_column(row, "utterance_id", location),
                cats={row["speech_act"]: 1.0},
                group=_column(row, "src_file_id", location),
                origin=str(location),
            )
            if span_rows is not None:
                if record.id not in span_rows:
                    report.note("utterance without a row in request_span", str(location))
                _add_spans(record, span_rows.pop(record.id, []), report)
            yield record
        for row, location in chain.from_iterable((span_rows or {}).values()):
            if _column(row, "span_id", location):
                report.lose("span of an utterance that is not read", str(location), _column(row, "span_text", location))


def _add_spans(record: Record, rows: list[tuple[Row, Location]], report: Report) -> None:
    entities: dict[EntityRecord, int] = {}
    relations: dict[RelationRecord, None] = {}
    for row, location in rows:
        if not _column(row, "span_id", location):
            continue
        span = _read_entity(row, "span", _column(row, "span_type", location), record, location, report)
        head = None if span is None else entities.setdefault(span, len(entities))
        for prefix, label in (("sub_span", SUB_SPAN), ("demon_span", DEMONSTRATIVE)):
            if not _column(row, f"{prefix}_id", location):
                continue
            other = _read_entity(row, prefix, label, record, location, report)
            tail = None if other is None else entities.setdefault(other, len(entities))
            if head is None or tail is None:
                report.lose(f"relation {prefix} to or from another utterance", str(location))
            else:
                relations[RelationRecord(head, tail, prefix)] = None
        if _column(row, "negation", location) == "1":
            report.lose("negation of a span (an attribute)", str(location), row["span_text"])
    record.entities = list(entities)
    record.relations = list(relations)


def _read_entity(
    row: Row, prefix: str, label: str, record: Record, location: Location, report: Report
) -> EntityRecord | None:
    """Read the columns whose names begin with the prefix. None if the span is in another utterance."""
    text = _column(row, f"{prefix}_text", location)
    if _column(row, f"{prefix}_utterance_id", location) != record.id:
        report.lose(f"{prefix} in another utterance", str(location), text)
        return None
    start = _number(row, f"{prefix}_start", location)
    end = start + _number(row, f"{prefix}_length", location)
    start, end = location.check_offsets(start, end, len(record.text), f"the {prefix} '{text}'")
    if record.text[start:end] != text:
        raise location.error(f"the {prefix} is '{text}', but the text at its offsets is '{record.text[start:end]}'")
    return EntityRecord(start, end, label)


def _utterances(rows: list[tuple[Row, Location]]) -> set[str]:
    known: set[str] = set()
    for row, location in rows:
        name = _column(row, "utterance_id", location)
        if name in known:
            raise location.error(f"duplicate utterance_id {name}")
        known.add(name)
    return known


def _rows_by_utterance(file: Path, known: set[str], report: Report) -> dict[str, list[tuple[Row, Location]]]:
    rows: dict[str, list[tuple[Row, Location]]] = {}
    for row, location in _rows(file, report):
        names = [_column(row, "utterance_id", location)]
        names += [_column(row, f"{prefix}_utterance_id", location) for prefix in ("span", "sub_span", "demon_span")]
        unknown = [name for name in names if name and name not in known]
        if unknown or not names[0]:
            raise location.error(f"the row refers to the utterance '{[*unknown, ''][0]}', which is not in dialog_act")
        rows.setdefault(names[0], []).append((row, location))
    return rows


def _rows(file: Path, report: Report) -> Iterator[tuple[Row, Location]]:
    header: list[str] = []
    for number, line in read_lines(file, report=report):
        location = Location(file, number)
        values = line.split("\t")
        if not header:
            header = values
            if len(set(header)) < len(header):
                raise location.error("the header has two columns of the same name")
        elif line.strip():
            if len(values) != len(header):
                raise location.error(f"found {len(values)} columns, but the header has {len(header)}")
            yield dict(zip(header, values)), location


def _column(row: Row, name: str, location: Location) -> str:
    if name not in row:
        raise CorpusError(location.path, 1, f"the column '{name}' is missing")
    return row[name]


def _number(row: Row, name: str, location: Location) -> int:
    return location.parse_int(_column(row, name, location), f"the column '{name}'")
