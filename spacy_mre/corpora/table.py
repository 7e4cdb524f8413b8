"""Tables with one text per row: CSV, TSV and Parquet.

    id,text,label
    1,"Ada met Bo.",diary

The columns are those of JSON lines (`jsonl.py`): "text", "id", "group", "entities", "relations", "cats", "tokens" and
"meta". In CSV the last five contain JSON. A column "label" contains one text label instead of "cats"; its cell may be
empty. The columns of the text and the label may have other names. All other columns are metadata.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ..errors import Errors
from .json_values import InvalidJSON, parse_json
from .jsonl import RECORD_KEYS, make_record, text_parts
from .metadata import other_keys, read_meta
from .reading import Location, read_text
from .record import CorpusError, Record
from .report import Report
from .surface import with_offsets

JSON_COLUMNS = ("entities", "relations", "cats", "tokens", "meta")
PARQUET = b"PAR1"
MAX_CELL = 2**31 - 1
MAX_NAMES = 20

Row = tuple[Location, dict[str, Any]]


def read_table(
    path: Path, *, text_column: str = "text", label_column: str = "label", report: Report | None = None
) -> Iterator[Record]:
    """Read one file.

    path (Path): The file. CSV must be in UTF-8; the columns are separated by commas, tabs or semicolons.
    text_column (str): The column of the text.
    label_column (str): The column of the text label, if there is one.
    report (Report | None): Notes columns that were read as metadata, and counts keys of entities and relations that the
        format does not have.
    YIELDS (Record): One record per row. Without an id, it gets the name of the file and the number of the row.
    RAISES (CorpusError): If the input is malformed.
    RAISES (ValueError): If the file is Parquet, and `pyarrow` is not installed.

    >>> _ = Path("a.csv").write_text('text,label\\n"Ada met Bo.",diary\\n')
    >>> next(read_table("a.csv")).cats
    {'diary': 1.0}
    """
    path = Path(path)
    report = report if report is not None else Report()
    rows = _parquet_rows(path) if is_parquet(path) else _csv_rows(path, text_column)
    items = [(location, _item(row, text_column, label_column, location, report)) for location, row in rows]
    found = with_offsets(lambda: items, text_parts, report)
    for number, ((location, item), offsets) in enumerate(found, start=1):
        yield make_record(item, f"{path.stem}-{number}", offsets, location, report)


def _item(
    row: dict[str, Any], text_column: str, label_column: str, location: Location, report: Report
) -> dict[str, Any]:
    """A row as an object of JSON lines."""
    if text_column not in row:
        raise location.error(
            f"there is no column '{text_column}' among {', '.join([*row][:MAX_NAMES])}: name it with --text-column"
        )
    item = {key: row[key] for key in RECORD_KEYS if row.get(key) is not None}
    item["text"] = row[text_column]
    known = {*RECORD_KEYS, text_column, label_column}
    if row.get(label_column) is not None and label_column not in ("text", text_column):
        if item.get("cats") is not None:
            raise location.error(f"there are text labels in '{label_column}' and in 'cats'")
        item["cats"] = location.get_id(row, label_column)
    item["meta"] = read_meta(item.get("meta"), location) | other_keys(row, known, location, report)
    return item


def is_parquet(path: Path) -> bool:
    """RETURNS (bool): Whether a file is in the Parquet format."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(PARQUET)) == PARQUET


def csv_rows(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Read the cells of a text in CSV.

    text (str): The text. The first line shows whether columns are separated by commas, tabs or semicolons.
    path (Path): The file, for errors.
    YIELDS (tuple[int, list[str]]): The last line and the cells of each row.
    RAISES (CorpusError): If quotation marks do not match.
    """
    header = text.split("\n", 1)[0]
    separator = max(",\t;", key=header.count)
    limit = csv.field_size_limit(MAX_CELL)
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as err:
        raise CorpusError(path, reader.line_num, f"invalid CSV: {err}") from None
    finally:
        csv.field_size_limit(limit)
    yield from rows


def _csv_rows(path: Path, text_column: str) -> Iterator[Row]:
    header: list[str] = []
    for line, cells in csv_rows(read_text(path), path):
        location = Location(path, line)
        if not cells:
            continue
        if not header:
            header = [name.strip() for name in cells]
            repeated = [name for name, count in Counter(header).items() if count > 1]
            if repeated:
                raise location.error(f"two columns have the name '{repeated[0]}'")
            continue
        if len(cells) != len(header):
            raise location.error(f"found {len(cells)} cells, but the header has {len(header)}")
        row: dict[str, Any] = {}
        for name, cell in zip(header, cells):
            row[name] = cell if cell or name == text_column else None
            if cell and name in JSON_COLUMNS and name != text_column:
                row[name] = _parse(cell, name, location)
        yield location, row


def _parse(cell: str, name: str, location: Location) -> Any:
    try:
        return parse_json(cell)
    except InvalidJSON as err:
        raise location.error(f"the column '{name}' must contain JSON: {err.reason}") from None


def _parquet_rows(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise ValueError(Errors.M223.format(path=path)) from None
    try:
        table = parquet.read_table(path)
        items = table.to_pylist()
    except (ArrowException, OSError, ValueError) as err:
        raise CorpusError(path, 0, f"invalid Parquet: {err}") from None
    for number, item in enumerate(items, start=1):
        location = Location(path, name=f"row {number}")
        row = {name: _plain(value) for name, value in item.items()}
        if isinstance(row.get("meta"), str):
            row["meta"] = _parse(row["meta"], "meta", location)
        if isinstance(item.get("cats"), list) and all(isinstance(pair, tuple) for pair in item["cats"]):
            row["cats"] = dict(item["cats"])  # a map
        elif isinstance(item.get("cats"), dict):
            row["cats"] = {label: value for label, value in item["cats"].items() if value is not None}
        yield location, row


def _plain(value: Any) -> Any:
    """A value of JSON: dates and the like become strings; what is not a number is null."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
