"""The saved data of a component: what cannot be read is an error that names the component and the file."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srsly
from spacy import util

from ..errors import Errors
from ..unpacking import collecting, is_ours, reason_of


@contextmanager
def reading(part: str, name: str, path: Path | None = None) -> Iterator[None]:
    """Turn any error of reading a component's data into one of ours.

    part (str): What is read: "cfg", "model" or "vocab".
    name (str): The name of the component.
    path (Optional[Path]): The file or folder; None for bytes.
    RAISES (ValueError): If the data cannot be read.
    """
    try:
        with collecting():
            yield
    except Exception as error:
        if is_ours(error) and (f"'{name}'" in str(error) or (path is not None and str(path) in str(error))):
            raise
        where = "" if path is None else f" from {path}"
        reason = str(error).split(". Load an intact copy")[0] if is_ours(error) else reason_of(error)
        raise ValueError(Errors.M806.format(part=part, name=name, where=where, reason=reason)) from error


def read_cfg(data: bytes | str | Path, name: str) -> dict[str, Any]:
    """Read the cfg of a component.

    data (Union[bytes, str, Path]): Its JSON, or the file.
    name (str): The name of the component, for the error.
    RETURNS (dict[str, Any]): The cfg.
    RAISES (ValueError): If it is not a JSON object.
    """
    cfg = srsly.json_loads(data.read_bytes() if isinstance(data, Path) else data)
    if not isinstance(cfg, dict):
        raise ValueError(Errors.M807.format(name=name, reason="it is not a JSON object"))
    return cfg


def read_parts_from_disk(
    folder: str | Path, readers: dict[str, Callable[[Path], Any]], name: str, exclude: Iterable[str]
) -> None:
    """Read the files of a component.

    folder (Union[str, Path]): The folder of the component.
    readers (dict[str, Callable[[Path], Any]]): By the name of the file. Only regular files and folders are read:
        devices and pipes never end.
    name (str): The name of the component.
    exclude (Iterable[str]): What to leave out.
    RAISES (ValueError): If a file is missing or broken.
    """

    def guarded(part: str, reader: Callable[[Path], Any]) -> Callable[[Path], None]:
        def read(path: Path) -> None:
            with reading(part, name, path):
                if path.exists() and not path.is_file() and not path.is_dir():
                    raise ValueError("it is not a file")
                reader(path)

        return read

    util.from_disk(folder, {part: guarded(part, reader) for part, reader in readers.items()}, exclude)


def read_parts_from_bytes(
    data: bytes, readers: dict[str, Callable[[bytes], Any]], name: str, exclude: Iterable[str]
) -> None:
    """Read the parts of a component from bytes.

    data (bytes): What the component's `to_bytes` returned.
    readers (dict[str, Callable[[bytes], Any]]): By the name of the part.
    name (str): The name of the component.
    exclude (Iterable[str]): What to leave out.
    RAISES (ValueError): If a part is missing or broken.
    """
    with reading("data", name):
        parts = srsly.msgpack_loads(data)
        missing = [part for part in readers if part not in parts and part not in exclude]
        if not isinstance(parts, dict) or missing:
            raise ValueError(f"it has no {', '.join(missing)}")
    for part, reader in readers.items():
        if part not in exclude:
            with reading(part, name):
                reader(parts[part])
