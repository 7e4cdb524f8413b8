"""Files are written whole or not at all."""

import errno
import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

from .errors import Errors

# Readers of folders skip hidden names.
NEW = ".new-"
# Eight characters, as the module tempfile draws them.
DRAWN = r"[a-z0-9_]{8}"
MAX_SYNCED = 100
DAY = 24 * 60 * 60  # seconds
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name in the same folder, and rename it when everything is on the disk.

    If writing fails, an existing file is left as it was. The folder is made if it does not exist.

    path (str | Path): The file.
    YIELDS (Path): Where to write.
    RAISES (ValueError): If the file cannot be written.

    >>> with replacing("scores.txt") as temporary:
    ...     written = temporary.write_text("F 0.87")
    >>> Path("scores.txt").read_text()
    'F 0.87'
    """
    path = Path(path)
    check_can_write(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix, delete=False) as file:
            temporary = Path(file.name)
    except OSError as err:
        raise ValueError(Errors.M611.format(path=path, reason=err.strerror)) from None
    try:
        with naming_full_disk(path):
            yield temporary
            _sync(temporary)
        temporary.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json_lines(items: Iterable[Any], path: str | Path) -> int:
    """Write values of JSON, one per line.

    items (Iterable[Any]): The values.
    path (str | Path): The file; its folder is created.
    RETURNS (int): The number of values.
    RAISES (ValueError): If the file cannot be written.

    >>> write_json_lines([{"text": "Ada"}], "a.jsonl")
    1
    """
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf8", newline="\n") as file:
        for item in items:
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
            count += 1
    return count


def clear_temporary(path: str | Path) -> None:
    """Remove what a killed process has left of writing a file with `replacing`. Other hidden files stay.

    path (str | Path): The file. No other process may be writing it.
    """
    path = Path(path)
    pattern = re.compile(rf"\.{re.escape(path.name)}\.{DRAWN}{re.escape(path.suffix)}")
    for left in path.parent.iterdir():
        if left.is_file() and pattern.fullmatch(left.name):
            left.unlink()


def check_can_write(path: str | Path, *, folder: bool = False, sources: Iterable[Path] = ()) -> None:
    """Check that a file or folder can be written, before the work whose result it is for. Nothing is created.

    path (str | Path): The file or folder.
    folder (bool): Whether it is a folder.
    sources (Iterable[Path]): What the work reads, and what the result must not replace.
    RAISES (ValueError): If it cannot be written.
    """
    path = Path(path)
    reason = ""
    if path.exists() and path.is_dir() != folder:
        reason = "it is a file, not a folder" if folder else "it is a folder"
    elif path.exists() and not folder and not path.is_file():
        reason = "it is a device or a pipe, not a file"  # which a file would replace
    elif path.resolve() in (source.resolve() for source in sources):
        reason = "it is the input, which would be replaced"
    place = path if folder else path.parent
    while not os.path.lexists(place):
        place = place.parent
    if not reason and not place.is_dir():
        reason = f"{place} is not a folder"
    if not reason and not os.access(place, os.W_OK | os.X_OK):
        reason = f"there is no permission to write to {place}"
    if reason:
        raise ValueError(Errors.M611.format(path=path, reason=reason))


@contextmanager
def replacing_files(folder: str | Path, *, keep_others: bool = True) -> Iterator[Path]:
    """Write several files to a temporary folder, and move them into a folder when all of them are on the disk.

    Existing files are replaced, never overwritten: they may be mapped into memory, by this process for example. Links
    in the folder are replaced too, not followed. The
    largest of the new files (the weights of a model, as a rule) is moved last, and its old version is removed first.
    So a process that is killed between two moves leaves a folder without its main file, which cannot be loaded,
    instead of old and new files that seem to belong together.

    folder (str | Path): Created if it does not exist; a file of that name is removed.
    keep_others (bool): Whether files that are not replaced are kept; hidden ones always are. Default: True.
    YIELDS (Path): An empty folder.
    RAISES (ValueError): If the folder cannot be written.

    >>> with replacing_files("model") as fresh:
    ...     written = (fresh / "config.json").write_text("{}")
    >>> sorted(path.name for path in Path("model").iterdir())
    ['config.json']
    """
    folder = Path(folder)
    # Inside a folder that exists: beside it may be another disk.
    place, prefix = (folder, NEW) if folder.is_dir() else (folder.parent, f"{NEW}{folder.name}-")
    check_can_write(place, folder=True)
    try:
        place.mkdir(parents=True, exist_ok=True)
        _clear_left(folder)
        temporary = TemporaryDirectory(dir=place, prefix=prefix)
    except OSError as err:
        raise ValueError(Errors.M611.format(path=folder, reason=err.strerror)) from None
    with temporary as name, naming_full_disk(folder):
        fresh = Path(name)
        yield fresh
        written = sorted((path for path in fresh.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
        mode = 0o666 & ~_umask()
        for path in written:
            path.chmod(mode)  # safetensors makes files readable by the owner only
            if len(written) <= MAX_SYNCED:
                _sync(path)
        if len(written) > MAX_SYNCED:
            os.sync()  # thousands of texts, one by one, would take minutes
        targets = [folder / path.relative_to(fresh) for path in written]
        if folder.is_file():
            folder.unlink()
        folder.mkdir(exist_ok=True)
        if len(targets) > 1:
            targets[-1].unlink(missing_ok=True)
        for path in fresh.rglob("*"):
            if path.is_dir():
                subfolder = folder / path.relative_to(fresh)
                if subfolder.is_symlink():
                    subfolder.unlink()
                subfolder.mkdir(parents=True, exist_ok=True)
        for path, target in zip(written, targets):
            os.replace(path, target)
    for path in () if keep_others else sorted(folder.rglob("*")):
        hidden = any(name.startswith(".") for name in path.relative_to(folder).parts)
        if path.is_file() and path not in targets and not hidden:
            path.unlink()


@contextmanager
def naming_full_disk(path: str | Path, advice: str = "") -> Iterator[None]:
    """Say in the error of a full disk what was written.

    path (str | Path): The file or folder.
    advice (str): What else to do about it.
    RAISES (ValueError): If the disk is full.
    """
    try:
        yield
    except OSError as err:
        if err.errno not in FULL:
            raise
        reason = f"{os.strerror(err.errno)}{advice}"
        raise ValueError(Errors.M611.format(path=path, reason=reason)) from None


def check_has(path: Path) -> None:
    """Check that a file exists which `replacing_files` puts into its folder last.

    path (Path): The file.
    RAISES (ValueError): If it does not exist.
    """
    if not path.exists():
        raise ValueError(Errors.M020.format(folder=path.parent, name=path.name))


def is_left(path: Path) -> bool:
    """RETURNS (bool): Whether it is the folder of a process that was killed while it replaced files of a folder.

    path (Path): What is inside of this folder.
    """
    return path.is_dir() and re.fullmatch(re.escape(NEW) + DRAWN, path.name) is not None


def _clear_left(folder: Path) -> None:
    """Remove what killed processes have left: inside the folder; beside it, if it did not exist, where another process
    may be writing the same at this time: what is at least a day old."""
    inside = [path for path in folder.glob(f"{NEW}*") if is_left(path)]
    name = re.compile(re.escape(f"{NEW}{folder.name}-") + DRAWN)
    beside = [path for path in folder.parent.glob(f"{NEW}*") if name.fullmatch(path.name) and _is_old(path)]
    for left in (*inside, *beside):
        rmtree(left, ignore_errors=True)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > DAY
    except FileNotFoundError:  # the other process has just finished
        return False


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
