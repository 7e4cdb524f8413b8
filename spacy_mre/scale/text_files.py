"""Rows of JSON lines, of lists of texts, and of CSV.

JSON is read as Python's `json` reads it: of a key that is there twice, the last value counts; NaN is a number; the
escapes of halves of surrogate pairs are characters. So whoever gets the values has to judge the text.
"""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import Errors
from .lines import MAX_LINE, Line
from .rows import RawRow, Unreadable

MIB = 2**20


def find_rows(lines: Iterator[Line], name: str) -> Iterator[RawRow]:
    """Find the rows of a file that has one per line.

    lines (Iterator[Line]): The lines.
    name (str): The name of the file.
    YIELDS (RawRow): Every line that is not blank.
    """
    unit = f"{name}, line"
    for number, data, is_whole in lines:
        if data and not data.isspace():
            fault = "" if is_whole else f"it is longer than {MAX_LINE // MIB} MiB"
            yield RawRow(unit, number, len(data), data if is_whole else b"", fault)


def parse_json(data: bytes) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): The object in a line of JSON.

    RAISES (Unreadable): If there is none.
    """
    text = parse_line(data)
    try:
        values = json.loads(text)
    except json.JSONDecodeError as err:
        raise Unreadable(f"it is not JSON: {err.msg} at column {err.colno}") from None
    except RecursionError:
        raise Unreadable("it is not JSON: too many levels of brackets") from None
    except ValueError:
        # Python limits the digits of an integer; it gives no other ValueError.
        raise Unreadable("it is not JSON: an integer has too many digits") from None
    if not isinstance(values, dict):
        raise Unreadable("it is not a JSON object")
    return values


def parse_line(data: bytes) -> str:
    """RETURNS (str): A line without its end.

    RAISES (Unreadable): If it is not UTF-8.
    """
    text = _decode(data)
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def find_csv_rows(lines: Iterator[Line], name: str, path: Any, delimiter: str) -> Iterator[RawRow]:
    """Find the rows of a file in CSV.

    lines (Iterator[Line]): The lines.
    name (str): The name of the file.
    path (Any): The file, for errors.
    delimiter (str): What separates cells.
    YIELDS (RawRow): The header, and all rows that are not empty; their cells are the data.
    RAISES (ValueError): If a quotation mark is not closed. After it, the rows cannot be told from one another.
    """
    unit = f"{name}, line"
    source = _CsvLines(lines, path)
    # `strict`: otherwise a quotation mark in a wrong place would change texts without a word.
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.begin()
        cells: list[str] | None = []
        try:
            with _long_fields():
                cells = next(reader, None)
        except csv.Error as err:
            if source.has_ended or "field limit" in str(err):
                raise ValueError(Errors.M709.format(path=path, line=source.first, size=MAX_LINE // MIB)) from None
            source.fault = source.fault or f"it is not CSV: {err}"
        if cells is None:
            return
        if cells or source.fault:
            yield RawRow(unit, source.first, source.size, cells, source.fault)


def check_header(header: RawRow, path: Any) -> list[str]:
    """Check the names of the columns.

    header (RawRow): The first row of a file in CSV.
    path (Any): The file, for errors.
    RETURNS (list[str]): The names.
    RAISES (ValueError): If a name is missing, or there twice, or cannot be read.
    """
    names: list[str] = header.data
    repeated = next((name for name in names if names.count(name) > 1), None)
    reason = header.fault
    if not all(names):
        reason = reason or f"the name of column {names.index('') + 1} is empty"
    elif repeated is not None:
        reason = reason or f"two columns have the name '{repeated}'"
    if reason:
        raise ValueError(Errors.M706.format(path=path, reason=reason))
    return names


def parse_cells(header: list[str], cells: list[str]) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): The cells of a row by their columns.

    RAISES (Unreadable): If there are too few or too many.
    """
    if len(cells) != len(header):
        raise Unreadable(f"it has {len(cells)} fields, but the header has {len(header)}")
    return dict(zip(header, cells))


class _CsvLines:
    """Lines for the reader of CSV, which may use several for one row.

    first (int): The line in which the row begins.
    size (int): The bytes of the row.
    fault (str): Why the row cannot be read.
    has_ended (bool): Whether there are no more lines.
    """

    def __init__(self, lines: Iterator[Line], path: Any) -> None:
        self.lines = lines
        self.path = path
        self.has_ended = False
        self.begin()

    def begin(self) -> None:
        self.first = self.size = 0
        self.fault = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines, None)
        if line is None:
            self.has_ended = True
            raise StopIteration
        self.first = self.first or line.number
        if not line.is_whole:
            raise ValueError(Errors.M709.format(path=self.path, line=self.first, size=MAX_LINE // MIB))
        before = self.size
        self.size += len(line.data)
        try:
            return line.data.decode()
        except UnicodeDecodeError as err:
            self.fault = self.fault or _not_utf8(before + err.start)
            return line.data.decode(errors="replace")


@contextmanager
def _long_fields() -> Iterator[None]:
    # The limit is one for the whole program, so it is changed for one row at a time.
    limit = csv.field_size_limit(MAX_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as err:
        raise Unreadable(_not_utf8(err.start)) from None


def _not_utf8(start: int) -> str:
    return f"byte {start + 1} is not UTF-8"
