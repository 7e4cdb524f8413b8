"""Writing of PubTator's format. The first line of a text is the title, and the rest the abstract."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..files import replacing
from .presence import lose_parts, lose_presence
from .record import Record
from .report import Report

LINE_END = re.compile(r"[\n\r]")
SEPARATORS = re.compile(r"[\t\n\r\0]")


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records in one file, which `read_pubtator` reads. Each entity is a concept of its own.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Counts what the format cannot represent.
    RETURNS (int): The number of records.
    """
    report = report if report is not None else Report()
    records = list(records)
    with replacing(path) as temporary:
        lines = [list(_as_lines(record, i, report)) for i, record in enumerate(records, start=1)]
        # After title and abstract, a mention has six columns, and a relation four.
        columns = {line.count("\t") + 1 for of_record in lines for line in of_record[2:]}
        written = {what for what, number in (("entities", 6), ("relations", 4)) if number in columns}
        lose_presence(records, "PubTator", report, written=written)
        blocks = ["".join(f"{line}\n" for line in of_record) for of_record in lines]
        temporary.write_bytes("\n".join(blocks).encode("utf8"))
    return len(records)


def _as_lines(record: Record, number: int, report: Report) -> Iterator[str]:
    lose_parts(record, "PubTator", report)
    name = record.id
    if not name.strip() or SEPARATORS.search(name) or "|" in name or name.startswith("\ufeff"):
        report.lose("id that is empty or contains |, a tab or a line end", record.origin, repr(name))
        name = f"text-{number:06}"
    title, abstract = _title_and_abstract(record, report)
    record = replace(record, text=f"{title}\n{abstract}" if abstract else title)
    yield f"{name}|t|{title}"
    yield f"{name}|a|{abstract}"
    written = set()
    for i, entity in enumerate(record.entities or ()):
        if not _is_label(entity.label):
            report.lose("label that is empty, a number, or contains a tab, line end or NUL", record.origin)
        elif not record.text[entity.start : entity.end].strip():
            report.lose("entity of white space only", record.origin, entity.label)
        else:
            written.add(i)
            text = SEPARATORS.sub(" ", record.text[entity.start : entity.end])
            yield f"{name}\t{entity.start}\t{entity.end}\t{text}\t{entity.label}\tT{i + 1}"
    for relation in record.relations or ():
        if relation.head not in written or relation.tail not in written:
            report.lose("relation with a lost argument", record.origin, relation.label)
        elif not _is_label(relation.label):
            report.lose("label that is empty, a number, or contains a tab, line end or NUL", record.origin)
        else:
            yield f"{name}\t{relation.label}\tT{relation.head + 1}\tT{relation.tail + 1}"


def _title_and_abstract(record: Record, report: Report) -> tuple[str, str]:
    """The first line and the others, without changes of their length."""
    if "\0" in record.text:
        report.lose("NUL character (written as a space)", record.origin)
    title, line_end, abstract = record.text.replace("\0", " ").partition("\n")
    if line_end and not abstract:
        report.lose("line end at the end of a text", record.origin)
    for _ in LINE_END.findall(title + abstract):
        report.lose("line end (written as a space)", record.origin)
    return LINE_END.sub(" ", title), LINE_END.sub(" ", abstract)


def _is_label(label: str) -> bool:
    return bool(label.strip()) and not SEPARATORS.search(label) and not label.isdigit()
