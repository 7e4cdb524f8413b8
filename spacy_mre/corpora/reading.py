"""How is a file opened so that whatever is wrong with it is told with its line? Shared by all readers."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .record import CorpusError


def read_text(path: Path, *, may_be_empty: bool = False) -> str:
    """Read a UTF-8 file as it is, with the line ends it has: character offsets count them.

    path (Path): The file.
    may_be_empty (bool): Whether a file without a character is all right.
    RETURNS (str): Its text, without a byte order mark.
    RAISES (CorpusError): A file that is not there, is empty or is not UTF-8.
    """
    path = Path(path)
    if not path.is_file():
        raise CorpusError(
            path, 0, "there is no such file" if not path.exists() else "this is a folder, a file was expected"
        )
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise CorpusError(path, line, f"byte {err.start} is not UTF-8: convert the file to UTF-8 first") from None
    if not text.strip() and not may_be_empty:
        raise CorpusError(path, 0, "the file is empty")
    return text


def read_lines(path: Path, *, may_be_empty: bool = False) -> Iterator[tuple[int, str]]:
    """Read a file line by line. Only a line feed ends a line, unlike `str.splitlines`, which also cuts at characters inside texts.

    path (Path): The file.
    may_be_empty (bool): Whether a file without a character is all right.
    YIELDS (Tuple[int, str]): The number of the line, counted from 1, and the line without its end.
    """
    lines = read_text(path, may_be_empty=may_be_empty).split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        yield number, line.removesuffix("\r")


def read_json(path: Path) -> Any:
    """Read a file that is one JSON value.

    path (Path): The file.
    RETURNS (Any): The value.
    RAISES (CorpusError): Broken JSON.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as err:
        raise CorpusError(path, err.lineno, f"broken JSON: {err.msg} at column {err.colno}") from None


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a file with one JSON object a line. Blank lines are skipped.

    path (Path): The file.
    YIELDS (Tuple[int, Dict[str, Any]]): The number of the line and the object.
    RAISES (CorpusError): Broken JSON, or a line that is no object.
    """
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except json.JSONDecodeError as err:
            raise CorpusError(path, number, f"broken JSON: {err.msg} at column {err.colno}") from None
        if not isinstance(item, dict):
            raise CorpusError(path, number, "a JSON object was expected")
        yield number, item


class Location:
    """Where in a file something is read, and the checks that need to say so.

    path (Path): The file.
    line (int): The line, counted from 1; 0 if the format has no lines.
    name (str): What to call the record where it has no line of its own, such as "record 3".
    """

    def __init__(self, path: Path, line: int = 0, name: str = ""):
        self.path = path
        self.line = line
        self.name = name

    def __str__(self) -> str:
        return f"{self.path.name}, {self.name or f'line {self.line}'}"

    def error(self, reason: str) -> CorpusError:
        return CorpusError(self.path, self.line, f"{self.name}: {reason}" if self.name else reason)

    def get(self, item: Any, key: str, kind: type) -> Any:
        """The value of a key that must be there and of that type."""
        if not isinstance(item, dict):
            raise self.error(f"a JSON object was expected, not {_shown(item)}")
        if key not in item:
            raise self.error(f"the key '{key}' is missing")
        value = item[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"'{key}' must be of type {kind.__name__}, not {_shown(value)}")
        return value

    def words(self, item: Any, key: str) -> list[str]:
        """The value of a key that must be a list of words, none of them empty."""
        words = self.get(item, key, list)
        for i, word in enumerate(words):
            if not isinstance(word, str) or not word:
                raise self.error(
                    f"token {i} of '{key}' is {_shown(word)}: every token must be a text of one character or more"
                )
        return words

    def inside(self, start: Any, end: Any, length: int, what: str) -> tuple[int, int]:
        """A start and an exclusive end that must lie inside something and enclose at least one place."""
        if not (type(start) is int and type(end) is int):
            raise self.error(f"{what} goes from {_shown(start)} to {_shown(end)}: whole numbers were expected")
        if not 0 <= start < end <= length:
            raise self.error(f"{what} goes from {start} to {end}, which is not inside the {length} there are")
        return start, end

    def index(self, value: Any, length: int, what: str) -> int:
        """An index that must point into a list of that length."""
        if type(value) is not int or not 0 <= value < length:
            raise self.error(f"{what} is {_shown(value)}, but there are only the entities 0 to {length - 1}")
        return value


def join_words(words: Sequence[str], separator: str = " ") -> tuple[str, list[tuple[int, int]]]:
    """Make a text of words.

    words (Sequence[str]): The words.
    separator (str): What stands between them.
    RETURNS (Tuple[str, List[Tuple[int, int]]]): The text, and the character offsets of every word in it.
    """
    tokens = []
    position = 0
    for word in words:
        tokens.append((position, position + len(word)))
        position += len(word) + len(separator)
    return separator.join(words), tokens


def split_blanks(line: str) -> list[str]:
    """Split a line at blanks and tabs only: `str.split` would also lose tokens that are white space of another kind, such as `\u3000`."""
    return re.findall(r"[^ \t]+", line)


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 40 else f"{shown[:40]}..."
