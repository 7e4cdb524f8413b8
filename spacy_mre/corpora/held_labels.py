"""Text labels for formats that name those that hold for a text, without values."""

from collections.abc import Iterable

from ..annotations.text_labels import HOLDS
from .record import Record
from .report import Report


def is_held(label: str, value: float) -> bool:
    """RETURNS (bool): Whether a text label has a name and holds."""
    return bool(label) and value >= HOLDS


def lose_shares(record: Record, report: Report) -> None:
    """Count the values of text labels that are neither 0 nor 1: only whether they hold is kept.

    record (Record): The record.
    report (Report): Counts them.
    """
    for label, value in (record.cats or {}).items():
        if value not in (0.0, 1.0):
            report.lose("value of a text label between 0 and 1", record.origin, f"{label} {value:g}")


def held_labels(record: Record, report: Report) -> list[str]:
    """Get the names of the text labels that hold.

    record (Record): The record.
    report (Report): Counts values between 0 and 1, and labels without a name.
    RETURNS (list[str]): The names.
    """
    lose_shares(record, report)
    held = []
    for label, value in (record.cats or {}).items():
        if not label:
            report.lose("text label without a name", record.origin)
        elif is_held(label, value):
            held.append(label)
    return held


def lose_unused_labels(records: Iterable[Record], report: Report) -> None:
    """Count the text labels that hold for none of the texts: their names are not written anywhere.

    records (Iterable[Record]): All records.
    report (Report): Counts them.
    """
    values: dict[str, float] = {}
    origins: dict[str, str] = {}
    for record in records:
        for label, value in (record.cats or {}).items():
            values[label] = max(value, values.get(label, 0.0))
            origins.setdefault(label, record.origin)
    for label, value in values.items():
        if label and not is_held(label, value):
            report.lose("text label that holds for no text, so that its name is not written", origins[label], label)
