"""Annotate an input into a folder, part by part. What a killed run has finished is not done again."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout
from pyarrow import Schema

from ..errors import Errors, Warnings
from ..files import check_can_write
from .columns import check_kept, missing_names, names_of, output_schema, schema_of_parts, telling_rows
from .inputs import Input
from .manifest import NAME, as_schema, as_text, check_begun, make_manifest, read_manifest, save_manifest
from .options import OnError, Options
from .parts import REJECTED, Counts, count_part, delete_parts, find_parts, part_path
from .pipelines import load_pipeline
from .rows import Partition
from .workers import set_threads, write_parts

LOCK = ".lock"
# Seconds in which the processes of a killed run end.
PATIENCE = 5.0
OnPart = Callable[[Partition, Counts], None]


class Totals(NamedTuple):
    """What is in an output.

    written (int): Rows with an analysis.
    rejected (int): Rows that were left out.
    earlier (int): Rows among these that an earlier run had done.
    """

    written: int
    rejected: int
    earlier: int


def annotate_folder(
    model: str,
    source: Input,
    folder: Path,
    options: Options,
    *,
    workers: int = 1,
    gpu: int = -1,
    on_error: OnError = "stop",
    overwrite: bool = False,
    on_part: OnPart = lambda partition, counts: None,
) -> Totals:
    """Annotate texts. A run that was stopped or killed resumes when it is started again: the parts that it wrote stay
    as they are.

    model (str): The pipeline, a package or a folder.
    source (Input): The texts.
    folder (Path): Gets a file for each part, `_manifest.json`, and `_rejected` with the rows that were left out.
    options (Options): The settings.
    workers (int): The number of processes. Default: 1.
    gpu (int): The GPU, or -1 for the CPU. Default: -1.
    on_error (OnError): "stop" raises an error for a row that has no analysis; "skip" leaves such rows out. Default:
        "stop".
    overwrite (bool): Delete what the folder has from an earlier run, instead of resuming it. Default: False.
    on_part (OnPart): Is called with each part that is written, and its counts.
    RETURNS (Totals): The counts of rows, as they are on the disk.
    RAISES (ValueError): If the input, the output or a row is invalid; if the folder was made with another pipeline,
        input or options, or another process writes to it; or if rows are missing in the output.
    """
    check_apart(source, folder)
    with _locked(folder):
        set_threads(workers)
        nlp = load_pipeline(model)
        manifest = make_manifest(nlp, source, options)
        begun = None if overwrite else read_manifest(folder, manifest)
        if begun is None:
            # The types of all values, before the first is written; standard input can be read no more than once.
            types = _types(source, options)
            _check_names(source, options)
            partitions = source.partitions()
            # Without rows there is one part, too, so that the output is a valid one.
            first = next(partitions, Partition(0, [], 0))
            begun = {**manifest, "columns": _columns(source, first, options, types)}
            clear(folder)  # after everything that can be wrong with the options
            save_manifest(folder, begun)
            partitions, earlier = chain([first], partitions), {}
        else:
            done = find_parts(folder, options.form)
            earlier = {number: count_part(folder, number, options.form) for number in sorted(done)}
            partitions = source.partitions(done)
        schema = as_schema(begun["columns"]) if begun["columns"] else None
        written = {}
        parts = write_parts(nlp, partitions, folder, options, schema, on_error, model=model, workers=workers, gpu=gpu)
        for partition, counts in parts:
            written[partition.number] = counts
            on_part(partition, counts)
        return _count(folder, options.form, earlier, written, source.rows)


def _types(source: Input, options: Options) -> Schema | None:
    if options.form != "parquet" or source.columns is not None or source.path is None:
        return None
    return schema_of_parts((partition.rows for partition in source.partitions()), options)


def _columns(source: Input, first: Partition, options: Options, types: Schema | None) -> str | None:
    """The columns of a parquet output, for its manifest."""
    if types is not None:
        return as_text(types)
    if options.form == "parquet" or source.columns is not None:
        columns = as_text(output_schema(source.columns, first.rows, options))
        return columns if options.form == "parquet" else None
    if source.path is None and (missing := missing_names(names_of(first.rows), options)):
        names, known = ", ".join(missing), ", ".join(names_of(first.rows))
        warnings.warn(Warnings.W701.format(count=len(first.rows), names=names, known=known), stacklevel=3)
    return None


def _check_names(source: Input, options: Options) -> None:
    """Check that some row of an input without types has each column to keep. Standard input cannot be read twice."""
    if options.keep and options.form != "parquet" and source.columns is None and source.path is not None:
        check_kept(names_of(telling_rows((part.rows for part in source.partitions()), options)), options)


def check_apart(source: Input, output: Path) -> None:
    """Check that a run does not replace what it reads.

    source (Input): The input.
    output (Path): The file or folder to write.
    RAISES (ValueError): If the output is the input, or one of them is in the other.
    """
    if source.path is None:
        return
    read, written = source.path.resolve(), output.resolve()
    if read == written or read in written.parents or written in read.parents:
        raise ValueError(Errors.M611.format(path=output, reason=f"the input {source.path} is there"))


def clear(folder: Path) -> None:
    """Delete an output: its parts, and then its manifest. Other files stay.

    folder (Path): The folder.
    RAISES (ValueError): If it has no manifest, but files.
    """
    check_begun(folder)
    if (folder / NAME).exists():
        delete_parts(folder)
        (folder / NAME).unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let no other process write to the folder. A killed run leaves temporary files, which are deleted."""
    check_can_write(folder, folder=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK, timeout=PATIENCE):
            for left in _temporary_files(folder):
                left.unlink()
            yield
    except Timeout:
        raise ValueError(Errors.M731.format(path=folder)) from None


def _temporary_files(folder: Path) -> list[Path]:
    """What a killed run was writing."""
    if not (folder / NAME).exists():
        return []
    return [*folder.glob(".part-*"), *(folder / REJECTED).glob(".part-*"), *folder.glob(f".{NAME}.*")]


def _count(folder: Path, form: str, earlier: dict[int, Counts], written: dict[int, Counts], rows: int) -> Totals:
    """Count the rows on the disk, and compare them with those of the input."""
    counts = dict(earlier)
    for number, reported in written.items():
        # Standard output has taken its parts already.
        counts[number] = count_part(folder, number, form) if part_path(folder, number, form).exists() else reported
    total = Counts(*(sum(column) for column in zip(*counts.values()))) if counts else Counts(0, 0)
    if sum(total) != rows:
        raise ValueError(Errors.M730.format(path=folder, rows=rows, written=total.written, rejected=total.rejected))
    return Totals(*total, earlier=sum(map(sum, earlier.values())))
