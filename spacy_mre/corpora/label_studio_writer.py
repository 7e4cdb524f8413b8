"""Writing of tasks that Label Studio imports: texts with predictions, which annotators correct, or with annotations."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

from ..files import replacing
from .held_labels import held_labels, lose_unused_labels, names_of_held
from .label_studio_results import DATA_KEYS
from .record import Record
from .report import Report

# The names of the tags in the labelling interface.
TEXT, LABELS, CATEGORY = "text", "label", "category"

Result = dict[str, Any]
Wrap = Callable[[list[Result]], dict[str, Any]]


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write what a pipeline found as tasks with predictions, which `read_label_studio` reads. Tokens are not written.

    The labelling interface needs tags of these names: Text `text` with the value `$text`, Labels `label`, and Choices
    `category`. A prediction has the mean of the scores of its results.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Counts what Label Studio cannot represent.
    RETURNS (int): The number of records.
    """
    return _write(records, path, report, _as_predictions)


def write_gold(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write what people decided as tasks with annotations, which have no scores. Otherwise as `write_records`.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Counts what Label Studio cannot represent.
    RETURNS (int): The number of records.
    """
    return _write(records, path, report, _as_annotations)


def _write(records: Iterable[Record], path: Path, report: Report | None, wrap: Wrap) -> int:
    report = report if report is not None else Report()
    records = list(records)
    lose_unused_labels(records, report)
    _lose_empty_annotations(records, report)
    with replacing(path) as temporary:
        tasks = [json.dumps(_as_task(record, wrap, report), ensure_ascii=False) for record in records]
        temporary.write_bytes(("[\n" + ",\n".join(tasks) + "\n]\n").encode("utf8"))
    return len(records)


def _as_task(record: Record, wrap: Wrap, report: Report) -> dict[str, Any]:
    data: dict[str, Any] = {"text": record.text, "record_id": record.id}
    if record.group:
        data["group"] = record.group
    data |= {"meta": record.meta} if record.meta.keys() & DATA_KEYS else record.meta
    task: dict[str, Any] = {"data": data}
    if not (record.entities is None and record.relations is None and record.cats is None):
        task |= wrap(_results(record, report))
    return task


def _as_predictions(results: list[Result]) -> dict[str, Any]:
    score = fmean([result["score"] for result in results] or [1.0])
    return {"predictions": [{"model_version": "spacy_mre", "score": score, "result": results}]}


def _as_annotations(results: list[Result]) -> dict[str, Any]:
    without = [{key: value for key, value in result.items() if key != "score"} for result in results]
    return {"annotations": [{"result": without}]}


def _results(record: Record, report: Report) -> list[Result]:
    results: list[Result] = []
    written = set()
    for i, entity in enumerate(record.entities or ()):
        if not entity.label:
            report.lose("entity without a label", record.origin)
            continue
        written.add(i)
        text = record.text[entity.start : entity.end]
        value = {"start": entity.start, "end": entity.end, "text": text, "labels": [entity.label]}
        tags = {"from_name": LABELS, "to_name": TEXT, "type": "labels"}
        results.append({"id": f"e{i + 1}", **tags, "value": value, "score": entity.score})
    for relation in record.relations or ():
        if relation.head not in written or relation.tail not in written:
            report.lose("relation with a lost argument", record.origin, relation.label)
        elif not relation.label:
            report.lose("relation without a label", record.origin)
        else:
            ends = {"from_id": f"e{relation.head + 1}", "to_id": f"e{relation.tail + 1}", "direction": "right"}
            results.append({"type": "relation", **ends, "labels": [relation.label], "score": relation.score})
    names = held_labels(record, report)
    if names:
        score = fmean((record.cats or {})[name] for name in names)
        tags = {"from_name": CATEGORY, "to_name": TEXT, "type": "choices"}
        results.append({"id": "c1", **tags, "value": {"choices": names}, "score": score})
    return results


def _lose_empty_annotations(records: list[Record], report: Report) -> None:
    """Count annotations that become absent, and absent ones that become empty: a task does not state what was asked."""
    for what, values in (
        ("entity", [record.entities for record in records]),
        ("relation", [record.relations for record in records]),
        ("text label", [None if record.cats is None else names_of_held(record) for record in records]),
    ):
        some = any(values)
        for record, value in zip(records, values):
            annotated = not (record.entities is None and record.relations is None and record.cats is None)
            if not some and value is not None and not value:
                report.lose(f"empty {what} annotation (Label Studio cannot tell it from a missing one)", record.origin)
            elif some and value is None and annotated:
                report.lose(f"missing {what} annotation (Label Studio cannot tell it from an empty one)", record.origin)
