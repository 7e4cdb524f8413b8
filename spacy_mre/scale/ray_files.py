"""Files that Ray reads and writes."""

import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow
import ray
from pyarrow import fs, parquet
from ray.data import Dataset
from ray.data.datasource import BlockBasedFileDatasink

from ..errors import Errors
from .columns import telling_rows
from .engines import LINE, Annotated, as_table, is_url, kept_schema, without_error
from .forms import COMPRESSION
from .input_files import find_files
from .inputs import open_input
from .options import Options
from .tables import ERROR

# Reading and writing mostly wait for disks. A task that asked for a processor would wait for ever for one if the actors
# had them all.
NO_CPUS = {"num_cpus": 0}
COMPLETE = "_SUCCESS"
# An actor gets one block at a time. With Ray's 128 MB, a million short texts would be a single one.
BLOCK_BYTES = 2**20
# All partitions are passed over, so that rows are counted and not parsed.
EVERY = range(sys.maxsize)


def read_dataset(source: str, options: Options) -> tuple[Dataset, int]:
    """Open an input.

    source (str): See `annotate_with_ray`.
    options (Options): The settings.
    RETURNS (tuple[Dataset, int]): The texts, with the other columns that are kept, and the number of rows.
    RAISES (ValueError): If the input is invalid.
    """
    paths = _find_paths(source, options)
    if paths[0].endswith(".parquet") or is_url(source):
        system, first = _system(paths[0])
        with system.open_input_file(first) as file:
            schema = kept_schema(parquet.read_schema(file), [], options)
        read, count = _read_parquet, _count_parquet
    else:
        parts = open_input(source, text=options.text, size=options.rows).partitions()
        schema = kept_schema(None, telling_rows((part.rows for part in parts), options), options)
        read, count = _read_rows, _count_rows
    settings = {"schema": schema, "options": options}
    counts = _each(paths).map(count, fn_kwargs={"options": options}, **NO_CPUS)
    found = _each(paths).map_batches(read, fn_kwargs=settings, batch_size=1, batch_format="pyarrow", **NO_CPUS)
    return found, sum(row["rows"] for row in counts.iter_rows())


def write_dataset(found: Dataset, output: str, options: Options) -> Annotated:
    """Write a dataset, and count its rows in the files.

    found (Dataset): From `engines.annotate_table`.
    output (str): The folder.
    options (Options): The settings.
    RETURNS (Annotated): The counts.
    """
    path = output if is_url(output) else str(Path(output).resolve())
    if options.form == "parquet":
        found.write_parquet(path, min_rows_per_file=options.rows, compression="zstd", ray_remote_args=NO_CPUS)
    else:
        found.write_datasink(_Lines(path, options), ray_remote_args=NO_CPUS)
    return _count_output(path, options)


def mark_complete(output: str) -> None:
    """Write the empty file by which a complete output is known, as Spark does.

    output (str): The folder.
    """
    system, path = _system(output)
    system.create_dir(path, recursive=True)
    with system.open_output_stream(f"{path}/{COMPLETE}"):
        pass


class _Lines(BlockBasedFileDatasink):
    """Writes JSON lines. (Ray's own JSON goes through pandas, where integers beside nulls become floats.)"""

    def __init__(self, path: str, options: Options) -> None:
        compression = {"compression": COMPRESSION[options.form]} if COMPRESSION[options.form] else {}
        super().__init__(path, min_rows_per_file=options.rows, file_format=options.form, open_stream_args=compression)

    def write_block_to_file(self, block: Any, file: Any) -> None:
        for chunk in block.to_arrow()[LINE].chunks:
            for line in chunk:
                file.write(f"{line.as_py()}\n".encode())


def _find_paths(source: str, options: Options) -> list[str]:
    if not is_url(source):
        open_input(source, text=options.text)
        return [str(file.path.resolve()) for file in find_files(Path(source))]
    system, path = fs.FileSystem.from_uri(source)
    scheme = source.partition("://")[0]
    files = [system.get_file_info(path)]
    if files[0].type == fs.FileType.Directory:
        files = system.get_file_info(fs.FileSelector(path, recursive=True))
    names = sorted(file.path for file in files if file.is_file and not file.base_name.startswith(("_", ".")))
    if not names or not all(name.endswith(".parquet") for name in names):
        reason = "there are no files" if not names else "of URLs, only Parquet files are read"
        raise ValueError(Errors.M744.format(engine="Ray", path=source, reason=reason))
    return [f"{scheme}://{name}" for name in names]


def _each(paths: list[str]) -> Dataset:
    """A dataset with a task for each file. (Ray's own readers list the files in a task that needs a processor.)"""
    found = ray.data.from_items([{"path": path} for path in paths], override_num_blocks=max(len(paths), 1))
    found.context.target_max_block_size = BLOCK_BYTES
    return found


def _read_rows(batch: pyarrow.Table, schema: pyarrow.Schema, options: Options) -> Iterator[pyarrow.Table]:
    (path,) = batch["path"].to_pylist()
    is_empty = True
    for partition in open_input(path, text=options.text, size=options.rows).partitions():
        is_empty = False
        yield as_table(partition.rows, schema, options)
    if is_empty:
        yield as_table([], schema, options)


def _count_rows(row: dict[str, str], options: Options) -> dict[str, int]:
    source = open_input(row["path"], text=options.text, size=options.rows)
    for _ in source.partitions(EVERY):
        pass
    return {"rows": source.rows}


def _read_parquet(batch: pyarrow.Table, schema: pyarrow.Schema, options: Options) -> Iterator[pyarrow.Table]:
    system, path = _system(batch["path"].to_pylist()[0])
    with system.open_input_file(path) as file:
        opened = parquet.ParquetFile(file)
        yield schema.empty_table()
        for rows in opened.iter_batches(batch_size=options.rows, columns=schema.names):
            yield pyarrow.Table.from_batches([rows]).select(schema.names).cast(schema)


def _count_parquet(row: dict[str, str], options: Options) -> dict[str, int]:
    system, path = _system(row["path"])
    with system.open_input_file(path) as file:
        return {"rows": parquet.ParquetFile(file).metadata.num_rows}


def _count_output(path: str, options: Options) -> Annotated:
    system, folder = _system(path)
    files = system.get_file_info(fs.FileSelector(folder, allow_not_found=True))
    paths = [file.path for file in files if file.is_file and not file.base_name.startswith(("_", "."))]
    if not paths:
        return Annotated(0, 0)
    counts = _each(paths).map(_count_file, fn_kwargs={"system": system, "options": options}, **NO_CPUS)
    found = list(counts.iter_rows())
    return Annotated(sum(row["rows"] for row in found), sum(row["errors"] for row in found))


def _count_file(row: dict[str, str], system: fs.FileSystem, options: Options) -> dict[str, int]:
    rows = errors = 0
    if options.form == "parquet":
        with system.open_input_file(row["path"]) as file:
            for batch in parquet.ParquetFile(file).iter_batches(columns=[f"{options.prefix}{ERROR}"]):
                rows += batch.num_rows
                errors += batch.num_rows - batch.column(0).null_count
        return {"rows": rows, "errors": errors}
    with system.open_input_stream(row["path"], compression=COMPRESSION[options.form]) as file:
        right = f"{without_error(options)}\n".encode()
        for line in BufferedReader(file):
            rows += 1
            errors += not line.endswith(right)
    return {"rows": rows, "errors": errors}


def _system(path: str) -> tuple[fs.FileSystem, str]:
    return fs.FileSystem.from_uri(path if is_url(path) else str(Path(path).resolve()))
