"""Tables with one text per row: CSV, TSV, Parquet, Arrow and JSON, and folders of them as the library `datasets` writes
them.

    id,text,label
    1,"Ada met Bo.",diary

The columns are those of JSON lines (`jsonl.py`): "text", "id", "group", "entities", "relations", "cats", "tokens" and
"meta". In CSV the last five contain JSON. A column "label" contains text labels instead of "cats"; its cell may be
empty. "tokens" may also be words, with their tags in "ner_tags". Columns may have other names. All others are metadata.
JSON is a list of objects, or one object per line, whose keys are the columns, as `Dataset.to_json` writes it.
Files that end with `.csv` or `.tsv` are never JSON.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from .jsonl import make_record, text_parts
from .offsets import Offsets
from .reading import Location, read_json_items, read_start
from .record import CorpusError, Record
from .report import Report
from .surface import Mention, with_offsets
from .table_arrow import arrow_rows, binary_kind, lacks_end
from .table_csv import CSV, csv_rows
from .table_files import TableFiles, find_files
from .table_item import MAX_NAMES, Columns, check_columns, has_words, make_item, marked_text
from .table_words import shown_tags
from .tags import find_scheme

MAX_ROWS = 1000  # that show the kind of tags

NamedRow = tuple[str, Location, dict[str, Any]]  # with an id for texts that have none


def read_table(
    path: Path,
    *,
    text_column: str = "text",
    label_column: str = "label",
    entities_column: str = "entities",
    relations_column: str = "relations",
    tokens_column: str = "tokens",
    tags_column: str = "",
    part: str = "",
    report: Report | None = None,
) -> Iterator[Record]:
    """Read one file, or a folder of files.

    path (Path): The file or folder. CSV must be in UTF-8; the columns are separated by commas, tabs or semicolons,
        those of .tsv by tabs. A folder of JSON is not read.
    text_column (str): The column of the text.
    label_column (str): The column of the text label or list of labels, if there is one.
    entities_column (str): The column of the entities.
    relations_column (str): The column of the relations.
    tokens_column (str): The column of the tokens, which are offsets or words.
    tags_column (str): The column of the tags of words; empty means "ner_tags" or "tags".
    part (str): The part of a folder to read, such as "train"; may be empty if there is only one.
    report (Report | None): Notes columns that were read as metadata, and counts what is not read.
    YIELDS (Record): One record per row. Without an id, it gets the name of the file and the number of the row.
    RAISES (CorpusError): If the input is malformed.
    RAISES (ValueError): If a file is Parquet or Arrow, and `pyarrow` is not installed.

    >>> _ = Path("a.csv").write_text('text,label\\n"Ada met Bo.",diary\\n')
    >>> next(read_table("a.csv")).cats
    {'diary': 1.0}
    """
    columns = Columns(text_column, label_column, entities_column, relations_column, tokens_column, tags_column)
    report = report if report is not None else Report()
    table = find_files(Path(path), part)
    for file in table.files:
        if lacks_end(file):
            report.note("Arrow stream without an end, perhaps cut off", file.name)

    doubtful: set[str] = set()

    def read() -> Iterator[NamedRow]:
        return _rows(table, columns, doubtful)

    def parts_of(given: NamedRow) -> tuple[str, list[Mention], Location]:
        _, location, row = given
        return text_parts((location, {} if has_words(row, columns) else marked_text(row, columns, location)))

    first_rows = islice(read(), MAX_ROWS)
    words = ((place, row) for _, place, row in first_rows if has_words(row, columns))
    scheme = find_scheme(shown_tags(row, tags_column, place) for place, row in words)
    for (name, location, row), offsets in with_offsets(read, parts_of, report):
        if str(location) in doubtful:
            report.note(
                "cell that contains rows, perhaps because its quotation mark is part of the text", str(location)
            )
        item = make_item(row, columns, location, report, scheme=scheme)
        # Words are joined to a text here, so the offsets of their entities count characters.
        known = Offsets(item["text"]) if has_words(row, columns) else offsets
        yield make_record(item, name, known, location, report)


def _rows(table: TableFiles, columns: Columns, doubtful: set[str]) -> Iterator[NamedRow]:
    """The rows of all files; `doubtful` as in `csv_rows`."""
    json_columns = (columns.entities, columns.relations, "cats", columns.tokens, "meta")
    count = 0
    first: dict[str, Any] = {}
    for path in table.files:
        is_json = False
        if binary_kind(path):
            rows = arrow_rows(path, table.features)
        elif path.suffix not in CSV and read_start(path).startswith(("{", "[")):
            rows, is_json = read_json_items(path), True
        else:
            rows = csv_rows(path, columns.text, json_columns, doubtful)
        for location, row in rows:
            count += 1
            if not first:
                check_columns(row, columns, location)
                first = row
            if row.keys() != first.keys() and not is_json:
                names = ", ".join(sorted(row.keys() ^ first.keys())[:MAX_NAMES])
                reason = f"the columns are not those of {table.files[0].name}: only one of the files has {names}"
                raise CorpusError(path, 0, reason)
            yield f"{table.name}-{count}", location, row
