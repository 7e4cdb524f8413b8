"""Text labels for formats that name those that hold for a text, without values."""

from collections.abc import Iterable

from ..annotations.text_labels import holding_or_highest
from .record import Record
from .report import Report


def names_of_held(record: Record) -> list[str]:
    """RETURNS (list[str]): The names of the text labels that hold, in their order. Labels without a name are left
    out."""
    held = holding_or_highest(record.cats or {})
    return [label for label in record.cats or {} if label and label in held]


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
    if "" in (record.cats or {}):
        report.lose("text label without a name", record.origin)
    return names_of_held(record)


def lose_unused_labels(records: Iterable[Record], report: Report) -> None:
    """Count the text labels that hold for none of the texts: their names are not written anywhere.

    records (Iterable[Record]): All records.
    report (Report): Counts them.
    """
    held: set[str] = set()
    origins: dict[str, str] = {}
    for record in records:
        held.update(names_of_held(record))
        for label in record.cats or {}:
            origins.setdefault(label, record.origin)
    for label, origin in origins.items():
        if label and label not in held:
            report.lose("text label that holds for no text, so that its name is not written", origin, label)
