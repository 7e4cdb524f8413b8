"""The files of an input: which they are, and of which kind."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..annotations.doc_bins import PART, part_files
from ..errors import Errors

KINDS = {
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".csv": "CSV",
    ".tsv": "TSV",
    ".txt": "text",
    ".parquet": "Parquet",
    ".spacy": "spaCy",
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
# These compress, or are read as a whole, by themselves.
NEVER_COMPRESSED = ("Parquet", "spaCy")


class InputFile(NamedTuple):
    """A file of an input.

    path (Path): The file.
    name (str): Its path, relative to the folder of the input.
    size (int): Its bytes on the disk.
    modified (int): When it was changed last, in nanoseconds.
    kind (str): A value of `KINDS`.
    compression (str): A value of `COMPRESSIONS`; empty if it is not compressed.
    """

    path: Path
    name: str
    size: int
    modified: int
    kind: str
    compression: str


def find_files(path: Path) -> list[InputFile]:
    """Find the files of an input.

    path (Path): A file, or a folder. Files in its sub-folders are found, too. Names that begin with a dot or an
        underscore are passed over: Spark and others put notes for themselves into them.
    RETURNS (list[InputFile]): The files, all of the same kind, sorted by their names.
    RAISES (ValueError): If there are none, or they are of different kinds, or of one that cannot be read; or a part of
        a folder that `save_docs` wrote is missing.
    """
    if not path.exists():
        raise ValueError(Errors.M701.format(path=path))
    if not path.is_dir():
        return [_describe(path, path.name)]
    names = sorted(_names(path))
    files = [_describe(path / name, name) for name in names]
    if not files:
        raise ValueError(Errors.M702.format(path=path, suffixes=_suffixes()))
    other = next((file for file in files if file.kind != files[0].kind), None)
    if other:
        raise ValueError(
            Errors.M703.format(
                path=path, first=files[0].name, kind=files[0].kind, second=other.name, other_kind=other.kind
            )
        )
    if files[0].kind == "spaCy" and any(PART.match(file.name) for file in files):
        part_files(path)  # checks that all parts are there
    return files


def _names(folder: Path) -> Iterator[str]:
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        # A link to a folder above would be followed for ever.
        seen.add(os.path.realpath(place))
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".", "_")) and os.path.realpath(os.path.join(place, name)) not in seen
        ]
        for name in files:
            if not name.startswith((".", "_")):
                yield (Path(place) / name).relative_to(folder).as_posix()


def _raise(err: OSError) -> None:
    raise ValueError(Errors.M708.format(path=err.filename, reached="the beginning", reason=err.strerror))


def _describe(path: Path, name: str) -> InputFile:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1], "") if suffixes else ""
    if compression:
        suffixes.pop()
    kind = KINDS.get(suffixes[-1]) if suffixes else None
    if kind is None or (compression and kind in NEVER_COMPRESSED):
        raise ValueError(Errors.M700.format(path=path, suffixes=_suffixes()))
    try:
        about = path.stat()
    except OSError as err:  # a link to nothing, for example
        raise ValueError(Errors.M708.format(path=path, reached="the beginning", reason=err.strerror)) from None
    return InputFile(path, name, about.st_size, about.st_mtime_ns, kind, compression)


def _suffixes() -> str:
    return f"{', '.join(KINDS)}; all but .parquet and .spacy also with {', '.join(COMPRESSIONS)}"
