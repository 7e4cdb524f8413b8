"""Inputs: files of texts, which are read partition by partition.

The memory does not grow with the size of the files. Only `.spacy` files are read as a whole, because spaCy stores one
as one block.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.tokens import Doc

from ..annotations.storage import load_docs
from ..errors import Errors
from .input_files import InputFile, find_files
from .lines import Counter, opened, read_lines
from .parquet_files import Group, open_parquet, read_partitions
from .rows import Partition, RawRow, divide
from .text_files import check_header, find_csv_rows, find_rows, parse_cells, parse_json, parse_line

if TYPE_CHECKING:
    import pyarrow

STANDARD_INPUT = "-"
DELIMITERS = {"CSV": ",", "TSV": "\t"}


@dataclass(frozen=True)
class Input:
    """An input that was opened.

    path (Path | None): The file or folder; None for standard input.
    files (list[dict[str, Any]]): The "name" (relative to the folder), "size" (in bytes) and "modified" (when it was
        changed last, in nanoseconds) of each file, in the order in which they are read; empty for standard input.
    total (int | None): How much there is to read: bytes on the disk; for Parquet, rows; None for standard input.
    columns (pyarrow.Schema | None): The schema of Parquet files; None for others.
    """

    path: Path | None
    files: list[dict[str, Any]]
    total: int | None
    columns: "pyarrow.Schema | None"
    _read: Callable[[Counter, Container[int]], Iterator[Partition]] = field(repr=False)
    _counter: Counter = field(default_factory=Counter, repr=False)

    @property
    def rows(self) -> int:
        """RETURNS (int): The rows that `partitions` has yielded or passed over; all of them at its end."""
        return self._counter.rows

    def partitions(self, done: Container[int] = ()) -> Iterator[Partition]:
        """Read the partitions. They are the same every time; only standard input can be read no more than once.

        done (Container[int]): The numbers of partitions to pass over.
        YIELDS (Partition): The others, in order.
        RAISES (ValueError): If a file is damaged. A row that cannot be read has a fault instead.
        """
        self._counter.count = self._counter.rows = 0
        return self._read(self._counter, done)


def open_input(path: str | Path, *, text: str = "text", size: int = 10_000) -> Input:
    """Open an input.

    path (str | Path): A file, a folder of files of one kind, or "-" for JSON lines on standard input. The kind of a
        file is seen from the end of its name: JSON lines (`.jsonl`, `.ndjson`), `.csv` and `.tsv` with a header, `.txt`
        with a text per line, `.parquet`, or `.spacy`. All but the last two may be compressed (`.gz`, `.zst`, `.bz2`).
    text (str): The column of the texts. In `.txt` and `.spacy` files, it is the name that they get. Default: "text".
    size (int): Rows per partition. A partition with more than `rows.MAX_BYTES` ends earlier. Default: 10_000.
    RETURNS (Input): The input.
    RAISES (ValueError): If there is nothing to read at the path, or CSV or Parquet has no column for the texts; if
        pyarrow is not installed.

    >>> _ = Path("texts.txt").write_text("Ida lives in Lima\\nTom lives in Oslo\\n")
    >>> [[row.values["text"] for row in partition.rows] for partition in open_input("texts.txt", size=1).partitions()]
    [['Ida lives in Lima'], ['Tom lives in Oslo']]
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise ValueError(Errors.M704) from None
    if size < 1:
        raise ValueError(Errors.M002.format(setting="size", value=size, range="at least 1"))
    if str(path) == STANDARD_INPUT:
        return Input(None, [], None, None, partial(_read_files, [None], "JSON lines", text, size))
    path = Path(path)
    files = find_files(path)
    described = [{"name": file.name, "size": file.size, "modified": file.modified} for file in files]
    kind = files[0].kind
    if kind == "Parquet":
        schema, groups = open_parquet(files)
        _check_text(text, schema.names, files[0])
        total = sum(group.n_rows for group in groups)
        return Input(path, described, total, schema, partial(_read_parquet, groups, total, size))
    if kind in DELIMITERS:
        _check_headers(files, text)
    total = sum(file.size for file in files)
    return Input(path, described, total, None, partial(_read_files, files, kind, text, size))


def _read_parquet(
    groups: list[Group], total: int, size: int, counter: Counter, done: Container[int]
) -> Iterator[Partition]:
    yield from read_partitions(groups, size, done)
    counter.rows = total


def _read_files(
    files: Sequence[InputFile | None], kind: str, text: str, size: int, counter: Counter, done: Container[int]
) -> Iterator[Partition]:
    found = _counted((raw for file in files for raw in _find(file, kind, counter)), counter)
    return divide(found, _parser(kind, text), lambda: counter.count, size=size, done=done)


def _find(file: InputFile | None, kind: str, counter: Counter) -> Iterator[RawRow]:
    """The rows of a file. The data of one in CSV is the header and the cells."""
    if file is not None and kind == "spaCy":
        yield from _find_docs(file, counter)
        return
    name = file.name if file else "standard input"
    path = file.path if file else name
    with opened(file, counter) as content:
        lines = read_lines(content, path)
        if kind not in DELIMITERS:
            yield from find_rows(lines, name) if kind != "text" else _numbered(find_rows(lines, name))
            return
        rows = find_csv_rows(lines, name, path, DELIMITERS[kind])
        header = next(rows, None)
        if header is not None:
            names = check_header(header, path)
            for raw in rows:
                yield raw._replace(data=(names, raw.data))


def _counted(rows: Iterator[RawRow], counter: Counter) -> Iterator[RawRow]:
    for row in rows:
        counter.rows += 1
        yield row


def _numbered(rows: Iterator[RawRow]) -> Iterator[RawRow]:
    return (raw._replace(data=(raw.line, raw.data)) for raw in rows)


def _find_docs(file: InputFile, counter: Counter) -> Iterator[RawRow]:
    unit = f"{file.name}, document"
    docs = load_docs(file.path)
    doc = next(docs, None)
    counter.count += file.size
    number = 0
    while doc is not None:
        number += 1
        yield RawRow(unit, number, len(doc.text.encode()), doc)
        doc = next(docs, None)


def _parser(kind: str, text: str) -> Callable[[Any], dict[str, Any]]:
    """The function that makes columns from the data of a row."""
    if kind == "JSON lines":
        return parse_json
    if kind == "text":
        return lambda data: {"id": data[0], text: parse_line(data[1])}
    if kind == "spaCy":
        return lambda doc: {
            **_user_data(doc, "id"),
            text: doc.text,
            **_user_data(doc, "meta", "group"),
        }
    return lambda data: parse_cells(*data)


def _user_data(doc: Doc, *keys: str) -> dict[str, Any]:
    return {key: doc.user_data[key] for key in keys if key in doc.user_data}


def _check_headers(files: list[InputFile], text: str) -> None:
    """Check that all files have the same columns, the one of the texts too. Empty files have none."""
    first: tuple[InputFile, list[str]] | None = None
    for file in files:
        with opened(file, Counter()) as content:
            lines = read_lines(content, file.path)
            header = next(find_csv_rows(lines, file.name, file.path, DELIMITERS[file.kind]), None)
        if header is None:
            continue
        names = check_header(header, file.path)
        if first is None:
            first = file, names
            _check_text(text, names, file)
        elif names != first[1]:
            difference = f"its columns are {', '.join(names)}, not {', '.join(first[1])}"
            raise ValueError(Errors.M707.format(path=file.path, first=first[0].name, difference=difference))
    if first is None:
        _check_text(text, [], files[0])


def _check_text(text: str, names: list[str], file: InputFile) -> None:
    if text not in names:
        known = ", ".join(f"'{name}'" for name in names) or "none"
        raise ValueError(Errors.M705.format(path=file.path, text=text, columns=known))
