"""Writing of spaCy's JSON: one object per line, as `spacy_mre.to_json` makes them, with the id, group and metadata."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..annotations.entities import DEFAULT_KEY, EntitySpan, flat_subset
from ..files import write_json_lines
from .record import CharOffsets, EntityRecord, Record
from .report import Report
from .to_docs import split_words


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as JSON lines, which `read_spacy_json`, `spacy_mre.from_json` and `Doc.from_json` read.

    records (Iterable[Record]): The records. The text of one without tokens is split at white space.
    path (Path): The file; its folder is created.
    report (Report | None): Counts entities that are not at tokens, and their relations.
    RETURNS (int): The number of records.
    """
    report = report if report is not None else Report()
    return write_json_lines((_as_json(record, report) for record in records), path)


def _as_json(record: Record, report: Report) -> dict[str, Any]:
    tokens = _tokens(record)
    spans = _token_spans(record, tokens, report)
    entities = record.entities or []
    item: dict[str, Any] = {"text": record.text}
    if record.entities is not None:
        flat = flat_subset(list(spans.values()))
        ents = [EntityRecord(tokens[span.start][0], tokens[span.end - 1][1], span.label) for span in flat]
        item["ents"] = [_as_span(entity) for entity in ents]
    if record.cats is not None:
        item["cats"] = record.cats
    item["tokens"] = [{"id": i, "start": start, "end": end} for i, (start, end) in enumerate(tokens)]
    if record.entities is not None:
        item["spans"] = {DEFAULT_KEY: [{**_as_span(entities[i]), "kb_id": ""} for i in spans]}
        item["span_attrs"] = {DEFAULT_KEY: {"scores": [entities[i].score for i in spans]}}
    if record.relations is not None:
        item["relations"] = []
        for relation in record.relations:
            if relation.head not in spans or relation.tail not in spans:
                report.lose("relation with a lost argument", record.origin, relation.label)
                continue
            ends = {"head": relation.head, "tail": relation.tail}
            item["relations"].append(
                {
                    **{name: list(spans[i].offsets) for name, i in ends.items()},
                    **{f"{name}_label": entities[i].label for name, i in ends.items()},
                    **{"label": relation.label, "score": relation.score},
                    **{f"{name}_char": [entities[i].start, entities[i].end] for name, i in ends.items()},
                    **{f"{name}_text": record.text[entities[i].start : entities[i].end] for name, i in ends.items()},
                }
            )
    return {**item, **{key: value for key in ("id", "group", "meta") if (value := getattr(record, key))}}


def _as_span(entity: EntityRecord) -> dict[str, Any]:
    return {"start": entity.start, "end": entity.end, "label": entity.label}


def _tokens(record: Record) -> list[CharOffsets]:
    """Tokens that contain all of the text, but single blanks between them, as spaCy needs them."""
    tokens, position = [], 0
    for word, space in zip(*split_words(record)):
        tokens.append((position, position + len(word)))
        position += len(word) + space
    return tokens


def _token_spans(record: Record, tokens: list[CharOffsets], report: Report) -> dict[int, EntitySpan]:
    """The entities as spans of tokens, by their index."""
    starts = {start: i for i, (start, _) in enumerate(tokens)}
    ends = {end: i + 1 for i, (_, end) in enumerate(tokens)}
    spans = {}
    for i, entity in enumerate(record.entities or ()):
        if entity.start in starts and entity.end in ends:
            spans[i] = EntitySpan(starts[entity.start], ends[entity.end], entity.label, entity.score)
        else:
            report.lose("entity off the token grid", record.origin, entity.label)
    return spans
