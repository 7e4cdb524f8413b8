"""Writing of UIMA CAS for INCEpTION, with the package `cassis`: JSON or XMI, one file per text."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import Errors
from ..files import replacing, replacing_files
from .cas_builder import Builder, make_types
from .cas_content import require_cassis
from .cas_files import ENDINGS
from .cas_xmi import TYPE_SYSTEM
from .file_names import FileNames
from .held_labels import lose_unused_labels
from .presence import lose_missing
from .reading import files_in
from .record import Record
from .report import Report, relative_name


def is_one_text(path: Path) -> bool:
    """RETURNS (bool): Whether a name is that of a file, which contains one text, not of a folder."""
    return path.suffix in ENDINGS


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records that `read_cas` reads. Each line of a text is a sentence; tokens of white space only are left out.

    records (Iterable[Record]): The records.
    path (Path): A file for one text if its name ends with .json or .xmi; beside the latter a TypeSystem.xml is
        written. Otherwise a folder, with one .json per text; other files in it are kept, and noted if they would be
        read too.
    report (Report | None): Counts what the format cannot represent.
    RETURNS (int): The number of texts.
    RAISES (ValueError): If the package `dkpro-cassis` is not installed, a file would contain several texts, or the
        TypeSystem.xml of other files would be replaced.
    """
    path = Path(path)
    require_cassis(path)
    report = report if report is not None else Report()
    records = list(records)
    if is_one_text(path) and len(records) != 1:
        raise ValueError(Errors.M242.format(path=path, count=len(records)))
    lose_missing(records, "UIMA CAS", report, ("entities", "relations", "cats"))
    if all(record.entities is None for record in records) and any(record.relations is not None for record in records):
        for record in records:  # the layer of relations refers to that of entities
            report.lose("missing annotation of entities (written as an empty one)", record.origin)
    lose_unused_labels(records, report)
    types = make_types(records)
    if path.suffix == ".xmi":
        _write_xmi(records[0], path, types, report)
    elif is_one_text(path):
        with replacing(path) as temporary:
            temporary.write_bytes(_as_json(records[0], types, report))
    else:
        _write_folder(records, path, types, report)
    return len(records)


def _write_folder(records: list[Record], path: Path, types: Any, report: Report) -> None:
    # The title of the document keeps an id that is no file name, unless two texts have it: then it is the file name.
    unique = len({record.id for record in records} - {""}) == len(records)
    names = FileNames(".json")
    written = set()
    with replacing_files(path) as fresh:
        for number, record in enumerate(records, start=1):
            name = names.choose(record, number, Report() if unique else report)
            written.add(f"{name}.json")
            file = fresh / f"{name}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_as_json(record if unique else replace(record, id=name), types, report))
    for other in files_in(path, ENDINGS):
        if other.relative_to(path).as_posix() not in written:
            report.note("file in the folder that is not part of this export", relative_name(other, path))


def _as_json(record: Record, types: Any, report: Report) -> bytes:
    return str(Builder(record, types, report, is_xml=False).cas.to_json()).encode("utf8")


def _write_xmi(record: Record, path: Path, types: Any, report: Report) -> None:
    beside = path.with_name(TYPE_SYSTEM)
    description = types.to_xml().encode("utf8")
    if beside.exists() and beside.read_bytes() != description:
        raise ValueError(Errors.M243.format(path=path, name=TYPE_SYSTEM))
    content = str(Builder(record, types, report, is_xml=True).cas.to_xmi()).encode("utf8")
    for file, data in ((beside, description), (path, content)):
        with replacing(file) as temporary:
            temporary.write_bytes(data)
