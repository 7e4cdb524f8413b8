"""The lines of a WebAnno TSV file: its layers, its text and its rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .layers import NO_TEXT
from .offsets import Offsets
from .reading import Location, read_lines
from .record import CharOffsets, CorpusError
from .report import Report
from .webanno_values import unescape

ENDING = ".tsv"
FORMAT = "#FORMAT=WebAnno TSV "
VERSION = re.compile(r"3(?:\.(\d))?(?:\.\d)?\Z")
LAYER = re.compile(r"#T_(SP|CH|RL)=([^|]+)(.*)\Z", re.DOTALL)
TEXT, SENTENCE_ID = "#Text=", "#Sentence.id="
UNIT = re.compile(r"(\d{1,9})-(\d{1,9})(?:\.(\d{1,9}))?\Z")
OFFSETS = re.compile(r"(\d{1,12})-(\d{1,12})\Z")
BASE, ROLE = "BT_", "ROLE_"
N_FIXED = 3  # columns before those of the layers
MAX_GAP = 100_000  # characters between two sentences


@dataclass
class Layer:
    """A layer of annotations.

    kind (str): "SP" for spans, "CH" for chains, "RL" for relations.
    name (str): Its name.
    features (list[str]): Its columns, without that of the other end of relations. One empty name if it has no feature.
    base (str): The layer whose annotations a relation connects.
    first (int): Its first column.
    """

    kind: str
    name: str
    features: list[str]
    base: str
    first: int

    def columns(self, *, slots: bool = False) -> Iterator[tuple[int, str]]:
        """YIELDS (tuple[int, str]): The columns and names of the features. The links of slots, which have two columns
        (a role and the name of a layer), only with `slots`; then only their roles.
        """
        for i, feature in enumerate(self.features):
            is_role = feature.startswith(ROLE)
            if is_role if slots else not (is_role or "." in feature):
                yield self.first + i, feature


@dataclass
class Row:
    """A token, or a part of one.

    location (Location): Where it was read.
    unit (str): Its number, such as "1-3" or "1-3.1".
    start (int): Its first character.
    end (int): Its last character + 1.
    cells (list[str]): The cells of all layers.
    """

    location: Location
    unit: str
    start: int
    end: int
    cells: list[str]


@dataclass
class Document:
    """A file.

    layers (list[Layer]): Its layers.
    text (str): Its text.
    rows (list[Row]): Its tokens and their parts.
    """

    layers: list[Layer] = field(default_factory=list)
    text: str = ""
    rows: list[Row] = field(default_factory=list)

    @property
    def tokens(self) -> list[CharOffsets]:
        return [(row.start, row.end) for row in self.rows if "." not in row.unit]


def read_document(path: Path, report: Report) -> Document:
    """Read one file.

    path (Path): The file.
    report (Report): Gets a note if the file may have been cut off.
    RETURNS (Document): Its layers, text and rows.
    RAISES (CorpusError): If it is malformed.
    """
    lines = [(Location(path, number), line) for number, line in read_lines(path, report=report)]
    codes = _reads_codes(lines[0])
    document = Document()
    body = 1
    width = 0
    while body < len(lines) and (layer := LAYER.match(lines[body][1])):
        document.layers.append(_layer(layer, width, lines[body][0]))
        width += len(document.layers[-1].features) + (layer[1] == "RL")
        body += 1
    if body < len(lines) and lines[body][1]:
        location, line = lines[body]
        raise location.error(f"expected a layer (#T_SP=, #T_CH= or #T_RL=) or a blank line, not '{line[:40]}'")
    ends = _read_body(lines[body:], width, codes, document)
    _note_missing_rows(document, ends, report)
    return document


def _reads_codes(first: tuple[Location, str]) -> bool:
    location, line = first
    version = VERSION.match(line.removeprefix(FORMAT).strip())
    if not line.startswith(FORMAT) or version is None:
        raise location.error(f"expected '{FORMAT}3.3', not '{line[:40]}': export as WebAnno TSV v3.x")
    return int(version[1] or 0) < 2


def _layer(match: re.Match[str], first: int, location: Location) -> Layer:
    kind, name = match[1], match[2]
    columns = [column for column in match[3].split("|") if column]
    base = ""
    if kind == "RL":
        if not columns or not columns[-1].startswith(BASE):
            raise location.error(f"the last column of the relation layer {name} must begin with {BASE}")
        base = columns.pop().removeprefix(BASE)
    elif not columns:
        columns = [""]
    return Layer(kind, name, columns, base, first)


class _Text:
    """The text so far, its length in UTF-16, and where each sentence ends in characters."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.ends: list[int] = []

    def add_sentence(self, lines: list[str], start: int, location: Location) -> None:
        """Add a sentence. What was between two sentences is not in the file; it was white space, as a rule."""
        gap = start - self.length
        if not 0 <= gap <= MAX_GAP:
            raise location.error(f"the sentence begins at {start}, but the text before it ends at {self.length}")
        between = "\n" + " " * (gap - 1) if gap and self.parts else " " * gap
        for part in (between, "\n".join(lines)):
            self.parts.append(part)
            self.length += len(part.encode("utf-16-le")) // 2
        self.ends.append((self.ends[-1] if self.ends else 0) + len(self.parts[-2]) + len(self.parts[-1]))


def _read_body(lines: list[tuple[Location, str]], width: int, codes: bool, document: Document) -> list[int]:
    """Add the text and the rows to a document, and return where the sentences end."""
    text = _Text()
    rows: list[tuple[Row, str]] = []
    waiting: list[str] = []
    sentence, unit = 0, (0, 0)
    inside = False
    for location, line in lines:
        if not line:
            inside = False
        elif line.startswith("#") and not inside:
            if line.startswith(TEXT):
                waiting.append(unescape(line.removeprefix(TEXT), codes=codes))
            elif not line.startswith(SENTENCE_ID):
                raise location.error(f"expected {TEXT} or {SENTENCE_ID}, not '{line[:40]}'")
        else:
            row, given = _row(line, width, location)
            if waiting and not inside:
                text.add_sentence(waiting, row.start, location)
                waiting, sentence, unit = [], sentence + 1, (0, 0)
            elif not inside:
                raise location.error(f"there is no {TEXT} before the rows of a sentence")
            unit = _check_order(row, sentence, unit)
            rows.append((row, given))
            inside = True
    if waiting:
        raise lines[-1][0].error("the text ends with a sentence without rows; perhaps the file was cut off")
    document.text = "".join(text.parts)
    _convert(rows, codes, document)
    return text.ends


def _row(line: str, width: int, location: Location) -> tuple[Row, str]:
    cells = line.split("\t")
    if len(cells) == N_FIXED + width + 1 and not cells[-1]:
        cells.pop()  # every cell has a tab after it
    if len(cells) != N_FIXED + width or not all(cells[N_FIXED:]):
        count = N_FIXED + sum(map(bool, cells[N_FIXED:]))
        raise location.error(f"found {count} columns, expected {N_FIXED + width} with tabs between them")
    offsets = OFFSETS.match(cells[1])
    if UNIT.match(cells[0]) is None or offsets is None:
        raise location.error(f"expected a number such as 1-3 and offsets, not '{cells[0][:40]}' and '{cells[1][:40]}'")
    return Row(location, cells[0], int(offsets[1]), int(offsets[2]), cells[N_FIXED:]), cells[2]


def _check_order(row: Row, sentence: int, last: tuple[int, int]) -> tuple[int, int]:
    """The number of the token and of its part. A number that is left out shows that a line is missing."""
    match = UNIT.match(row.unit)
    assert match is not None
    token, part = int(match[2]), int(match[3] or 0)
    if int(match[1]) != sentence or (token, part) not in ((last[0] + 1, 0), (last[0], last[1] + 1)) or not token:
        raise row.location.error(
            f"the token {row.unit} follows the token {sentence}-{last[0]}{f'.{last[1]}' if last[1] else ''}"
        )
    return token, part


def _convert(rows: list[tuple[Row, str]], codes: bool, document: Document) -> None:
    """Convert the offsets of rows to characters, and check them by the texts of the rows."""
    offsets = Offsets(document.text, "utf16")
    token: Row | None = None
    for row, given in rows:
        what = f"the token {row.unit}"
        is_part = "." in row.unit
        if is_part and row.start == row.end and not given:
            row.start = row.end = NO_TEXT
            continue
        row.start, row.end = offsets.convert(row.start, row.end, row.location, what)
        actual = document.text[row.start : row.end]
        # Versions differ in whether they escape it.
        if actual not in (given, unescape(given, codes=codes)):
            raise row.location.error(f"{what} is '{given[:40]}', but the text at its offsets is '{actual[:40]}'")
        if is_part and (token is None or not token.start <= row.start < row.end <= token.end):
            raise row.location.error(f"{what} is not inside of its token")
        if not is_part:
            if token is not None and row.start < token.end:
                raise row.location.error(f"{what} begins before the end of the token {token.unit}")
            token = row
    document.rows = [row for row, _ in rows]


def _note_missing_rows(document: Document, ends: list[int], report: Report) -> None:
    """Note sentences that go on after their last token. The numbers of the tokens do not show that rows are missing."""
    last = {row.unit.partition("-")[0]: row for row in document.rows if "." not in row.unit}
    for row, end in zip(last.values(), ends):
        if document.text[row.end : end].strip():
            report.note("sentence that goes on after its last row, perhaps cut off", str(row.location))


def is_webanno(path: Path) -> bool:
    """RETURNS (bool): Whether a file begins as WebAnno TSV does."""
    try:
        return next(read_lines(path))[1].startswith(FORMAT)
    except CorpusError:
        return False
