"""ASDC's tab-separated dialogues: dialogue acts of the user's utterances, and the spans in which a request is put.

One user utterance is one record. Its text class is its dialogue act. A span is an entity labelled with its type; a sub-span,
which narrows a span down, is an entity `修飾` and the tail of a relation `sub_span`; a demonstrative, which points at a span, is an
entity `照応` and the tail of a relation `demon_span`. A span, sub-span or demonstrative in another utterance cannot stand in the
record: it is counted as lost, and so is the relation to it. Several rows for one span are one entity. Span flags, importance and
negation are attributes, which a record does not hold; negated spans are counted.
"""

from collections.abc import Iterator
from pathlib import Path

from .reading import Location, read_lines
from .record import CorpusError, EntityRecord, Record, RelationRecord
from .report import Report

SUB_SPAN = "修飾"
DEMONSTRATIVE = "照応"

Row = dict[str, str]


def read_asdc(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read the corpus.

    path (Path): The folder that holds the folders `dialog_act` and `request_span`.
    report (Optional[Report]): Counts what a record cannot hold.
    YIELDS (Record): The user's utterances that have a dialogue act. Their ids are those of the utterances, their groups the dialogues.
        Utterances of a dialogue that has no file in `request_span` have no annotation of entities and relations.
    RAISES (CorpusError): Malformed input.
    """
    path = Path(path)
    report = report if report is not None else Report()
    files = sorted((path / "dialog_act").glob("*.tsv"))
    if not files:
        raise CorpusError(path, 0, "the folder must hold the folders dialog_act and request_span with their .tsv files")
    for file in files:
        span_file = path / "request_span" / file.name
        spans: dict[str, list[tuple[Row, Location]]] = {}
        for row, place in _rows(span_file) if span_file.is_file() else ():
            spans.setdefault(_column(row, "utterance_id", place), []).append((row, place))
        for row, place in _rows(file):
            if _column(row, "speaker", place) != "user" or not _column(row, "speech_act", place):
                continue
            record = Record(
                text=_column(row, "utterance", place),
                id=_column(row, "utterance_id", place),
                cats={row["speech_act"]: 1.0},
                group=_column(row, "src_file_id", place),
                origin=str(place),
            )
            if span_file.is_file():
                _add_spans(record, spans.get(record.id, []), report)
            yield record


def _add_spans(record: Record, rows: list[tuple[Row, Location]], report: Report) -> None:
    entities: dict[EntityRecord, int] = {}
    relations: dict[RelationRecord, None] = {}
    for row, place in rows:
        if not _column(row, "span_id", place):
            continue
        span = _span(row, "span", _column(row, "span_type", place), record, entities, place, report)
        for prefix, label in (("sub_span", SUB_SPAN), ("demon_span", DEMONSTRATIVE)):
            if not _column(row, f"{prefix}_id", place):
                continue
            other = _span(row, prefix, label, record, entities, place, report)
            if span is None or other is None:
                report.lose(f"relation {prefix} to or from another utterance", str(place))
            else:
                relations[RelationRecord(span, other, prefix)] = None
        if _column(row, "negation", place) == "1":
            report.lose("negation of a span (an attribute)", str(place), row["span_text"])
    record.entities = list(entities)
    record.relations = list(relations)


def _span(
    row: Row,
    prefix: str,
    label: str,
    record: Record,
    entities: dict[EntityRecord, int],
    place: Location,
    report: Report,
) -> int | None:
    """The entity of a group of columns by its place in the list, None if it stands in another utterance."""
    text = _column(row, f"{prefix}_text", place)
    if _column(row, f"{prefix}_utterance_id", place) != record.id:
        report.lose(f"{prefix} in another utterance", str(place), text)
        return None
    start, length = (_number(row, f"{prefix}_{name}", place) for name in ("start", "length"))
    start, end = place.inside(start, start + length, len(record.text), f"the {prefix} '{text}'")
    if record.text[start:end] != text:
        raise place.error(f"the {prefix} '{text}' is not what stands at its place: '{record.text[start:end]}'")
    return entities.setdefault(EntityRecord(start, end, label), len(entities))


def _rows(file: Path) -> Iterator[tuple[Row, Location]]:
    header: list[str] = []
    for number, line in read_lines(file):
        place = Location(file, number)
        columns = line.split("\t")
        if not header:
            header = columns
        elif line.strip():
            if len(columns) != len(header):
                raise place.error(f"there are {len(columns)} columns where the header has {len(header)}")
            yield dict(zip(header, columns)), place


def _column(row: Row, name: str, place: Location) -> str:
    if name not in row:
        raise CorpusError(place.path, 1, f"the column '{name}' is missing")
    return row[name]


def _number(row: Row, name: str, place: Location) -> int:
    value = _column(row, name, place)
    if not value.isdecimal():
        raise place.error(f"the column '{name}' holds '{value}', which is no number")
    return int(value)
