"""Recognition of the format of a file or folder by its content."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Errors
from .cas_files import ENDINGS as CAS_ENDINGS
from .cas_files import has_cas
from .cas_json import is_cas
from .cas_xmi import TYPE_SYSTEM, is_xmi
from .catalogue import CATALOGUE
from .json_evidence import Container, formats_of, is_bioc, is_spacy_json
from .json_values import InvalidJSON, parse_json
from .pubtator import is_pubtator
from .reading import files_in, read_json_items, read_lines, read_start, read_text, split_blanks
from .record import CorpusError
from .table_arrow import binary_kind
from .table_csv import CSV, csv_cells
from .table_files import INFO, STATE, data_files, is_saved
from .table_files import PARTS as SAVED_PARTS
from .table_words import TAG_COLUMNS
from .tags import is_tag
from .webanno_rows import ENDING as WEBANNO_ENDING
from .webanno_rows import is_webanno

# Files that only their folder gives a format.
PARTS = {"slots": ("seq.in", "seq.out", "label"), "cas": (TYPE_SYSTEM,), "table": (INFO, STATE, SAVED_PARTS)}
MAX_RECORDS = 1000
MAX_FILES = 5  # of a folder, which may begin with a description of the project
MAX_START = 1000  # characters
MAX_NAMES = 8  # of files or keys in a message
MAX_SHOWN = 40  # characters of a name
CONLLU_COLUMNS = 10
CONLLU_ID = re.compile(r"\d+([-.]\d+)?\Z")


class Recognised(NamedTuple):
    """A format, and why a file or folder is of it.

    format (str): A name of `READERS`.
    seen (str): What the content is, such as "JSON lines with the keys text, label".
    """

    format: str
    seen: str


def recognise(path: str | Path) -> str:
    """Find the format of a file or folder from its first records.

    path (str | Path): The file or folder.
    RETURNS (str): A name of `READERS`.
    RAISES (ValueError): If none or several formats fit, or the file is not a text in UTF-8 or not valid JSON.
    """
    return recognise_why(path).format


def recognise_why(path: str | Path) -> Recognised:
    """Find the format of a file or folder from its first records, and say why.

    path (str | Path): The file or folder.
    RETURNS (Recognised): The format, and what was seen.
    RAISES (ValueError): If none or several formats fit, or the file is not a text in UTF-8 or not valid JSON.

    >>> _ = Path("data").write_text('{"text": "Ada", "label": [[0, 3, "person"]]}')
    >>> recognise_why("data")
    Recognised(format='doccano', seen='JSON lines with the keys text, label [...]')
    """
    path = Path(path)
    if not path.exists():
        raise CorpusError(path, 0, "file or folder not found")
    if path.suffix == ".spacy":
        return Recognised("spacy", "a name that ends in .spacy")
    found, seen = (_in_folder if path.is_dir() else _in_file)(path)
    if len(found) > 1:
        raise ValueError(Errors.M221.format(path=path, seen=seen, candidates=", ".join(found)))
    if found:
        return Recognised(found[0], seen)
    around = [format for format in _in_folder(path.parent)[0] if _is_part(path, format)] if path.is_file() else []
    if around:
        seen += f", in a folder in the format {' or '.join(around)}, which is read as a whole"
    raise ValueError(Errors.M220.format(path=path, seen=seen, formats=", ".join(CATALOGUE)))


def _is_part(path: Path, format: str) -> bool:
    """Whether a file whose content shows no format is one of those that are read with their folder."""
    if format == "brat":
        return path.suffix == ".ann" or (path.suffix == ".txt" and path.with_suffix(".ann").is_file())
    return path.name in PARTS.get(format, ())


def _in_folder(path: Path) -> tuple[list[str], str]:
    """The formats that fit, and a description of the content."""
    names = sorted(file.name for file in path.iterdir() if not file.name.startswith("."))
    found = []
    if any((path / "dialog_act").glob("*.tsv")):
        found.append("asdc")
    if any(path.glob("**/*.ann")):
        found.append("brat")
    if any(has_cas(file) for file in files_in(path, CAS_ENDINGS)[:MAX_FILES]):
        found.append("cas")
    if any(_in_file(file)[0] == ["crossre"] for file in islice(sorted(path.glob("*-*.json")), 1)):
        found.append("crossre")
    if {"seq.in", "seq.out"} <= set(names):
        found.append("slots")
    if any(is_webanno(file) for file in files_in(path, (WEBANNO_ENDING,))[:1]):
        found.append("webanno")
    if is_saved(path) or (not found and any(map(_is_table, data_files(path)[:1]))):
        found.append("table")
    return found, f"a folder with {_list(names) or 'nothing in it'}"


def _is_table(path: Path) -> bool:
    try:
        return _in_file(path)[0] == ["table"]
    except CorpusError:
        return False


def _in_file(path: Path) -> tuple[list[str], str]:
    """The formats that fit, and a description of the content."""
    kind = binary_kind(path)
    if kind:
        return ["table"], f"a file in {kind}"
    if is_webanno(path):
        return ["webanno"], "WebAnno TSV"
    if is_pubtator(path):
        return ["pubtator"], "texts with a title and an abstract"
    rows = _rows(path)
    if _are_words(rows):
        return ["conllu"], "words with ten columns"
    columns, last = _columns(rows)
    if columns and is_tag(last):
        return ["conll"], f"a text of {columns} columns, the last of which has tags (as '{last[:MAX_SHOWN]}')"
    text = read_start(path)
    if text.startswith("<"):
        return (["cas"] if is_xmi(text) else ["bioc"] if "<collection" in text[:MAX_START] else []), "XML"
    if path.suffix not in CSV and text.startswith(("[", "{")):
        return _in_json(path, "list" if text.startswith("[") else "lines")
    names = _names_of_columns(path)
    if "text" in names or ("tokens" in names and {*names} & {*TAG_COLUMNS}):
        return ["table"], f"a table with the columns {_list(names)}"
    if len(names) > 1:
        hint = "if it is a table, name the column: convert table IN OUT --text-column NAME"
        return [], f"a text without tags, or a table without a column 'text' (the first line is {_list(names)}; {hint})"
    if not columns:
        return [], "a text without columns"
    return [], f"a text of {columns} columns, the last of which has no tags such as B-person and O ('{last}')"


def _in_json(path: Path, container: Container) -> tuple[list[str], str]:
    try:
        items = list(_first_items(path))
    except CorpusError:
        whole = _one_object(path)
        if whole is None:
            raise
        found = ["bioc"] * is_bioc(whole) + ["cas"] * is_cas(whole) + ["spacyjson"] * is_spacy_json(whole)
        return found, f"one JSON object with the keys {_list(whole)}"
    kind = "a JSON list of objects" if container == "list" else "JSON lines"
    seen = f"{kind} with the keys {_join(_keys(items))}" if items else f"{kind} without a record"
    return formats_of(items, container), seen


def _keys(items: list[dict[str, Any]]) -> list[str]:
    """The keys of objects, and what their lists contain, as in "entities [start, end, label]": these show a format."""
    inside: dict[str, str] = {}
    for item in items:
        for key, value in item.items():
            first = value[0] if isinstance(value, list) and value else None
            content = f" [{_list(first)}]" if isinstance(first, dict) else " [...]" if isinstance(first, list) else ""
            inside[key] = inside.get(key) or content
    return [f"{key[:MAX_SHOWN]}{content}" for key, content in inside.items()]


def _first_items(path: Path) -> Iterator[dict[str, Any]]:
    """The first records. What comes after a malformed one is not read: the reader names the error."""
    items = read_json_items(path)
    for number in range(MAX_RECORDS):
        try:
            item = next(items, None)
        except CorpusError:
            if number:
                return
            raise
        if item is None:
            return
        yield item[1]


def _one_object(path: Path) -> dict[str, Any] | None:
    try:
        value = parse_json(read_text(path))
    except InvalidJSON:
        return None
    return value if isinstance(value, dict) else None


def _names_of_columns(path: Path) -> list[str]:
    """The header of a table; nothing if there is only one column, or a row has another number of cells."""
    try:
        rows = [cells for _, cells in islice(csv_cells(path), MAX_RECORDS) if cells]
    except CorpusError:
        return []
    same = rows and len({len(cells) for cells in rows}) == 1 and len(rows[0]) > 1
    return [name.strip() for name in rows[0]] if same else []


def _rows(path: Path) -> list[list[str]]:
    """The first lines in columns."""
    lines = [line for _, line in islice(read_lines(path), MAX_RECORDS)]
    rows = [line.split("\t") if "\t" in line else split_blanks(line) for line in lines if line.strip()]
    return [row for row in rows if not row[0].startswith("-DOCSTART-")]


def _are_words(rows: list[list[str]]) -> bool:
    """Whether rows are words of CoNLL-U, and comments between them."""
    words = [row for row in rows if not row[0].startswith("#")]
    return bool(words) and all(len(row) == CONLLU_COLUMNS and CONLLU_ID.match(row[0]) for row in words)


def _columns(rows: list[list[str]]) -> tuple[int, str]:
    """The number of columns, and a value of the last one: one that is no tag, if there is one."""
    widths = {len(row) for row in rows}
    last = [row[-1].strip() for row in rows]
    odd = next((value for value in last if not is_tag(value)), last[0] if last else "")
    return (widths.pop(), odd) if len(widths) == 1 and widths != {1} else (0, "")


def _list(names: Iterable[Any]) -> str:
    return _join([str(name)[:MAX_SHOWN] for name in names])


def _join(names: list[str]) -> str:
    return ", ".join([*names[:MAX_NAMES], *(["..."] if len(names) > MAX_NAMES else [])])
