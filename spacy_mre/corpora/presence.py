"""What several formats cannot represent: parts of a record, and whether annotations are absent or empty."""

from collections.abc import Collection, Sequence

from .record import Record
from .report import Report

NAMES = {"cats": "text labels"}
LOST_SCORE = "score (kept by spacyjson, and in predictions by labelstudio and prodigy)"


def lose_parts(record: Record, tool: str, report: Report, *, metadata: bool = True, group: bool = True) -> None:
    """Count the text labels, the group and the metadata of a record, for formats without them.

    record (Record): The record.
    tool (str): The name of the format.
    report (Report): Counts them.
    metadata (bool): Whether the format has no metadata. Default: True.
    group (bool): Whether the format has no groups. Default: True.
    """
    parts = {
        "text labels": record.cats,
        "metadata": record.meta if metadata else None,
        "group": record.group if group else None,
    }
    for what, content in parts.items():
        if content:
            report.lose(f"{what} (not supported by {tool})", record.origin)


def lose_scores(record: Record, report: Report) -> None:
    """Count the scores of entities and relations, for formats without them. Those of people are no loss.

    record (Record): The record.
    report (Report): Counts them.
    """
    for annotation in [*(record.entities or ()), *(record.relations or ())]:
        if annotation.score != 1.0:
            report.lose(LOST_SCORE, record.origin, annotation.label)


def lose_presence(records: list[Record], tool: str, report: Report, *, written: Collection[str] | None = None) -> None:
    """Count annotations that become absent, and absent ones that become empty, when they are read again: readers take
    the entities or relations of a text for annotated if some text of the file has any.

    records (list[Record]): All records.
    tool (str): The name of the format.
    report (Report): Counts them.
    written (Collection[str] | None): "entities" and "relations", if the file has any. Default: those that some record
        has, which is wrong if all of them are lost.
    """
    for what in ("entities", "relations"):
        some = any(getattr(record, what) for record in records) if written is None else what in written
        for record in records:
            value = getattr(record, what)
            if some and value is None:
                report.lose(f"missing annotation of {what} ({tool} cannot tell it from an empty one)", record.origin)
            elif not some and value is not None:
                report.lose(f"empty annotation of {what} ({tool} cannot tell it from a missing one)", record.origin)


def lose_missing(
    records: list[Record], tool: str, report: Report, parts: Sequence[str] = ("entities", "relations")
) -> None:
    """Count absent annotations that become empty when they are read again: a layer is in the files, or not.

    records (list[Record]): All records.
    tool (str): The name of the format.
    report (Report): Counts them.
    parts (Sequence[str]): The attributes of records that have layers.
    """
    for what in parts:
        missing = [record for record in records if getattr(record, what) is None]
        for record in missing if len(missing) < len(records) else ():
            name = NAMES.get(what, what)
            report.lose(f"missing annotation of {name} ({tool} cannot tell it from an empty one)", record.origin)
