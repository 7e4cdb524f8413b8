"""Writing of tables: CSV, TSV, Parquet or Arrow by the ending of the file name.

All files have the same columns, so that records are written one after another, and files can be parts of one table.
"""

import csv
import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Errors
from ..files import replacing
from .jsonl import as_json
from .record import Record
from .report import Report

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("id", "text", "group", "entities", "relations", "cats", "tokens", "meta")
SEPARATORS = {".csv": ",", ".tsv": "\t", "": ","}
BINARY = (".parquet", ".arrow")
BATCH = 10_000  # rows


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as a table, which `read_table` reads.

    records (Iterable[Record]): The records.
    path (Path): The file. It is Parquet if its name ends with .parquet, Arrow (the IPC file format) with .arrow, TSV
        with .tsv, CSV with .csv or without an ending.
    report (Report | None): Counts what CSV cannot represent.
    RETURNS (int): The number of records.
    RAISES (ValueError): If the name has another ending; for Parquet and Arrow, if `pyarrow` is not installed.
    """
    path = Path(path)
    if path.suffix not in (*SEPARATORS, *BINARY):
        raise ValueError(Errors.M224.format(path=path, endings=", ".join(filter(None, (*SEPARATORS, *BINARY)))))
    report = report if report is not None else Report()
    with replacing(path) as temporary:
        if path.suffix in BINARY:
            return _write_binary(records, temporary, path)
        return _write_csv(records, temporary, SEPARATORS[path.suffix], report)


def _write_csv(records: Iterable[Record], file: Path, separator: str, report: Report) -> int:
    count = 0
    with file.open("w", encoding="utf8", newline="") as opened:
        # By default, a lone carriage return would not be quoted.
        writer = csv.writer(opened, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        for record in records:
            if "\0" in record.text:
                report.lose("NUL character (written as a space)", record.origin)
            item = as_json(record)
            writer.writerow([_cell(item.get(name)) for name in COLUMNS])
            count += 1
    return count


def _cell(value: Any) -> str:
    if value is None:
        return ""
    # JSON writes NUL as an escape.
    return value.replace("\0", " ") if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write_binary(records: Iterable[Record], file: Path, path: Path) -> int:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ValueError(Errors.M223.format(path=path)) from None
    schema = _schema()
    records = iter(records)
    count = 0
    make = parquet.ParquetWriter if path.suffix == ".parquet" else pa.ipc.new_file
    with make(file, schema) as writer:
        while chosen := [_row(record) for record in islice(records, BATCH)]:
            writer.write(pa.RecordBatch.from_pylist(chosen, schema))
            count += len(chosen)
    return count


def _schema() -> "pa.Schema":
    import pyarrow as pa

    number, text = pa.int64(), pa.string()
    types = {
        "entities": pa.list_(pa.struct([("start", number), ("end", number), ("label", text)])),
        "relations": pa.list_(pa.struct([("head", number), ("tail", number), ("label", text)])),
        "cats": pa.list_(pa.struct([("label", text), ("score", pa.float64())])),  # datasets cannot read maps
        "tokens": pa.list_(pa.list_(number)),
    }
    return pa.schema([(name, types.get(name, text)) for name in COLUMNS])


def _row(record: Record) -> dict[str, Any]:
    item = as_json(record)
    if "cats" in item:
        item["cats"] = [{"label": label, "score": score} for label, score in item["cats"].items()]
    if "meta" in item:
        item["meta"] = json.dumps(item["meta"], ensure_ascii=False)
    return item
