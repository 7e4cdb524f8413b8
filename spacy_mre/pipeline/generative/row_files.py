"""The files that rows are read from: JSON lines, a JSON list, or CSV and TSV with the columns of the same names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ...corpora.reading import Location, read_json_items
from ...corpora.table_csv import csv_rows

TABLES = (".csv", ".tsv")


class RowItem(NamedTuple):
    """A row of a file.

    location (Location): Where it is, for messages.
    number (int): The line, or the number of the row in a JSON list.
    source (str): The input.
    target (str): The output.
    has_instruction (bool): Whether the question is in a key of its own, "instruction", and not in the input.
    """

    location: Location
    number: int
    source: str
    target: str
    has_instruction: bool


def read_row_items(path: Path) -> Iterator[RowItem]:
    """Read the rows of a file.

    path (Path): JSON lines or a JSON list of objects; or, if the name ends with .csv or .tsv, a table. Other keys and
        columns than "input", "output" and "instruction" are ignored.
    YIELDS (RowItem): The rows.
    RAISES (CorpusError): If a row has no input or output; the error contains the file and the line.
    """
    path = Path(path)
    items: Iterator[tuple[Location, dict[str, Any]]]
    is_table = path.suffix.lower() in TABLES
    items = csv_rows(path, "input", ()) if is_table else read_json_items(path)
    for number, (location, item) in enumerate(items, start=1):
        if is_table and "output" in item:
            item["output"] = item["output"] or ""
        source, target = location.get(item, "input", str), location.get(item, "output", str)
        yield RowItem(location, location.line or number, source, target, bool(item.get("instruction")))
