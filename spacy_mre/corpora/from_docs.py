"""Conversion of Docs to records, which the writers of the formats write to files."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, EntitySpan, get_entities, index_entities
from ..annotations.relations import arguments, get_relations
from .beyond_records import count_beyond_records
from .presence import lose_scores
from .record import EntityRecord, Record, RelationRecord
from .report import Report

WriteRecords = Callable[[Iterable[Record], Path, Report | None], int]


def make_records(
    docs: Iterable[Doc], *, spans_key: str = DEFAULT_KEY, scores: bool = False, report: Report | None = None
) -> Iterator[Record]:
    """Convert Docs to records.

    docs (Iterable[Doc]): The documents.
    spans_key (str): The span group of the entities.
    scores (bool): Keep the scores of entities and relations. Default: False, they are counted as lost.
    report (Report | None): Counts what was kept, and the lost annotations: scores, relations whose head or tail is not
        an entity, and what `count_beyond_records` counts.
    YIELDS (Record): One record per document.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> doc.set_ents([doc.char_span(0, 3, label="person")])
    >>> next(make_records([doc])).entities
    [EntityRecord(start=0, end=3, label='person', score=1.0)]
    """
    report = report if report is not None else Report()
    for number, doc in enumerate(docs, start=1):
        entities = get_entities(doc, spans_key)
        record = Record(
            text=doc.text,
            id=str(doc.user_data.get("id", number)),
            cats=dict(doc.cats) or None,
            tokens=[(token.idx, token.idx + len(token)) for token in doc],
            group=str(doc.user_data.get("group", "")),
            origin=f"document {doc.user_data.get('id', number)}",
        )
        record.meta = _meta(doc, record, report)
        if entities is not None:
            _add_entities(record, doc, entities, report)
        _add_relations(record, doc, entities or [], report)
        if not scores:
            _drop_scores(record, report)
        count_beyond_records(doc, spans_key, record.origin, report)
        report.keep("documents")
        yield record


def note_other_groups(docs: Iterable[Doc], spans_key: str, report: Report | None) -> Iterator[Doc]:
    """Count the span groups that are not read as entities.

    docs (Iterable[Doc]): The documents.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts the documents of each other group that is not empty.
    YIELDS (Doc): The documents.
    """
    for number, doc in enumerate(docs, start=1):
        if report is not None:
            for key in sorted(key for key, spans in doc.spans.items() if key != spans_key and len(spans)):
                reason = f"span group '{key}', not read (--spans-key chooses another)"
                report.note(reason, f"document {doc.user_data.get('id', number)}")
        yield doc


def make_writer(
    write_records: WriteRecords, *, scores: bool = False, write_gold: WriteRecords | None = None
) -> Callable[..., int]:
    """Make the function of a format that writes Docs.

    write_records (Callable[[Iterable[Record], Path, Report | None], int]): Writes the records of the format.
    scores (bool): The format keeps the scores of entities and relations, or its writer reads and counts them. Default:
        False.
    write_gold (Callable[[Iterable[Record], Path, Report | None], int] | None): Writes what people decided, without
        scores, if the format tells it from what a pipeline found. Default: None, it does not.
    RETURNS (Callable[..., int]): From Docs, a path and the keyword arguments `spans_key`, `gold` (people have decided
        it; default: False) and `report` to the number of documents.
    """

    def write(
        docs: Iterable[Doc],
        path: Path,
        *,
        spans_key: str = DEFAULT_KEY,
        gold: bool = False,
        report: Report | None = None,
    ) -> int:
        docs = note_other_groups(docs, spans_key, report)
        if gold and write_gold is not None:
            return write_gold(make_records(docs, spans_key=spans_key, report=report), path, report)
        return write_records(make_records(docs, spans_key=spans_key, scores=scores, report=report), path, report)

    return write


def _meta(doc: Doc, record: Record, report: Report) -> dict[str, Any]:
    meta = doc.user_data.get("meta", {})
    try:
        if isinstance(meta, dict):
            # Lists come out of `.spacy` files as tuples.
            return json.loads(json.dumps(meta, allow_nan=False))
    except (TypeError, ValueError):
        pass
    report.lose("metadata that is not a JSON object", record.origin)
    return {}


def _add_entities(record: Record, doc: Doc, entities: list[EntitySpan], report: Report) -> None:
    record.entities = []
    for entity in entities:
        span = doc[entity.start : entity.end]
        record.entities.append(EntityRecord(span.start_char, span.end_char, entity.label, entity.score))
    report.keep("entities", len(entities))


def _add_relations(record: Record, doc: Doc, entities: list[EntitySpan], report: Report) -> None:
    relations = get_relations(doc)
    if relations is None:
        return
    record.relations = []
    indices = index_entities((entity.offsets, entity.label) for entity in entities)
    for relation in relations:
        head_offsets, tail_offsets = arguments(relation)
        head = indices.get((head_offsets, relation["head_label"]))
        tail = indices.get((tail_offsets, relation["tail_label"]))
        if head is None or tail is None:
            report.lose("relation whose head or tail is not an entity", record.origin, relation["label"])
            continue
        record.relations.append(RelationRecord(head, tail, relation["label"], relation["score"]))
    report.keep("relations", len(record.relations))


def _drop_scores(record: Record, report: Report) -> None:
    lose_scores(record, report)
    if record.entities is not None:
        record.entities = [replace(entity, score=1.0) for entity in record.entities]
    if record.relations is not None:
        record.relations = [replace(relation, score=1.0) for relation in record.relations]
