"""Writing of tables: CSV, TSV or Parquet by the ending of the file name."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import Errors
from ..files import replacing
from .jsonl import as_json
from .record import Record
from .report import Report
from .table import JSON_COLUMNS

COLUMNS = ("id", "text", "group", *JSON_COLUMNS)
SEPARATORS = {".tsv": "\t"}


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as a table, which `read_table` reads. Columns that would be empty are left out.

    records (Iterable[Record]): The records.
    path (Path): The file. It is Parquet if its name ends with .parquet, TSV with .tsv, otherwise CSV.
    report (Report | None): Counts what CSV cannot represent.
    RETURNS (int): The number of records.
    RAISES (ValueError): For Parquet, if `pyarrow` is not installed.
    """
    path = Path(path)
    records = list(records)
    report = report if report is not None else Report()
    items = [as_json(record) for record in records]
    columns = [name for name in COLUMNS if name in ("id", "text") or any(name in item for item in items)]
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            _write_parquet(items, columns, temporary, path)
        else:
            with temporary.open("w", encoding="utf8", newline="") as file:
                # By default, a lone carriage return would not be quoted.
                separator = SEPARATORS.get(path.suffix, ",")
                writer = csv.writer(file, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
                writer.writerow(columns)
                for item, record in zip(items, records):
                    if "\0" in record.text:
                        report.lose("NUL character (written as a space)", record.origin)
                    writer.writerow([_cell(item.get(name)) for name in columns])
    return len(records)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    # JSON writes NUL as an escape.
    return value.replace("\0", " ") if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write_parquet(items: list[dict[str, Any]], columns: list[str], file: Path, path: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ValueError(Errors.M223.format(path=path)) from None
    number, text = pa.int64(), pa.string()
    types = {
        "entities": pa.list_(pa.struct([("start", number), ("end", number), ("label", text)])),
        "relations": pa.list_(pa.struct([("head", number), ("tail", number), ("label", text)])),
        "cats": pa.map_(text, pa.float64()),
        "tokens": pa.list_(pa.list_(number)),
    }
    rows = [
        {
            **item,
            **({"cats": list(item["cats"].items())} if "cats" in item else {}),
            **({"meta": json.dumps(item["meta"], ensure_ascii=False)} if "meta" in item else {}),
        }
        for item in items
    ]
    schema = pa.schema([(name, types.get(name, text)) for name in columns])
    parquet.write_table(pa.Table.from_pylist(rows, schema), file)
