"""Rows of CSV and TSV, one after another, so that the file may be larger than the memory."""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from .json_values import InvalidJSON, parse_json
from .reading import Location, read_text
from .record import CorpusError

CSV = (".csv", ".tsv")  # endings of files that are never JSON
SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons"}
LINE_END = re.compile(r"\r\n|\r|\n")
MAX_CELL = 2**31 - 1

Row = tuple[Location, dict[str, Any]]


def csv_cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Read the cells of a file in CSV.

    path (Path): The file. In a line like `"Yes" he said,b`, which quotes nothing, quotation marks are part of the text.
    YIELDS (tuple[int, list[str]]): The first line and the cells of each row.
    RAISES (CorpusError): If the file is not a text in UTF-8, or quotation marks do not match.
    """
    separator = csv_separator(path)
    source = _Counted(_lines(path))
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
                reason = f"{err}{f' in line {source.number}' * (len(source.of_row) > 1)}"
                if source.at_end:
                    reason = (
                        "no quotation mark closes the cell that one opens (within a quoted cell, it is written twice)"
                    )
                raise CorpusError(path, source.first, f"invalid CSV: {reason}") from None
            cells = literal
            reader = csv.reader(source, delimiter=separator, strict=True)  # the other one is inside of a cell
        finally:
            csv.field_size_limit(limit)
        if cells is None:
            return
        width = width or len(cells)
        yield source.first, cells


def csv_separator(path: Path) -> str:
    """Find what separates the columns of a file.

    path (Path): The file.
    RETURNS (str): A tab if its name ends with .tsv; otherwise what its first line has most of: commas, tabs or
        semicolons.
    RAISES (CorpusError): If it is not a text in UTF-8.
    """
    return "\t" if path.suffix.lower() == ".tsv" else max(SEPARATORS, key=next(_lines(path), "").count)


def _quotes(cells: list[str]) -> bool:
    """Whether the parts of a line between separators seem to be quoted, or a separator to be inside of quotes."""
    return any(cell.count('"') % 2 or '""' in cell or (len(cell) > 1 and cell[0] == cell[-1] == '"') for cell in cells)


def csv_rows(
    path: Path, text_column: str, json_columns: Collection[str], doubtful: set[str] | None = None
) -> Iterator[Row]:
    """Read a file in CSV that begins with the names of its columns.

    path (Path): The file.
    text_column (str): The column of the text. Only there an empty cell is an empty text, not null.
    json_columns (Collection[str]): The columns that contain JSON.
    doubtful (set[str] | None): Gets the places of rows with a cell in which there seem to be other rows: the quotation
        mark that opens it may be part of a text.
    YIELDS (Row): Where each row was read, and its values.
    RAISES (CorpusError): If the file is malformed.
    """
    header: list[str] = []
    separator = csv_separator(path)
    for line, cells in csv_cells(path):
        location = Location(path, line)
        if not cells:
            continue
        if not header:
            header = [name.strip() for name in cells]
            check_names(header, location)
            continue
        if len(cells) != len(header):
            between = f"{SEPARATORS[separator]} between them"
            raise location.error(f"found {len(cells)} cells, but the header has {len(header)}, with {between}")
        row: dict[str, Any] = {}
        for place, (name, cell) in enumerate(zip(header, cells)):
            if doubtful is not None and name not in json_columns and _has_rows(cell, separator, place, len(header)):
                doubtful.add(str(location))
            row[name] = cell if cell or name == text_column else None
            if cell and name in json_columns and name != text_column:
                row[name] = parse_cell(cell, name, location)
        yield location, row
    if not header:
        read_text(path)  # refuses an empty file


def _has_rows(cell: str, separator: str, place: int, width: int) -> bool:
    """Whether the lines of a cell have the columns of rows. They begin in the middle of a row, and end there too."""
    if separator not in cell:
        return False
    first, *others = LINE_END.split(cell)
    if not others or first.count(separator) != width - 1 - place or others[-1].count(separator) != place:
        return False
    return all(line.count(separator) == width - 1 for line in others[:-1] if line)


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
    if not path.is_file():
        read_text(path)  # says what it is
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

    @property
    def first(self) -> int:
        """The number of the first line of the row."""
        return self.number - max(len(self.of_row) - 1, 0)

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
