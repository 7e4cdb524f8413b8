"""Attributes, notes and normalizations of brat, as metadata of a text under the key "brat".

    [{"kind": "attribute", "label": "Certainty", "of": {"start": 0, "end": 3, "label": "person"}, "value": "low"},
     {"kind": "note", "label": "AnnotatorNotes", "of": {"head": {...}, "label": "met", "tail": {...}}, "text": "Sure?"},
     {"kind": "normalization", "label": "Reference", "of": {...}, "value": "Wikipedia:7", "text": "Ada"}]

"of" is an entity, or a relation with its two entities. So they are found again after the entities were put into another
order. Those of an event are those of its trigger.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..annotations.white_space import trim_offsets
from .brat_lines import Line
from .record import EntityRecord, Record, RelationRecord
from .report import Report

KEY = "brat"
NAMES = {"A": "attribute", "M": "attribute", "N": "normalization", "#": "note"}
LETTERS = {"attribute": "A", "normalization": "N", "note": "#"}
LINE_ENDS = re.compile(r"[\n\r\0]")


def read_metadata(
    lines: list[Line],
    entities: list[EntityRecord],
    ends: dict[str, int],
    relations: Iterable[tuple[str, RelationRecord]],
    report: Report,
) -> dict[str, Any]:
    """Read the attributes, notes and normalizations of a file.

    lines (list[Line]): Its lines.
    entities (list[EntityRecord]): Its entities.
    ends (dict[str, int]): The index of an entity for each identifier of an entity or event.
    relations (Iterable[tuple[str, RelationRecord]]): Its relations with the identifiers of their lines.
    report (Report): Counts what is kept, and what is lost because its entity or relation is.
    RETURNS (dict[str, Any]): The metadata; empty if there is nothing.
    """
    targets = {name: _target(entities[i], entities) for name, i in ends.items()}
    targets |= {name: _target(relation, entities) for name, relation in relations if name.startswith("R")}
    entries = []
    for line in lines:
        if line.kind in NAMES:
            kind, words = NAMES[line.kind], [*line.body.split(), ""]
            target = targets.get(words[1]) if len(words) > 2 else None
            if target is None:
                report.lose(
                    f"{kind} of something else than an entity, event or relation that is read", str(line.location)
                )
                continue
            entry = {"kind": kind, "label": words[0], "of": target, "value": " ".join(words[2:-1]), "text": line.text}
            entries.append({key: value for key, value in entry.items() if value})
            report.keep(f"{kind}s of brat, in the metadata")
    return {KEY: entries} if entries else {}


def write_metadata(record: Record, written: dict[str, EntityRecord | RelationRecord], report: Report) -> Iterator[str]:
    """Make lines of the metadata that `read_metadata` made.

    record (Record): The record.
    written (dict[str, EntityRecord | RelationRecord]): The entities and relations that are written, by identifier.
    report (Report): Counts what has no such entity or relation, other metadata, and characters that brat cannot
        represent.
    YIELDS (str): The lines.
    """
    if record.meta.keys() - {KEY}:
        report.lose("metadata (not supported by brat)", record.origin)
    names: dict[Any, str] = {}
    for name, annotation in written.items():
        names.setdefault(_identity(_target(annotation, record.entities or []), record.text), name)
    counts = dict.fromkeys(LETTERS, 0)
    entries = record.meta.get(KEY, [])
    for entry in entries if isinstance(entries, list) else [entries]:
        if not _is_valid(entry):
            report.lose("metadata 'brat' that is no attribute, note or normalization", record.origin, str(entry)[:40])
            continue
        kind, label, value, text = (entry.get(key, "") for key in ("kind", "label", "value", "text"))
        target = names.get(_identity(entry["of"], record.text))
        if target is None:
            report.lose(f"{kind} of an entity or relation that is not there", record.origin, label)
            continue
        if LINE_ENDS.search(text):
            report.lose("line end or NUL in a note (written as a blank)", record.origin, label)
        counts[kind] += 1
        body = " ".join(filter(None, (label, target, value)))
        yield "\t".join([f"{LETTERS[kind]}{counts[kind]}", body, *([LINE_ENDS.sub(" ", text)] if text else [])])


def _is_valid(entry: Any) -> bool:
    """Whether metadata, which may have been changed, can be written as a line."""
    match entry:
        case {"kind": "attribute" | "normalization" | "note" as kind, "label": str(label), "of": _}:
            value, text = entry.get("value", ""), entry.get("text", "")
            if not isinstance(value, str) or not isinstance(text, str) or "\0" in label + value:
                return False
            is_value = " ".join(value.split()) == value and (value or kind != "normalization")
            return bool(is_value) and label.split() == [label]
    return False


def _target(annotation: EntityRecord | RelationRecord, entities: list[EntityRecord]) -> dict[str, Any]:
    if isinstance(annotation, EntityRecord):
        return {"start": annotation.start, "end": annotation.end, "label": annotation.label}
    head, tail = (_target(entities[i], entities) for i in (annotation.head, annotation.tail))
    return {"head": head, "label": annotation.label, "tail": tail}


def _identity(target: Any, text: str) -> tuple | None:
    """What is equal for an entity or relation before and after white space at the ends of entities was left out."""
    match target:
        case {"start": int(start), "end": int(end), "label": str(label)} if 0 <= start < end <= len(text):
            return *trim_offsets(text, start, end), label
        case {"head": {"start": _} as head, "label": str(label), "tail": {"start": _} as tail}:
            return _identity(head, text), label, _identity(tail, text)
    return None
