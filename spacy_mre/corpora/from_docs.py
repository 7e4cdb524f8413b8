"""How does a Doc become a record again, to be written in another format?"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from . import brat, jsonl
from .record import EntityRecord, Record, RelationRecord
from .report import Report


def make_records(docs: Iterable[Doc], *, span_key: str = DEFAULT_KEY, report: Report | None = None) -> Iterator[Record]:
    """Make records of Docs.

    docs (Iterable[Doc]): The documents.
    span_key (str): The span group that holds the entities.
    report (Optional[Report]): Counts what was kept and lost: scores, and relations whose ends are no entities.
    YIELDS (Record): The records.
    """
    report = report if report is not None else Report()
    for number, doc in enumerate(docs, start=1):
        record = Record(
            text=doc.text,
            id=str(doc.user_data.get("id", number)),
            cats=dict(doc.cats) or None,
            tokens=[(token.idx, token.idx + len(token)) for token in doc],
            group=str(doc.user_data.get("group", "")),
            origin=f"document {doc.user_data.get('id', number)}",
        )
        _add_entities(record, doc, span_key, report)
        report.keep("documents")
        yield record


def write_jsonl(docs: Iterable[Doc], path: Path, *, span_key: str = DEFAULT_KEY, report: Report | None = None) -> int:
    """Write Docs as JSON lines with character offsets; `read_jsonl` reads them back.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    span_key (str): The span group that holds the entities.
    report (Optional[Report]): Counts what was kept and lost.
    RETURNS (int): How many documents were written.
    """
    return jsonl.write_records(make_records(docs, span_key=span_key, report=report), path)


def write_brat(docs: Iterable[Doc], path: Path, *, span_key: str = DEFAULT_KEY, report: Report | None = None) -> int:
    """Write Docs as a brat folder; `read_brat` reads it back.

    docs (Iterable[Doc]): The documents.
    path (Path): The folder to write.
    span_key (str): The span group that holds the entities.
    report (Optional[Report]): Counts what was kept and lost.
    RETURNS (int): How many documents were written.
    """
    return brat.write_records(make_records(docs, span_key=span_key, report=report), path, report)


def _add_entities(record: Record, doc: Doc, span_key: str, report: Report) -> None:
    spans = get_entities(doc, span_key)
    places: dict[tuple, int] = {}
    if spans is not None:
        record.entities = []
        for i, span in enumerate(spans):
            places[(span.start, span.end, span.label)] = i
            places.setdefault((span.start, span.end), i)
            record.entities.append(
                EntityRecord(doc[span.start].idx, doc[span.end - 1].idx + len(doc[span.end - 1]), span.label)
            )
            if span.score != 1.0:
                report.lose("score (spacy_mre.to_json keeps it)", record.origin, span.label)
        report.keep("entities", len(spans))
    relations = get_relations(doc)
    if relations is not None:
        record.relations = []
        for relation in relations:
            head, tail = (_place(relation[end], relation[f"{end}_label"], places) for end in ("head", "tail"))
            if head is None or tail is None:
                report.lose("relation between spans that are no entities", record.origin, relation["label"])
                continue
            record.relations.append(RelationRecord(head, tail, relation["label"]))
            if relation["score"] != 1.0:
                report.lose("score (spacy_mre.to_json keeps it)", record.origin, relation["label"])
        report.keep("relations", len(record.relations))


def _place(span: Sequence[int], label: str, places: dict[tuple, int]) -> int | None:
    """The entity at a relation's end: that of its label, or where the relation names none, the first."""
    start, end = span
    return places.get((start, end, label)) if label else places.get((start, end))
