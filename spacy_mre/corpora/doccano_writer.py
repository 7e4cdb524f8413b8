"""Writing of JSONL that doccano imports. The keys are those of the kind of project that fits the annotations."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..files import write_json_lines
from .doccano import KEYS
from .held_labels import held_labels, lose_unused_labels, names_of_held
from .record import Record
from .report import Report


class _Form(NamedTuple):
    """The keys for entities and text labels, and whether entities are objects with an id."""

    entities: str
    cats: str
    ids: bool


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as JSONL that doccano imports and `read_doccano` reads. Tokens are not written.

    If any record has relations, the file is for a project of the kind "Sequence Labeling" with relations. Otherwise
    with entities and text labels it is for "Intent Detection and Slot Filling", with entities for "Sequence Labeling",
    with text labels for "Text Classification".

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Counts what doccano cannot represent, and notes what it does not import.
    RETURNS (int): The number of records.
    """
    report = report if report is not None else Report()
    records = list(records)
    form = _form(records)
    lose_unused_labels(records, report)
    return write_json_lines((_as_json(record, form, report) for record in records), path)


def _form(records: Sequence[Record]) -> _Form:
    relations = any(record.relations is not None for record in records)
    entities = any(record.entities is not None for record in records)
    cats = any(record.cats is not None for record in records)
    # If all lists were empty, "label" would not say what they are lists of.
    some_entity = any(entity.label for record in records for entity in record.entities or ())
    some_cat = any(map(names_of_held, records))
    return _Form(
        entities="label" if not relations and not cats and some_entity else "entities",
        cats="label" if not relations and not entities and some_cat else "cats",
        ids=relations,
    )


def _as_json(record: Record, form: _Form, report: Report) -> dict[str, Any]:
    item: dict[str, Any] = {"id": record.id, "text": record.text}
    if record.group:
        item["group"] = record.group
    # doccano keeps unknown keys as metadata, and exports them as keys again.
    may_be_keys = not record.meta.keys() & KEYS and None not in record.meta.values()
    item |= record.meta if may_be_keys else {"meta": record.meta}
    if not record.text:
        report.note("empty text, which doccano does not import", record.origin)
    if record.cats is not None:
        item[form.cats] = held_labels(record, report)
        if form.ids:
            report.note("text labels beside relations, which doccano imports as metadata only", record.origin)
    if record.entities is not None:
        item[form.entities] = [
            {"id": i, "label": entity.label, "start_offset": entity.start, "end_offset": entity.end}
            if form.ids
            else [entity.start, entity.end, entity.label]
            for i, entity in enumerate(record.entities, start=1)
            if _has_label(entity.label, "entity", record, report)
        ]
    if record.relations is not None:
        written = {i for i, entity in enumerate(record.entities or ()) if entity.label}
        item["relations"] = []
        for i, relation in enumerate(record.relations, start=1):
            if relation.head not in written or relation.tail not in written:
                report.lose("relation with a lost argument", record.origin, relation.label)
            elif _has_label(relation.label, "relation", record, report):
                ends = {"from_id": relation.head + 1, "to_id": relation.tail + 1}
                item["relations"].append({"id": i, **ends, "type": relation.label})
    return item


def _has_label(label: str, what: str, record: Record, report: Report) -> bool:
    if not label:
        report.lose(f"{what} without a label", record.origin)
    return bool(label)
