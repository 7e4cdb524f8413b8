"""Files inside stored bytes: they are checked before one of them is written, and read from a private folder."""

import gc
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import srsly

from .errors import Errors

# ASCII letters, digits and a few signs: neither a folder nor a hidden file, on any system.
PLAIN_NAME = re.compile(r"(?!(?i:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))[A-Za-z0-9_](?:[A-Za-z0-9_.+-]*[A-Za-z0-9_+-])?")
LONGEST_NAME = 128
MOST_FILES = 256
# The most bytes of one value in the format of Thinc.
MOST_BYTES = 2**32 - 1


def is_plain_name(name: Any) -> bool:
    """Whether this is the name of a file that is inside a folder wherever the folder is.

    name (Any): What a model gives as a name.
    RETURNS (bool): False for paths, names of devices, hidden files and values that are not strings.

    >>> is_plain_name("model.safetensors"), is_plain_name("../model.safetensors")
    (True, False)
    """
    return isinstance(name, str) and len(name) <= LONGEST_NAME and PLAIN_NAME.fullmatch(name) is not None


def check_files(files: Any, origin: str) -> None:
    """Refuse files that must not be written.

    files (Any): What should be contents by name.
    origin (str): Where they come from, for the error.
    RAISES (ValueError): If a name is not a plain file name, two names are the same where case does not count, a content
        is not bytes, or they are too many or too large.
    """
    if not isinstance(files, Mapping):
        raise ValueError(Errors.M012.format(origin=origin, reason="it has no table of files"))
    if len(files) > MOST_FILES:
        raise ValueError(Errors.M011.format(origin=origin, count=len(files), what="files", limit=MOST_FILES))
    seen: set[str] = set()
    for name, data in files.items():
        if not is_plain_name(name) or name.lower() in seen:
            raise ValueError(Errors.M010.format(origin=origin, name=f"{name!r:.80}"))
        if not isinstance(data, bytes):
            reason = f"the content of '{name}' is not bytes but {type(data).__name__}"
            raise ValueError(Errors.M012.format(origin=origin, reason=reason))
        seen.add(name.lower())
    size = sum(map(len, files.values()))
    if size > MOST_BYTES:
        raise ValueError(Errors.M011.format(origin=origin, count=size, what="bytes in files", limit=MOST_BYTES))


@contextmanager
def unpacked(files: Any, origin: str) -> Iterator[Path]:
    """Write files to a temporary folder that only this user can open, and that is removed at the end of the context.

    files (Any): What should be contents by name. All are checked before one is written.
    origin (str): Where they come from, for the error.
    YIELDS (Path): The folder.
    RAISES (ValueError): See `check_files`.
    """
    check_files(files, origin)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows keeps files that are mapped into memory
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        yield Path(folder)


def read_table(data: Any, origin: str) -> dict[str, Any]:
    """Read a table in the format of Thinc and spaCy.

    data (Any): What should be its bytes.
    origin (str): Where they come from, for the error.
    RETURNS (dict[str, Any]): Values by name.
    RAISES (ValueError): If the bytes are broken, or contain something else.
    """
    with collecting():
        try:
            table = srsly.msgpack_loads(data)
        except Exception as error:
            raise ValueError(Errors.M012.format(origin=origin, reason=reason_of(error))) from error
    if not isinstance(table, dict) or not all(isinstance(name, str) for name in table):
        raise ValueError(Errors.M012.format(origin=origin, reason="it is not a table with names"))
    return table


@contextmanager
def collecting() -> Iterator[None]:
    """Keep Python's garbage collector on: srsly leaves it off if the bytes that it reads are broken."""
    enabled = gc.isenabled()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def reason_of(error: BaseException) -> str:
    """The first line of an error of another package, with its type.

    error (BaseException): The error.
    RETURNS (str): At most 200 characters.

    >>> reason_of(EOFError())
    'EOFError'
    >>> reason_of(KeyError("labels"))
    "KeyError: 'labels'"
    """
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}"[:200] if lines else type(error).__name__


def is_ours(error: BaseException) -> bool:
    """RETURNS (bool): Whether it is a numbered error of this package."""
    return re.match(r"\[M\d{3}\]", str(error)) is not None
