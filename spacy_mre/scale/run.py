"""Annotate an input into a folder, part by part. What a killed run has finished is not done again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from ..errors import Errors
from ..files import check_can_write
from .columns import output_schema
from .inputs import Input
from .manifest import as_schema, as_text, clear, make_manifest, open_manifest, save_manifest
from .options import OnError, Options
from .parts import Counts, count_part, find_parts
from .rows import Partition
from .workers import load_pipeline, set_threads, write_parts

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
    """Annotate texts. A run that was stopped or killed goes on when it is started again: the parts that it wrote stay
    as they are.

    model (str): The pipeline, a package or a folder.
    source (Input): The texts.
    folder (Path): Gets a file for each part, `_manifest.json`, and `_rejected` with the rows that were left out.
    options (Options): The settings.
    workers (int): The number of processes. Default: 1.
    gpu (int): The GPU, or -1 for the CPU. Default: -1.
    on_error (OnError): "stop" raises an error for a row that has no analysis; "skip" leaves such rows out. Default:
        "stop".
    overwrite (bool): Delete what the folder has from an earlier run, instead of going on with it. Default: False.
    on_part (OnPart): Is called with each part that is written, and its counts.
    RETURNS (Totals): The counts of rows, as they are on the disk.
    RAISES (ValueError): If the input, the output or a row is invalid; if the folder was made with another pipeline,
        input or options, or another process writes to it; or if rows are missing in the output.
    """
    with _locked(folder):
        if overwrite:
            clear(folder)
        set_threads(workers)
        nlp = load_pipeline(model)
        manifest = open_manifest(folder, make_manifest(nlp, source, options))
        done = find_parts(folder, options.form)
        partitions = source.partitions(done)
        if "columns" not in manifest:  # a new folder
            first = next(partitions, None)
            if options.form == "parquet":
                manifest["columns"] = as_text(output_schema(source.columns, first.rows if first else [], options))
            else:
                manifest["columns"] = None
            save_manifest(folder, manifest)
            partitions = chain([first] if first else [], partitions)
        schema = as_schema(manifest["columns"]) if manifest["columns"] else None
        written = set()
        parts = write_parts(nlp, partitions, folder, options, schema, on_error, model=model, workers=workers, gpu=gpu)
        for partition, counts in parts:
            written.add(partition.number)
            on_part(partition, counts)
        return _count(folder, options.form, done, written, source.rows)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let no other process write to the folder. A killed run leaves temporary files, which are deleted."""
    check_can_write(folder, folder=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK, timeout=PATIENCE):
            for left in folder.rglob(".part-*"):
                left.unlink()
            yield
    except Timeout:
        raise ValueError(Errors.M731.format(path=folder)) from None


def _count(folder: Path, form: str, done: set[int], written: set[int], rows: int) -> Totals:
    """Count the rows on the disk, and compare them with those of the input."""
    counts = {number: count_part(folder, number, form) for number in sorted(done | written)}
    total = Counts(*(sum(column) for column in zip(*counts.values()))) if counts else Counts(0, 0)
    if sum(total) != rows:
        raise ValueError(Errors.M730.format(path=folder, rows=rows, written=total.written, rejected=total.rejected))
    return Totals(*total, earlier=sum(sum(counts[number]) for number in done))
