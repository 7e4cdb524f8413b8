"""Files of JSON lines that only grow. A line is on the disk before anybody is told that it is saved."""

import errno
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from ...errors import Errors, Warnings
from ..answers import to_json


class Journal:
    """A file of JSON lines that this process alone may extend, until `close`.

    path (Path): The file. It is made with its folder.
    check (Callable[[dict[str, Any]], bool]): Whether an object is a line of such a file.
    RAISES (ValueError): If another process has it open, or it cannot be written.
    """

    def __init__(self, path: Path, check: Callable[[dict[str, Any]], bool]) -> None:
        self.path = path
        self._check = check
        # How long the file was before a line of which only a half is there.
        self._whole: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            real = path.resolve()  # a link has the lock of its file
            self._lock = FileLock(real.with_name(f".{real.name}.lock"), timeout=0)
            self._lock.acquire()
        except Timeout:
            raise ValueError(Errors.M770.format(path=path)) from None
        except OSError as err:
            raise ValueError(Errors.M771.format(path=path, reason=err.strerror)) from None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            # The name of a new file is in its folder, which has to reach the disk as well.
            _sync_folder(path.parent)
            self.lines = self._recover()
        except BaseException as err:
            self._lock.release()
            if isinstance(err, OSError):
                raise ValueError(Errors.M771.format(path=path, reason=err.strerror)) from None
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, place: TracebackType | None
    ) -> None:
        self.close()

    def append(self, line: dict[str, Any]) -> None:
        """Add a line. When this returns, it is on the disk.

        line (dict[str, Any]): The values.
        RAISES (OSError): If the disk is full, for example. The file is as before then.
        """
        data = to_json(line) + b"\n"
        self._remove_half()
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
        except OSError:
            self._whole = size
            self._remove_half()
            raise

    def close(self) -> None:
        """Let other processes have the file."""
        if self._lock.is_locked:
            os.close(self._file)
            self._lock.release()

    def _remove_half(self) -> None:
        """The next line must not continue the half of one, also if that cannot be removed at once."""
        if self._whole is not None:
            os.ftruncate(self._file, self._whole)
            self._whole = None

    def _recover(self) -> list[dict[str, Any]]:
        """Read the lines. A last one without an end was never answered: it is moved to another file."""
        content = self.path.read_bytes()
        end = content.rfind(b"\n") + 1
        last = _parse(content[end:])
        if isinstance(last, dict) and self._check(last):  # another program has taken the end of the line
            os.write(self._file, b"\n")
            os.fsync(self._file)
            content, end = content + b"\n", len(content) + 1
        if end < len(content):
            aside = self.path.with_name(f"{self.path.name}.broken")
            with aside.open("ab") as file:
                file.write(content[end:] + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.ftruncate(self._file, end)
            os.fsync(self._file)
            warnings.warn(Warnings.W770.format(path=self.path, size=len(content) - end, aside=aside.name), stacklevel=3)
        lines = [_parse(line) for line in content[:end].split(b"\n")[:-1]]
        found = [line for line in lines if isinstance(line, dict) and self._check(line)]
        if len(found) < len(lines):
            warnings.warn(Warnings.W771.format(path=self.path, count=len(lines) - len(found)), stacklevel=3)
        return found


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
