"""Lines of files that may be compressed and larger than the memory."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

from ..errors import Errors
from .input_files import InputFile

# When decompression fails, what it was to fill is lost.
BUFFER = 2**17
MAX_LINE = 2**26
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """A line of a file.

    number (int): Its number, counted from 1.
    data (bytes): Its bytes with the line end; of a line that is too long, the first `MAX_LINE` bytes.
    is_whole (bool): Whether these are all.
    """

    number: int
    data: bytes
    is_whole: bool = True


class Counter:
    """Counts what is read.

    count (int): The bytes on the disk.
    rows (int): The rows.
    """

    def __init__(self) -> None:
        self.count = self.rows = 0


@contextmanager
def opened(file: InputFile | None, counter: Counter) -> Iterator[BinaryIO]:
    """Open a file.

    file (InputFile | None): The file; None for standard input.
    counter (Counter): Counts its bytes on the disk.
    YIELDS (BinaryIO): Its content, decompressed.
    RAISES (ValueError): If it cannot be opened.
    """
    if file is None:
        yield io.BufferedReader(_Counted(sys.stdin.buffer, counter), BUFFER)
        return
    try:
        stored = file.path.open("rb", buffering=0)
    except OSError as err:
        raise _broken(file.path, 0, err.strerror) from None
    with stored:
        if not file.compression:
            yield io.BufferedReader(_Counted(stored, counter), BUFFER)
            return
        import pyarrow

        if not file.size:
            # What was cut off before the first byte would be read as a file without rows.
            raise _broken(file.path, 0, f"it is empty, but the name says that it is compressed with {file.compression}")
        stream: Any = pyarrow.input_stream(_Counted(stored, counter), compression=file.compression)
        yield io.BufferedReader(stream, BUFFER)


def read_lines(content: BinaryIO, path: Any) -> Iterator[Line]:
    """Read lines. Only a line feed ends a line. A byte order mark at the beginning is left out.

    content (BinaryIO): The content of a file.
    path (Any): Its name for messages.
    YIELDS (Line): The lines. At most `MAX_LINE` bytes of each are kept in the memory.
    RAISES (ValueError): If the content cannot be decompressed or read, or is in UTF-16.
    """
    number = 0
    while data := _next_line(content, path, number):
        number += 1
        is_whole = data.endswith(b"\n") or len(data) <= MAX_LINE
        rest = data
        while not is_whole and rest and not rest.endswith(b"\n"):
            rest = _next_line(content, path, number)
        if number == 1:
            if data.startswith(UTF16_MARKS):
                raise ValueError(Errors.M710.format(path=path))
            data = data.removeprefix(UTF8_MARK)
        yield Line(number, data if is_whole else data[:MAX_LINE], is_whole)


def _next_line(content: BinaryIO, path: Any, number: int) -> bytes:
    try:
        return content.readline(MAX_LINE + 1)
    except OSError as err:
        raise _broken(path, number, str(err)) from None


def _broken(path: Any, number: int, reason: str | None) -> ValueError:
    return ValueError(
        Errors.M708.format(path=path, reached=f"line {number}" if number else "the beginning", reason=reason)
    )


class _Counted(io.RawIOBase):
    """A file whose bytes are counted when they are read."""

    def __init__(self, file: Any, counter: Counter) -> None:
        self.file = file
        self.counter = counter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        n_bytes = self.file.readinto(buffer) or 0
        self.counter.count += n_bytes
        return n_bytes
