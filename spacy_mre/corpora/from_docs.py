"""Conversion of Docs to records, and of these to files."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, EntitySpan, Offsets, get_entities
from ..annotations.relations import arguments, get_relations
from . import (
    bioc_writer,
    brat_writer,
    doccano_writer,
    docred_writer,
    jsonl,
    label_studio_writer,
    prodigy_writer,
    pubtator_writer,
    table_writer,
    webanno_writer,
)
from .record import EntityRecord, Record, RelationRecord
from .report import Report

LOST_SCORE = "score (kept by spacy_mre.to_json)"


def make_records(
    docs: Iterable[Doc], *, spans_key: str = DEFAULT_KEY, scores: bool = False, report: Report | None = None
) -> Iterator[Record]:
    """Convert Docs to records.

    docs (Iterable[Doc]): The documents.
    spans_key (str): The span group of the entities.
    scores (bool): Keep the scores of entities and relations. Default: False, they are counted as lost.
    report (Report | None): Counts what was kept, and the lost annotations: scores, and relations whose head or tail is
        not an entity.
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
        report.keep("documents")
        yield record


def write_jsonl(docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None) -> int:
    """Write Docs as JSON lines with character offsets; `read_jsonl` reads them.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    return jsonl.write_records(make_records(docs, spans_key=spans_key, report=report), path)


def write_bioc(docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None) -> int:
    """Write Docs as a BioC collection (JSON or XML, by the name of the file); `read_bioc` reads it.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    return bioc_writer.write_records(make_records(docs, spans_key=spans_key, report=report), path, report)


def write_brat(docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None) -> int:
    """Write Docs as a brat folder; `read_brat` reads it.

    docs (Iterable[Doc]): The documents.
    path (Path): The folder to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    return brat_writer.write_records(make_records(docs, spans_key=spans_key, report=report), path, report)


def write_doccano(
    docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None
) -> int:
    """Write Docs as JSONL that doccano imports; `read_doccano` reads it.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    return doccano_writer.write_records(make_records(docs, spans_key=spans_key, report=report), path, report)


def write_docred(docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None) -> int:
    """Write Docs as DocRED's JSON; `read_docred` reads it.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    return docred_writer.write_records(make_records(docs, spans_key=spans_key, report=report), path, report)


def write_label_studio(
    docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None
) -> int:
    """Write Docs as tasks that Label Studio imports, with predictions; `read_label_studio` reads them.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    records = make_records(docs, spans_key=spans_key, scores=True, report=report)
    return label_studio_writer.write_records(records, path, report)


def write_prodigy(
    docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None
) -> int:
    """Write Docs as JSONL for Prodigy's recipes; `read_prodigy` reads it.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    records = make_records(docs, spans_key=spans_key, scores=True, report=report)
    return prodigy_writer.write_records(records, path, report)


def write_pubtator(
    docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None
) -> int:
    """Write Docs in the format of PubTator; `read_pubtator` reads it.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    return pubtator_writer.write_records(make_records(docs, spans_key=spans_key, report=report), path, report)


def write_table(docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None) -> int:
    """Write Docs as a table (CSV, TSV or Parquet, by the name of the file); `read_table` reads it.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    return table_writer.write_records(make_records(docs, spans_key=spans_key, report=report), path, report)


def write_webanno(
    docs: Iterable[Doc], path: Path, *, spans_key: str = DEFAULT_KEY, report: Report | None = None
) -> int:
    """Write Docs as a folder of WebAnno TSV files that INCEpTION imports; `read_webanno` reads it.

    docs (Iterable[Doc]): The documents.
    path (Path): The folder to write.
    spans_key (str): The span group of the entities.
    report (Report | None): Counts what was kept and lost.
    RETURNS (int): The number of documents.
    """
    return webanno_writer.write_records(make_records(docs, spans_key=spans_key, report=report), path, report)


def _meta(doc: Doc, record: Record, report: Report) -> dict[str, Any]:
    meta = doc.user_data.get("meta", {})
    try:
        if isinstance(meta, dict) and json.dumps(meta, allow_nan=False):
            return dict(meta)
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
    for relation in relations:
        head_offsets, tail_offsets = arguments(relation)
        head = _entity_index(entities, head_offsets, relation["head_label"])
        tail = _entity_index(entities, tail_offsets, relation["tail_label"])
        if head is None or tail is None:
            report.lose("relation whose head or tail is not an entity", record.origin, relation["label"])
            continue
        record.relations.append(RelationRecord(head, tail, relation["label"], relation["score"]))
    report.keep("relations", len(record.relations))


def _drop_scores(record: Record, report: Report) -> None:
    for annotation in [*(record.entities or ()), *(record.relations or ())]:
        if annotation.score != 1.0:
            report.lose(LOST_SCORE, record.origin, annotation.label)
    if record.entities is not None:
        record.entities = [replace(entity, score=1.0) for entity in record.entities]
    if record.relations is not None:
        record.relations = [replace(relation, score=1.0) for relation in record.relations]


def _entity_index(entities: list[EntitySpan], offsets: Offsets, label: str) -> int | None:
    """The first entity with these offsets and, unless it is empty, this label."""
    for i, entity in enumerate(entities):
        if entity.offsets == offsets and (not label or entity.label == label):
            return i
    return None
