"""Writing of brat folders. A text and its annotations are files of the same name: `7.txt` and `7.ann`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..files import replacing_files
from .brat_metadata import write_metadata
from .file_names import FileNames
from .presence import lose_parts
from .reading import files_in
from .record import EntityRecord, Record, RelationRecord
from .report import Report, relative_name

BYTE_ORDER_MARK = "\ufeff"
# Of the names in brat's annotation.conf. Files with other labels are shown, but nobody can add such an annotation.
CONFIGURABLE = re.compile(r"[A-Za-z0-9_-]*\Z")


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as a folder that `read_brat` reads. Text labels, tokens and groups are not written, and of the
    metadata only attributes, notes and normalizations of brat.

    The files are written to a temporary folder first, and moved when all of them are complete. Other files in the
    folder are kept; texts among them are noted, because `read_brat` would read them too.

    records (Iterable[Record]): The records.
    path (Path): The folder; it is created.
    report (Report | None): Counts what brat cannot represent.
    RETURNS (int): The number of texts.
    """
    path = Path(path)
    report = report if report is not None else Report()
    names = FileNames(".txt", ".ann")
    without_file: list[str] = []
    written: list[str] = []
    has_relations = False
    not_annotated: list[str] = []
    annotated_as_none: list[str] = []
    labels: set[str] = set()
    with replacing_files(path) as fresh:
        for number, record in enumerate(records, start=1):
            written.append(names.choose(record, number, report))
            file = fresh / f"{written[-1]}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_as_text(record, report).encode("utf8"))
            # Other metadata than that of brat is counted by `write_metadata`.
            lose_parts(record, "brat", report, metadata=False)
            if record.entities is None:
                list(write_metadata(record, {}, report))
                without_file.append(written[-1])
                if record.relations is not None:
                    reason = "empty relation annotation of a text without entity annotation (brat has no file for it)"
                    report.lose(reason, record.origin)
                continue
            lines = list(_as_lines(record, report))
            labels.update(annotation.label for annotation in [*record.entities, *(record.relations or ())])
            file.with_suffix(".ann").write_bytes("".join(line + "\n" for line in lines).encode("utf8"))
            has_relations |= any(line.startswith("R") for line in lines)
            if record.relations is None:
                not_annotated.append(record.origin)
            elif not record.relations:
                annotated_as_none.append(record.origin)
    for name in without_file:
        earlier = path / f"{name}.ann"
        if earlier.is_file() and earlier.stat().st_size:
            report.note("annotations in the folder for a text without any in this export, removed", f"{name}.ann")
        earlier.unlink(missing_ok=True)
    for label in sorted(filter(_is_label, labels)):
        if not CONFIGURABLE.match(label):
            report.note("label that brat's annotation.conf cannot have (only A-Z, a-z, 0-9, - and _)", label)
    for file in files_in(path, (".txt",)):
        if file.relative_to(path).with_suffix("").as_posix() not in written:
            report.note("text in the folder that is not part of this export", relative_name(file, path))
    if has_relations:
        for origin in not_annotated:
            report.lose("missing relation annotation (brat cannot distinguish it from an empty one)", origin)
    else:
        for origin in annotated_as_none:
            report.lose("empty relation annotation (brat cannot distinguish it from a missing one)", origin)
    return len(written)


def _as_text(record: Record, report: Report) -> str:
    """The text as it is written: readers remove the first byte order mark, and refuse NUL."""
    if "\0" in record.text:
        report.lose("NUL character (written as a space)", record.origin)
    text = record.text.replace("\0", " ")
    return BYTE_ORDER_MARK + text if text.startswith(BYTE_ORDER_MARK) else text


def _as_lines(record: Record, report: Report) -> Iterator[str]:
    written: dict[str, EntityRecord | RelationRecord] = {}
    for i, entity in enumerate(record.entities or (), start=1):
        if not _is_label(entity.label):
            report.lose("label that is empty or contains white space or NUL", record.origin, repr(entity.label))
            continue
        written[f"T{i}"] = entity
        text = re.sub(r"[\s\0]", " ", record.text[entity.start : entity.end])
        yield f"T{i}\t{entity.label} {entity.start} {entity.end}\t{text}"
    for i, relation in enumerate(record.relations or (), start=1):
        head, tail = f"T{relation.head + 1}", f"T{relation.tail + 1}"
        if not _is_label(relation.label):
            report.lose("label that is empty or contains white space or NUL", record.origin, repr(relation.label))
        elif head not in written or tail not in written:
            report.lose("relation with a lost argument", record.origin, relation.label)
        else:
            written[f"R{i}"] = relation
            yield f"R{i}\t{relation.label} Arg1:{head} Arg2:{tail}"
    yield from write_metadata(record, written, report)


def _is_label(label: str) -> bool:
    return bool(label) and not re.search(r"[\s\0]", label)
