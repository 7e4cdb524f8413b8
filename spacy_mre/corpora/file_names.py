"""Names of files for formats that have one file per text."""

import re

from .record import Record
from .report import Report

SAFE_NAME = re.compile(r"[\w][\w .-]*(/[\w][\w .-]*)*\Z")
MAX_NAME = 200  # bytes; file systems allow 255


def unique_name(record: Record, number: int, names: set[str], report: Report) -> str:
    """RETURNS (str): The id of a record if it is a valid and unused file name, otherwise a new name. It is added to
    `names`, in lower case because file systems may ignore case.
    """
    name = record.id
    if not SAFE_NAME.match(name) or len(name.encode("utf8")) > MAX_NAME or name.lower() in names:
        report.lose("id that is not a valid or not a unique file name", record.origin, name)
        name = f"text-{number:06}"
        while name in names:
            name += "-"
    names.add(name.lower())
    return name
