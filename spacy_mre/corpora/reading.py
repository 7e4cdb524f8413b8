"""Functions that all readers share. They open files and check values; an error names the file and the line."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ..annotations.scripts import separators
from .json_values import InvalidJSON, parse_json
from .packed import how_to_unpack
from .record import CharOffsets, CorpusError, EntityRecord
from .report import Report

MAX_SHOWN = 40  # characters of a value in an error message
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
STARTS_WITH = 2**16  # bytes
DIGITS = re.compile(r"[0-9]{1,15}\Z")


def files_in(path: Path, endings: Collection[str] = ()) -> list[Path]:
    """Find the files of a source.

    path (Path): The file or folder.
    endings (Collection[str]): How the names of files end, such as ".txt"; any without it.
    RETURNS (list[Path]): What is below the folder, sorted, without hidden files, which may be left by a writer that was
        interrupted; or the file itself.
    """
    if not path.is_dir():
        return [path]
    found = [below for below in sorted(path.glob("**/*")) if not endings or below.suffix in endings]
    shown = [below for below in found if not any(part.startswith(".") for part in below.relative_to(path).parts)]
    return [below for below in shown if not below.is_dir()]  # folders may have such names, too


def read_text(path: Path, *, may_be_empty: bool = False) -> str:
    """Read a UTF-8 file. Line ends are not converted, because character offsets count them.

    path (Path): The file.
    may_be_empty (bool): Accept an empty file.
    RETURNS (str): The text, without a byte order mark.
    RAISES (CorpusError): If the file does not exist, is empty or is not UTF-8, or contains NUL characters, as UTF-16
        and binary files do.
    """
    with _open(path) as file:
        text = _decode(file.read(), Path(path))
    if not text.strip() and not may_be_empty:
        raise CorpusError(path, 0, "the file is empty")
    return text


def has_mark(path: Path) -> bool:
    """RETURNS (bool): Whether a file in UTF-8 begins with a byte order mark, which `read_text` leaves out."""
    with _open(path) as file:
        return file.read(len(UTF8_MARK)) == UTF8_MARK


def read_start(path: Path) -> str:
    """Read the beginning of a file, to see what it contains.

    path (Path): The file.
    RETURNS (str): Its first characters, without the white space before them. Less than one character is missing at the
        end; what is not UTF-8 is left out.
    """
    with _open(path) as file:
        start = file.read(STARTS_WITH)
        while start.isspace():
            start = file.read(STARTS_WITH)
    return start.decode("utf-8-sig", errors="ignore").lstrip()


def read_lines(path: Path, *, may_be_empty: bool = False, report: Report | None = None) -> Iterator[tuple[int, str]]:
    """Read a file line by line, without reading all of it into memory. Lines end with a line feed, with or without a
    carriage return before it; in a file without line feeds, with a carriage return. `str.splitlines` would also split
    at other characters.

    path (Path): The file.
    may_be_empty (bool): Accept an empty file.
    report (Report | None): For formats in which a line that was cut off may be valid: gets a note if the last line does
        not end.
    YIELDS (tuple[int, str]): The line number, counted from 1, and the line without its end.
    RAISES (CorpusError): As for `read_text`; at the line that is not UTF-8.
    """
    path = Path(path)
    number, position, is_blank, raw = 0, 0, True, b""
    with _open(path) as file:
        for raw in file:
            for line in _split(_decode(raw, path, line=number + 1, position=position), is_first=not number):
                number += 1
                is_blank = is_blank and not line.strip()
                yield number, line
            position += len(raw)
    if is_blank and not may_be_empty:
        raise CorpusError(path, 0, "the file is empty")
    if report is not None and raw and not raw.endswith((b"\n", b"\r")):
        report.note("last line without an end, perhaps cut off", f"{path.name}, line {number}")


def _open(path: Path) -> BinaryIO:
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "a pipe or device, which cannot be read twice; make a file of it"
        raise CorpusError(path, 0, f"expected a file, found {found}" if path.exists() else "file not found")
    return path.open("rb")


def _decode(data: bytes, path: Path, *, line: int = 1, position: int = 0) -> str:
    """Decode a part of a file, which begins at a line and a position in bytes."""
    if position == 0 and data.startswith(UTF16_MARKS):
        raise CorpusError(path, 1, "the file is in UTF-16; convert the file to UTF-8 first")
    reason = "" if position else how_to_unpack(path, data)
    if reason:
        raise CorpusError(path, 0, reason)
    if b"\0" in data:
        at = data.index(b"\0")
        reason = f"byte {position + at} is NUL, so this is not a text in UTF-8; convert it first"
        raise CorpusError(path, line + data.count(b"\n", 0, at), reason)
    try:
        return data.decode("utf8" if position else "utf-8-sig")
    except UnicodeDecodeError as err:
        at = err.start
    reason = f"byte {position + at} is not UTF-8; convert the file to UTF-8 first"
    raise CorpusError(path, line + data.count(b"\n", 0, at), reason)


def _split(line: str, *, is_first: bool) -> list[str]:
    """A line up to a line feed, without its end. If it is the only one of the file, carriage returns end lines."""
    if is_first and "\r" in line and not line.endswith("\n"):
        return line.removesuffix("\r").split("\r")
    return [line.removesuffix("\n").removesuffix("\r")]


def read_json(path: Path) -> Any:
    """Read a file that contains one JSON value.

    path (Path): The file.
    RETURNS (Any): The value.
    RAISES (CorpusError): If the JSON is invalid.
    """
    try:
        return parse_json(read_text(path))
    except InvalidJSON as err:
        raise CorpusError(path, err.line, err.reason) from None


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a file with one JSON object per line. Blank lines are skipped.

    path (Path): The file.
    YIELDS (tuple[int, dict[str, Any]]): The line number and the object.
    RAISES (CorpusError): If a line is invalid JSON or not an object.
    """
    for number, line in read_lines(path):
        if not line.strip():
            continue
        if line.strip() in ("{", "["):  # as in JSON that is indented
            raise CorpusError(path, number, f"expected a JSON object on each line, found {line.strip()} only")
        try:
            item = parse_json(line)
        except InvalidJSON as err:
            raise CorpusError(path, number, err.reason) from None
        if not isinstance(item, dict):
            raise CorpusError(path, number, f"expected a JSON object on each line, found {_shorten(item)}")
        yield number, item


def read_json_items(path: Path) -> Iterator[tuple["Location", dict[str, Any]]]:
    """Read a file that contains a JSON list of objects, or one JSON object per line.

    path (Path): The file.
    YIELDS (tuple[Location, dict[str, Any]]): The line, or the number of the record, and the object.
    RAISES (CorpusError): If the JSON is invalid, or contains something else than objects.
    """
    if not read_start(path).startswith("["):
        for number, item in read_json_lines(path):
            yield Location(path, number), item
        return
    for number, item in enumerate(read_json(path), start=1):
        location = Location(path, name=f"record {number}")
        if not isinstance(item, dict):
            raise location.error(f"expected a JSON object, found {_shorten(item)}")
        yield location, item


class Location:
    """A position in a file, and checks of the values read there. A failed check raises a `CorpusError`.

    path (Path): The file.
    line (int): The line, counted from 1; 0 if the format has no lines.
    name (str): The name of a record that has no line of its own, such as "record 3".
    """

    def __init__(self, path: Path, line: int = 0, name: str = "") -> None:
        self.path = path
        self.line = line
        self.name = name

    def __str__(self) -> str:
        place = self.name or (f"line {self.line}" if self.line else "")
        return f"{self.path.name}, {place}" if place else self.path.name

    def error(self, reason: str) -> CorpusError:
        """RETURNS (CorpusError): An error with this location and the given reason, to be raised by the caller."""
        return CorpusError(self.path, self.line, f"{self.name}: {reason}" if self.name else reason)

    def get(self, item: Any, key: str, kind: type) -> Any:
        """RETURNS (Any): The value of a key that must exist and have the given type."""
        if not isinstance(item, dict):
            raise self.error(f"expected a JSON object, found {_shorten(item)}")
        if key not in item:
            raise self.error(f"the key '{key}' is missing")
        value = item[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"'{key}' must be of type {kind.__name__}, not {_shorten(value)}")
        return value

    def get_id(self, item: dict[str, Any], key: str, default: str = "") -> str:
        """RETURNS (str): The value of a key that must be a string or an integer; `default` without it, or if null."""
        value = item.get(key)
        if value is None:
            return default
        if type(value) not in (int, str):
            raise self.error(f"'{key}' must be a string or an integer, not {_shorten(value)}")
        return str(value)

    def score(self, value: Any) -> float:
        """RETURNS (float): A score, which must be a number from 0 to 1; 1.0 if it is null."""
        if value is None:
            return 1.0
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise self.error(
                f"'score' must be a number from 0 to 1, not {_shorten(value)}: divide percentages by 100, or leave the "
                "scores out"
            )
        return float(value)

    def words(self, item: Any, key: str) -> list[str]:
        """RETURNS (list[str]): The value of a key that must be a list of non-empty strings."""
        words = self.get(item, key, list)
        for i, word in enumerate(words):
            if not isinstance(word, str) or not word:
                raise self.error(
                    f"token {i} of '{key}' must be a string of one character or more, not {_shorten(word)}"
                )
        return words

    def check_offsets(self, start: Any, end: Any, length: int, what: str) -> tuple[int, int]:
        """RETURNS (tuple[int, int]): Start and exclusive end, which must be a non-empty span within 0 and `length`."""
        # Not isinstance: True and False are ints too.
        if not (type(start) is int and type(end) is int):
            raise self.error(f"{what} goes from {_shorten(start)} to {_shorten(end)}, expected integers")
        if not 0 <= start < end <= length:
            raise self.error(f"{what} goes from {start} to {end}, which is not a valid span in the range 0 to {length}")
        return start, end

    def parse_int(self, digits: str, what: str) -> int:
        """RETURNS (int): A number that is written in the digits 0 to 9, and is not absurdly large."""
        if not DIGITS.match(digits):
            raise self.error(f"{what} must be a number, not '{digits[:MAX_SHOWN]}'")
        return int(digits)

    def check_index(self, value: Any, length: int, what: str) -> int:
        """RETURNS (int): An index of an entity, which must be less than `length`."""
        if type(value) is not int or not 0 <= value < length:
            raise self.error(f"{what} is {_shorten(value)}, which is not an index of the record's {length} entities")
        return value


def join_words(words: Sequence[str], separator: str | None = None) -> tuple[str, list[CharOffsets]]:
    """Join words to a text.

    words (Sequence[str]): The words.
    separator (str | None): The string between two words; None puts blanks where the script has them.
    RETURNS (tuple[str, list[tuple[int, int]]]): The text, and the character offsets of each word.

    >>> join_words(["Old", "Lima"])
    ('Old Lima', [(0, 3), (4, 8)])
    >>> join_words(["東京", "は", "晴れ"])
    ('東京は晴れ', [(0, 2), (2, 3), (3, 5)])
    """
    between = separators(words) if separator is None else [separator] * (len(words) - 1)
    pieces: list[str] = []
    tokens = []
    position = 0
    for word, after in zip(words, [*between, ""]):
        pieces += (word, after)
        tokens.append((position, position + len(word)))
        position += len(word) + len(after)
    return "".join(pieces), tokens


def entity_from_tokens(tokens: Sequence[CharOffsets], start: int, end: int, label: str) -> EntityRecord:
    """Convert an entity with token offsets to character offsets.

    tokens (Sequence[tuple[int, int]]): The character offsets of each token.
    start (int): The first token.
    end (int): The last token + 1.
    label (str): The entity label.
    RETURNS (EntityRecord): The entity.
    """
    return EntityRecord(tokens[start][0], tokens[end - 1][1], label)


def split_blanks(line: str) -> list[str]:
    """RETURNS (list[str]): The parts of a line between spaces and tabs. `str.split` would also remove tokens that are
    other white space, such as an ideographic space.
    """
    return re.findall(r"[^ \t]+", line)


def _shorten(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a value with many levels of brackets"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
