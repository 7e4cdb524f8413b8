"""Writing of tasks for Prodigy: texts with spans, relations and choices, which annotators correct, or have accepted."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..files import write_json_lines
from .held_labels import held_labels
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as JSONL for Prodigy's recipes; `read_prodigy` reads it.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Counts what Prodigy cannot represent.
    RETURNS (int): The number of records.
    """
    return _write(records, path, report)


def write_gold(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write what people decided as accepted answers, as `prodigy db-out` does. Otherwise as `write_records`.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Counts what Prodigy cannot represent.
    RETURNS (int): The number of records.
    """
    return _write(records, path, report, answer="accept")


def _write(records: Iterable[Record], path: Path, report: Report | None, **more: str) -> int:
    report = report if report is not None else Report()
    return write_json_lines(({**_as_task(record, report), **more} for record in records), path)


def _as_task(record: Record, report: Report) -> dict[str, Any]:
    tokens = record.tokens if record.tokens is not None else _tokens_at(record.entities or [], len(record.text))
    task: dict[str, Any] = {"text": record.text, "id": record.id}
    if record.group:
        task["group"] = record.group
    if record.meta:
        task["meta"] = record.meta
    task["tokens"] = [
        {"text": record.text[start:end], "start": start, "end": end, "id": i, "ws": following > end}
        for i, ((start, end), (following, _)) in enumerate(pairwise([*tokens, (len(record.text), 0)]))
    ]
    if record.entities is not None:
        spans = _spans(record.entities, tokens, record, report)
        task["spans"] = list(spans.values())
        if record.relations is not None:
            task["relations"] = _relations(record.relations, spans, record, report)
    elif record.relations is not None:
        task["relations"] = []
    if record.cats is not None:
        task["options"] = [{"id": label, "text": label} for label in record.cats if label]
        task["accept"] = held_labels(record, report)
    return task


def _tokens_at(entities: list[EntityRecord], length: int) -> list[CharOffsets]:
    """The longest tokens at whose boundaries all entities begin and end."""
    places = {0, length} | {place for entity in entities for place in (entity.start, entity.end)}
    return list(pairwise(sorted(places)))


def _spans(
    entities: list[EntityRecord], tokens: list[CharOffsets], record: Record, report: Report
) -> dict[int, dict[str, Any]]:
    """The spans by the index of their entity."""
    firsts = {start: i for i, (start, _) in enumerate(tokens)}
    lasts = {end: i for i, (_, end) in enumerate(tokens)}
    spans = {}
    for i, entity in enumerate(entities):
        if entity.start not in firsts or entity.end not in lasts:
            report.lose("entity off the token grid", record.origin, entity.label)
            continue
        if not entity.label:
            report.lose("entity without a label", record.origin)
            continue
        spans[i] = {
            "start": entity.start,
            "end": entity.end,
            "token_start": firsts[entity.start],
            "token_end": lasts[entity.end],
            "label": entity.label,
            **({"score": entity.score} if entity.score != 1.0 else {}),
        }
    return spans


def _relations(
    relations: list[RelationRecord], spans: dict[int, dict[str, Any]], record: Record, report: Report
) -> list[dict[str, Any]]:
    written = []
    for relation in relations:
        if relation.head not in spans or relation.tail not in spans:
            report.lose("relation with a lost argument", record.origin, relation.label)
        elif not relation.label:
            report.lose("relation without a label", record.origin)
        else:
            head, child = spans[relation.head], spans[relation.tail]
            item = {"head": head["token_end"], "child": child["token_end"], "head_span": head, "child_span": child}
            score = {"score": relation.score} if relation.score != 1.0 else {}
            written.append({**item, "label": relation.label, **score})
    return written
