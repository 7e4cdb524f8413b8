"""Writing of DocRED's JSON. Each entity is one of its own, with one mention; a text is one sentence."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..annotations.white_space import trim_offsets
from ..files import replacing
from .presence import lose_parts
from .reading import join_words
from .record import CharOffsets, Record
from .report import Report
from .word_pieces import words_in


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as a list of documents, which `read_docred` reads.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Counts what the format cannot represent.
    RETURNS (int): The number of records.
    """
    report = report if report is not None else Report()
    records = list(records)
    titles: set[str] = set()
    for record in records:
        if record.id in titles:
            report.lose("id that is not unique (the reader of DocRED adds a number)", record.origin, record.id)
        titles.add(record.id)
    with replacing(path) as temporary:
        items = [json.dumps(_as_json(record, report), ensure_ascii=False) for record in records]
        temporary.write_bytes(("[\n" + ",\n".join(items) + "\n]\n").encode("utf8"))
    return len(records)


def _as_json(record: Record, report: Report) -> dict[str, Any]:
    lose_parts(record, "DocRED", report)
    if record.entities is None and record.relations is not None:
        reason = "missing annotation of entities (DocRED cannot tell it from an empty one beside relations)"
        report.lose(reason, record.origin)
    tokens = words_in(record.text, record.tokens)
    words = [record.text[start:end] for start, end in tokens]
    if join_words(words)[0] != record.text:
        report.lose("white space of a text (DocRED has tokens only)", record.origin)
    vertices, places = _vertices(record, tokens, report)
    item: dict[str, Any] = {"title": record.id, "sents": [words]}
    if record.entities is not None or record.relations is not None:
        item["vertexSet"] = vertices
    if record.relations is not None:
        item["labels"] = []
        for relation in record.relations:
            if relation.head not in places or relation.tail not in places:
                report.lose("relation with a lost argument", record.origin, relation.label)
            else:
                ends = {"h": places[relation.head], "t": places[relation.tail]}
                item["labels"].append({**ends, "r": relation.label, "evidence": []})
    return item


def _vertices(
    record: Record, tokens: list[CharOffsets], report: Report
) -> tuple[list[list[dict[str, Any]]], dict[int, int]]:
    """The entities, and their places by their indices in the record."""
    firsts = {start: i for i, (start, _) in enumerate(tokens)}
    lasts = {end: i + 1 for i, (_, end) in enumerate(tokens)}
    vertices: list[list[dict[str, Any]]] = []
    places = {}
    for i, entity in enumerate(record.entities or ()):
        start, end = trim_offsets(record.text, entity.start, entity.end)
        if start not in firsts or end not in lasts:
            report.lose("entity off the token grid", record.origin, entity.label)
            continue
        places[i] = len(vertices)
        place = {"sent_id": 0, "pos": [firsts[start], lasts[end]]}
        vertices.append([{"name": record.text[start:end], **place, "type": entity.label}])
    return vertices, places
