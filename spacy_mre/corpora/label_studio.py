"""Label Studio's JSON and JSON_MIN, for projects that label a text with Labels, Relations and Choices.

    {"id": 1, "data": {"text": "Ada met Bo."}, "annotations": [{"was_cancelled": false, "result": [
        {"id": "a", "type": "labels", "from_name": "label", "to_name": "text",
         "value": {"start": 0, "end": 3, "text": "Ada", "labels": ["person"]}}, ...,
        {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["met"]},
        {"type": "choices", "from_name": "kind", "to_name": "text", "value": {"choices": ["diary"]}}]}]}

Offsets count characters. Old versions counted code units of UTF-16, or line ends of two characters as one; the texts of
the regions show which. A region with several labels becomes several entities; a relation with the direction "bi" two
relations. Results of other kinds, those of another text, choices for a region, and regions without a label are counted
as lost. Choices are read without the name of their tag. Scores are read of predictions only.

Label Studio does not state what was asked. So the entities, relations or text labels of an annotated text are None if
no text of the file has any. `data` may contain "record_id" and "group"; everything else in it is metadata.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from .extra_keys import count_extra_keys
from .label_studio_min import as_tasks
from .label_studio_results import (
    DATA_KEYS,
    Annotation,
    Region,
    note_uncertain_offsets,
    read_choices,
    read_entities,
    read_relations,
    sort_result,
)
from .label_studio_tags import leave_out_other_texts
from .metadata import read_meta
from .reading import Location
from .record import Record
from .report import Report
from .surface import with_offsets

Choice = Literal["first", "last", "all", "predictions"]

TASK_KEYS = {
    *("id", "data", "annotations", "completions", "predictions", "drafts", "meta", "project", "inner_id", "overlap"),
    *("created_at", "updated_at", "updated_by", "file_upload", "storage_filename", "is_labeled", "agreement", "state"),
    *("total_annotations", "cancelled_annotations", "total_predictions", "allow_skip", "precomputed_agreement"),
    *("comment_count", "unresolved_comment_count", "comment_authors", "last_comment_updated_at", "unlock_users"),
}


def read_label_studio(
    path: Path, *, annotations: Choice = "first", text_key: str = "", report: Report | None = None
) -> Iterator[Record]:
    """Read one file.

    path (Path): The file, exported as JSON or JSON_MIN. The latter contains no relations.
    annotations (Choice): Which annotation of a text to read: the "first", the "last", or "all", as one record each; or
        "predictions": the first prediction instead of an annotation. Annotations that are marked as ground truth are
        preferred to others, and those that are cancelled, or that a reviewer has rejected, are left out.
    text_key (str): The key of `data` that contains the text; empty for "text", or the only key that contains a string.
    report (Report | None): Counts what records cannot represent, and notes what was left out.
    YIELDS (Record): One record per text. Its id is `record_id`, or the id of the task; its group is `group`, and for
        several records of a text the id of the task.
    RAISES (CorpusError): If the input is malformed, or the text of a region differs from that at its offsets.
    """
    path = Path(path)
    report = report if report is not None else Report()
    found: list[Annotation] = []
    for number, (location, task) in enumerate(as_tasks(path, text_key, report), start=1):
        count_extra_keys(task, TASK_KEYS, location, report, "a task")
        found += _annotations(task, f"{path.stem}-{number}", annotations, text_key, location, report)
    for annotation in found:
        for result in annotation.results or ():
            sort_result(result, annotation, report)
    leave_out_other_texts(found, report)
    for annotation in found:
        note_uncertain_offsets(annotation, report)
    has_entities = any(annotation.regions for annotation in found)
    has_relations = any(annotation.relations for annotation in found)
    cats = read_choices(found, report)
    for (annotation, offsets), names in zip(with_offsets(lambda: found, _parts, report), cats):
        record = annotation.record
        if annotation.results is not None:
            entities, indices = read_entities(annotation, offsets, report)
            record.entities = entities if has_entities else None
            record.relations = read_relations(annotation, indices, report) if has_relations else None
            record.cats = names if any(cats) else None
        yield record


def _parts(annotation: Annotation) -> tuple[str, list[Region], Location]:
    return annotation.record.text, annotation.regions, annotation.location


def _annotations(
    task: dict[str, Any], name: str, choice: Choice, text_key: str, location: Location, report: Report
) -> Iterator[Annotation]:
    """The chosen annotations of a task; one without results if there is none."""
    data = location.get(task, "data", dict)
    key = text_key or find_text_key(data, location)
    text = location.get(data, key, str)
    task_name = location.get_id(task, "id", name)
    meta = read_meta(task.get("meta"), location) | read_meta(data.get("meta"), location)
    known = DATA_KEYS - {"text"} | {key}
    meta |= read_meta({name: value for name, value in data.items() if name not in known}, location)
    others = {name: value for name, value in data.items() if name != key}
    base: dict[str, Any] = {"text": text, "meta": meta, "origin": str(location)}
    group = location.get_id(data, "group")
    own_name = location.get_id(data, "record_id", task_name)
    chosen = _chosen(task, choice, location, report)
    if not chosen:
        predicted = " (--annotations predictions reads its prediction)" if task.get("predictions") else ""
        report.note(f"text without an annotation{predicted}, read as not annotated", str(location))
        yield Annotation(location, Record(id=own_name, group=group, **base), key, None, others)
    for number, annotation in enumerate(chosen, start=1):
        results = location.get(annotation, "result", list)
        several = len(chosen) > 1
        record = Record(
            id=f"{own_name}-{number}" if several else own_name,
            group=group or (own_name if several else ""),
            **base,
        )
        yield Annotation(location, record, key, results, others, is_prediction=choice == "predictions")


def find_text_key(data: dict[str, Any], location: Location) -> str:
    """RETURNS (str): The key that contains the text."""
    strings = [key for key, value in data.items() if isinstance(value, str)]
    if "text" in data or not strings:
        return "text"
    if len(strings) > 1:
        raise location.error(f"'data' has several texts ({', '.join(strings)}): name the right one with --text-key")
    return strings[0]


def _chosen(task: dict[str, Any], choice: Choice, location: Location, report: Report) -> list[dict[str, Any]]:
    key = "completions" if "annotations" not in task and "completions" in task else "annotations"
    if choice == "predictions":
        key = "predictions"
    given = location.get(task, key, list) if task.get(key) is not None else []
    if not all(isinstance(annotation, dict) for annotation in given):
        raise location.error(f"'{key}' must be a list of objects")
    valid = [annotation for annotation in given if not (annotation.get("was_cancelled") or annotation.get("skipped"))]
    for _ in range(len(given) - len(valid)):
        report.note("cancelled annotation, left out", str(location))
    accepted = [annotation for annotation in valid if annotation.get("last_action") != "rejected"]
    for _ in range(len(valid) - len(accepted)):
        report.note("annotation that a reviewer rejected, left out", str(location))
    valid = accepted
    for _ in location.get(task, "drafts", list) if task.get("drafts") else ():
        report.note("draft, left out", str(location))
    preferred = [annotation for annotation in valid if annotation.get("ground_truth")] or valid
    chosen = preferred if choice == "all" else preferred[-1:] if choice == "last" else preferred[:1]
    for _ in range(len(valid) - len(chosen)):
        report.note("further annotation of a text, left out (choose with --annotations)", str(location))
    return chosen
