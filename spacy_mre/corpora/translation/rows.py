"""The file `rows.jsonl`: every text with its translation, kept or dropped, and why. One JSON object per line:

    {"id": "1", "status": "dropped", "reasons": [["marker lost", "a: 仙台"]], "source": {"id": "1", "text": ...},
     "target": {"id": "1", "text": ...}, "methods": [""], "reply": "..."}

Source and target are as in `..jsonl`; the target is null if there is no text that could be read.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ...files import write_json_lines
from ..extra_keys import count_extra_keys
from ..jsonl import as_json, make_record
from ..offsets import Offsets
from ..reading import Location, read_json_lines
from ..record import Record
from ..report import Report
from .row import METHODS, Reason, Translated

KEYS = {"id", "status", "reasons", "source", "target", "methods", "reply"}
KEPT, DROPPED = "kept", "dropped"


def write_rows(rows: Iterable[Translated], path: Path) -> int:
    """Write rows as JSON lines.

    rows (Iterable[Translated]): The texts with their translations.
    path (Path): The file; its folder is created.
    RETURNS (int): The number of rows.

    >>> write_rows([Translated(Record("Lima", id="1"), Record("リマ", id="1"))], Path("rows.jsonl"))
    1
    """
    return write_json_lines(map(row_as_json, rows), path)


def row_as_json(row: Translated) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): The row as JSON."""
    return {
        "id": row.source.id,
        "status": KEPT if row.is_kept else DROPPED,
        "reasons": [[str(reason), detail] for reason, detail in zip(row.reasons, row.details, strict=True)],
        "source": as_json(row.source),
        "target": None if row.record is None else as_json(row.record),
        "methods": row.methods,
        "reply": row.reply,
    }


def read_rows(path: Path, *, report: Report | None = None) -> Iterator[Translated]:
    """Read what `write_rows` has written.

    path (Path): The file.
    report (Report | None): Counts keys that a row does not have.
    YIELDS (Translated): The rows. The origin of their texts is this file.
    RAISES (CorpusError): If the file is malformed.
    """
    path = Path(path)
    report = report if report is not None else Report()
    for number, item in read_json_lines(path):
        yield _read_row(item, Location(path, number), report)


def _read_row(item: dict[str, Any], location: Location, report: Report) -> Translated:
    count_extra_keys(item, KEYS, location, report, "a row")
    source = _read_record(item, "source", location, report)
    target = None if item.get("target") is None else _read_record(item, "target", location, report)
    if any(record is not None and location.get_id(item, "id") != record.id for record in (source, target)):
        raise location.error("'id', the id of 'source' and that of 'target' must be the same")
    row = Translated(
        source, target, methods=location.get(item, "methods", list), reply=location.get(item, "reply", str)
    )
    for pair in location.get(item, "reasons", list):
        row.drop(*_read_reason(pair, location))
    status = KEPT if row.is_kept else DROPPED
    if item.get("status") != status:
        raise location.error(
            f"'status' must be '{status}': a row is dropped if it has reasons, and kept if it has none"
        )
    if row.is_kept and target is None:
        raise location.error("a row without 'target' must have a reason")
    _check_methods(row, location)
    return row


def _read_record(item: dict[str, Any], key: str, location: Location, report: Report) -> Record:
    given = location.get(item, key, dict)
    return make_record(given, "", Offsets(location.get(given, "text", str)), location, report)


def _read_reason(pair: Any, location: Location) -> tuple[Reason, str]:
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(value, str) for value in pair):
        raise location.error("each of 'reasons' must be [reason, detail]")
    if pair[0] not in list(Reason):
        raise location.error(f"unknown reason '{pair[0]}'. Expected one of: {', '.join(Reason)}")
    return Reason(pair[0]), pair[1]


def _check_methods(row: Translated, location: Location) -> None:
    unknown = [method for method in row.methods if method not in METHODS]
    if unknown:
        raise location.error(f"unknown method {unknown[0]!r}. Expected one of: {', '.join(map(repr, METHODS))}")
    found = sum(method != "" for method in row.methods)
    entities = row.record.entities or () if row.record is not None else ()
    if row.record is not None and (len(row.methods), found) != (len(row.source.entities or ()), len(entities)):
        raise location.error(
            f"'methods' has {len(row.methods)} values, {found} of them not empty. Expected one value for each of the "
            f"{len(row.source.entities or ())} entities of 'source', and not empty for the {len(entities)} of 'target'"
        )
