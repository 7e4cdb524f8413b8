"""Files are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name in the same folder, and rename it when everything is on the disk.

    If writing fails, an existing file is left as it was. The folder is made if it does not exist.

    path (str | Path): The file.
    YIELDS (Path): Where to write.

    >>> with replacing("scores.txt") as temporary:
    ...     written = temporary.write_text("F 0.87")
    >>> Path("scores.txt").read_text()
    'F 0.87'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix, delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
