"""Rows of CSV and TSV, one after another, so that the file may be larger than the memory."""

import csv
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from .json_values import InvalidJSON, parse_json
from .reading import Location, read_text
from .record import CorpusError

CSV = (".csv", ".tsv")  # endings of files that are never JSON
MAX_CELL = 2**31 - 1

Row = tuple[Location, dict[str, Any]]


def csv_cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Read the cells of a file in CSV.

    path (Path): The file. Its first line shows whether columns are separated by commas, tabs or semicolons. In a line
        like `"Yes" he said,b`, which quotes nothing, quotation marks are part of the text.
    YIELDS (tuple[int, list[str]]): The last line and the cells of each row.
    RAISES (CorpusError): If the file is not a text in UTF-8, or quotation marks do not match.
    """
    if not path.is_file():
        read_text(path)
    lines = _lines(path)
    header = next(lines, "")
    separator = max(",\t;", key=header.count)
    source = _Counted(chain([header], lines))
    reader = csv.reader(source, delimiter=separator, strict=True)
    width = 0
    while True:
        source.of_row.clear()
        # The limit is one for the whole program, so it is changed for one row at a time.
        limit = csv.field_size_limit(MAX_CELL)
        try:
            cells = next(reader, None)
        except csv.Error as err:
            literal = source.of_row[0].rstrip("\r\n").split(separator)
            if len(source.of_row) > 1 or source.at_end or len(literal) != width or _quotes(literal):
                raise CorpusError(path, source.number, f"invalid CSV: {err}") from None
            cells = literal
            reader = csv.reader(source, delimiter=separator, strict=True)  # the other one is inside of a cell
        finally:
            csv.field_size_limit(limit)
        if cells is None:
            return
        width = width or len(cells)
        yield source.number, cells


def _quotes(cells: list[str]) -> bool:
    """Whether the parts of a line between separators seem to be quoted, or a separator to be inside of quotes."""
    return any(cell.count('"') % 2 or '""' in cell or (len(cell) > 1 and cell[0] == cell[-1] == '"') for cell in cells)


def csv_rows(path: Path, text_column: str, json_columns: Collection[str]) -> Iterator[Row]:
    """Read a file in CSV that begins with the names of its columns.

    path (Path): The file.
    text_column (str): The column of the text. Only there an empty cell is an empty text, not null.
    json_columns (Collection[str]): The columns that contain JSON.
    YIELDS (Row): Where each row was read, and its values.
    RAISES (CorpusError): If the file is malformed.
    """
    header: list[str] = []
    for line, cells in csv_cells(path):
        location = Location(path, line)
        if not cells:
            continue
        if not header:
            header = [name.strip() for name in cells]
            check_names(header, location)
            continue
        if len(cells) != len(header):
            raise location.error(f"found {len(cells)} cells, but the header has {len(header)}")
        row: dict[str, Any] = {}
        for name, cell in zip(header, cells):
            row[name] = cell if cell or name == text_column else None
            if cell and name in json_columns and name != text_column:
                row[name] = parse_cell(cell, name, location)
        yield location, row
    if not header:
        read_text(path)  # refuses an empty file


def check_names(names: list[str], location: Location) -> None:
    """Check that each column has a name of its own.

    names (list[str]): The names of the columns.
    location (Location): Where they were read.
    RAISES (CorpusError): If two are the same.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise location.error(f"two columns have the name '{repeated[0]}'")


def parse_cell(cell: str, name: str, location: Location) -> Any:
    """RETURNS (Any): The JSON of a cell of the column `name`.

    RAISES (CorpusError): If it is not valid JSON.
    """
    try:
        return parse_json(cell)
    except InvalidJSON as err:
        raise location.error(f"the column '{name}' must contain JSON: {err.reason}") from None


def _lines(path: Path) -> Iterator[str]:
    """The lines with their ends, which may be part of a cell."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line in file:
                if "\0" in line:
                    break
                yield line
            else:
                return
    except UnicodeDecodeError:
        pass
    read_text(path)  # names the line and the byte


class _Counted:
    """Lines, of which the last row's are kept.

    lines (Iterator[str]): The lines.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self.number = 0
        self.of_row: list[str] = []
        self.at_end = False
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = next(self._lines)
        except StopIteration:
            self.at_end = True
            raise
        self.number += 1
        self.of_row.append(line)
        return line
