"""Annotate an input into one file, or to standard output: the parts are written first, and joined."""

import sys
from collections.abc import Iterable
from pathlib import Path
from shutil import copyfileobj, rmtree
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from pyarrow import parquet

from ..annotations.storage import load_docs, save_docs
from ..errors import Errors
from ..files import check_can_write, clear_temporary, replacing
from .inputs import Input
from .options import Options
from .parts import Counts, find_parts, part_path, rejected_path
from .rows import Partition
from .run import OnPart, Totals, annotate_folder, check_apart, clear


def annotate_file(
    model: str, source: Input, path: Path, options: Options, *, overwrite: bool = False, **settings: Any
) -> Totals:
    """Annotate texts into one file. Until it is complete, its parts are in a hidden folder beside it, from which a run
    that was killed resumes.

    model (str): The pipeline, a package or a folder.
    source (Input): The texts.
    path (Path): The file. Rows that are left out are listed in NAME.rejected.jsonl beside it. What is too large for one
        `.spacy` file becomes a folder of this name, see `save_docs`.
    options (Options): The settings.
    overwrite (bool): Replace a file that exists, and start over. Default: False.
    settings (Any): See `annotate_folder`.
    RETURNS (Totals): The counts of rows.
    RAISES (ValueError): If the file exists and is not that of a run that resumes; and see `annotate_folder`.
    """
    check_can_write(path, folder=path.is_dir())
    check_apart(source, path)
    folder = path.with_name(f".{path.name}.parts")
    # A run that begins has no parts, so nobody has agreed yet that the file is replaced.
    if path.exists() and not overwrite and not find_parts(folder, options.form):
        raise ValueError(Errors.M737.format(path=path))
    totals = annotate_folder(model, source, folder, options, overwrite=overwrite, **settings)
    numbers = sorted(find_parts(folder, options.form))
    clear_temporary(path)  # of a run that was killed while it joined the parts
    parts = [part_path(folder, number, options.form) for number in numbers]
    left_out = [rejected_path(folder, number) for number in numbers] if totals.rejected else []
    if options.form == "spacy":
        _list_rejected(left_out, path)
        # This too is whole or not there. Under another name, a folder could not get that of the file.
        save_docs((doc for part in parts for doc in load_docs(part)), path)
    else:
        with replacing(path) as temporary:
            _join(parts, temporary, options.form)
            _list_rejected(left_out, path)
    clear(folder)
    rmtree(folder)
    return totals


def annotate_to_stdout(
    model: str, source: Input, options: Options, *, on_part: OnPart = lambda partition, counts: None, **settings: Any
) -> Totals:
    """Annotate texts to standard output, in the order of the input. Rows that are left out go to standard error. A run
    that was killed starts over.

    model (str): The pipeline, a package or a folder.
    source (Input): The texts.
    options (Options): The settings; the form is one of JSON lines.
    on_part (OnPart): Is called with each part that is written, and its counts.
    settings (Any): See `annotate_folder`.
    RETURNS (Totals): The counts of rows.
    RAISES (ValueError): See `annotate_folder`.
    """
    with TemporaryDirectory() as name:
        folder, ready, printed = Path(name), set[int](), 0

        def show(partition: Partition, counts: Counts) -> None:
            nonlocal printed
            ready.add(partition.number)
            while printed in ready:
                for path, stream in (
                    (part_path(folder, printed, options.form), sys.stdout.buffer),
                    (rejected_path(folder, printed), sys.stderr.buffer),
                ):
                    _copy([path], stream)
                    path.unlink(missing_ok=True)
                printed += 1
            sys.stdout.buffer.flush()
            on_part(partition, counts)

        return annotate_folder(model, source, folder, options, on_part=show, **settings)


def _list_rejected(left_out: list[Path], path: Path) -> None:
    """List what was left out, beside the file."""
    rejected = path.with_name(f"{path.name}.rejected.jsonl")
    rejected.unlink(missing_ok=True)
    if left_out:
        with replacing(rejected) as lines, lines.open("wb") as target:
            _copy(left_out, target)


def _join(parts: list[Path], path: Path, form: str) -> None:
    if form == "parquet":
        with parquet.ParquetWriter(path, parquet.read_schema(parts[0]), compression="zstd") as writer:
            for part in parts:
                writer.write_table(parquet.read_table(part))
    else:  # compressed files, too, can be put one after the other
        with path.open("wb") as target:
            _copy(parts, target)


def _copy(paths: Iterable[Path], target: BinaryIO) -> None:
    for path in paths:
        if path.exists():
            with path.open("rb") as source:
                copyfileobj(source, target)
