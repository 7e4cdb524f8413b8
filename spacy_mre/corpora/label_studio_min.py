"""Label Studio's JSON_MIN as tasks of its JSON.

    {"text": "Ada met Bo.", "id": 1, "label": [{"start": 0, "end": 3, "text": "Ada", "labels": ["person"]}],
     "kind": "diary", "annotator": 1, "annotation_id": 7, "created_at": "...", "updated_at": "...", "lead_time": 5.2}

Each object is one annotation: data, the id of the task, the results by the name of their tag, and what is
known of the annotation. A single choice is a string, as the answer in a text field is; data is told from results by its
place, so that strings are data if another program has sorted the keys.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .label_studio_results import CHOICES, DATA_KEYS, TEXT_LABELS
from .reading import Location, read_json_items
from .report import Report

# One of these shows the form; the others also occur elsewhere.
NAMES = {"annotator", "annotation_id", "completion_id"}
ANNOTATION_KEYS = NAMES | {"created_at", "updated_at", "lead_time", "agreement"}


def as_tasks(path: Path, text_key: str, report: Report) -> Iterator[tuple[Location, dict[str, Any]]]:
    """Read a file of tasks, or of annotations in the form of JSON_MIN.

    path (Path): The file.
    text_key (str): The key that contains the text; empty for "text".
    report (Report): Notes which strings were read as choices, and which may be choices, but have no such place.
    YIELDS (tuple[Location, dict[str, Any]]): The tasks, with all annotations of a text in one of them.
    RAISES (CorpusError): If the input is malformed.
    """
    by_id: dict[str, tuple[Location, dict[str, Any]]] = {}
    for location, item in read_json_items(path):
        if "data" in item or not item.keys() & NAMES:
            yield location, item
            continue
        task = _as_task(item, text_key, location, report)
        name = location.get_id(task, "id", str(location))
        first = by_id.setdefault(name, (location, task))[1]
        if first is not task:
            if first["data"] != task["data"]:
                raise location.error(f"the task {name} has another text or metadata than before")
            first["annotations"] += task["annotations"]
    yield from by_id.values()


def _as_task(item: dict[str, Any], text_key: str, location: Location, report: Report) -> dict[str, Any]:
    keys = list(item)
    # Between the id of the task and the annotator are the results.
    begin = keys.index("id") if "id" in item else len(keys)
    end = keys.index("annotator") if "annotator" in item else begin
    data: dict[str, Any] = {}
    results: list[dict[str, Any]] = []
    for place, (key, value) in enumerate(item.items()):
        if key == "id" or key in ANNOTATION_KEYS:
            continue
        found = [] if key == (text_key or "text") else list(_results(key, value, begin < place < end))
        if found and isinstance(value, str):
            report.note(f"'{key[:40]}' read as a text label", str(location))
        results += found
        if not found:
            data[key] = value
    if end <= begin:
        for key in _strings(data, text_key or "text"):
            reason = f"'{key[:40]}' read as metadata, though it may be a choice: 'annotator' is not behind 'id'"
            report.note(reason, str(location))
    return {"id": item.get("id"), "data": data, "annotations": [{"result": results}]}


def _results(name: str, value: Any, among_results: bool) -> Iterator[dict[str, Any]]:
    """The results of one tag in the form of the JSON; none if the value is data."""
    for given in value if isinstance(value, list) else [value]:
        if isinstance(given, str) and among_results:
            yield {"type": CHOICES, "from_name": name, "value": {"choices": [given]}}
        elif isinstance(given, dict):
            kind = next((kind for kind in (*TEXT_LABELS, CHOICES) if kind in given), "")
            if kind or among_results:
                yield {"type": kind or name, "from_name": name, "value": given}


def _strings(data: dict[str, Any], text_key: str) -> list[str]:
    """The keys of strings, or of lists of strings, that are not the text."""
    values = {key: value if isinstance(value, list) else [value] for key, value in data.items()}
    found = [key for key, given in values.items() if given and all(isinstance(value, str) for value in given)]
    others = [key for key in found if key not in DATA_KEYS | {text_key}]
    return [] if text_key not in data and len(others) == 1 else others
