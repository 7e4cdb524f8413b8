"""One process at a time writes to a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Errors

LOCK = ".lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let no other process write to a folder. The system takes the lock from a process that ends, however it ends.

    folder (Path): The folder. It is made if it does not exist.
    YIELDS (None): Nothing.
    RAISES (ValueError): If another process has the lock.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK, timeout=0):
            yield
    except Timeout:
        raise ValueError(Errors.M285.format(path=folder)) from None
