"""Rows of Parquet files. Partitions are cut by what the files say about their row groups, so that those which are not
needed need not be read.
"""

from collections.abc import Container, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Errors
from . import rows
from .input_files import InputFile
from .rows import Partition, Row

if TYPE_CHECKING:
    import pyarrow

BUFFER = 2**20
# Of rows that are decoded at once.
BATCH_ROWS, BATCH_BYTES = 1024, 2**24


class Group(NamedTuple):
    """A row group of a file.

    file (InputFile): The file.
    place (int): Its index in the file.
    first (int): How many rows are before it in the file.
    before (int): How many rows are before it in the input.
    n_rows (int): Its rows.
    n_bytes (int): Their bytes, not compressed.
    """

    file: InputFile
    place: int
    first: int
    before: int
    n_rows: int
    n_bytes: int

    @property
    def row_bytes(self) -> int:
        """The bytes of a row, on the average."""
        return max(1, self.n_bytes // max(1, self.n_rows))


class Piece(NamedTuple):
    """The rows of a partition that are in one row group.

    partition (int): The number of the partition.
    group (Group): The row group.
    start (int): The first of the rows, counted from 0 in the group.
    stop (int): Where they end.
    """

    partition: int
    group: Group
    start: int
    stop: int


def open_parquet(files: list[InputFile]) -> tuple["pyarrow.Schema", list[Group]]:
    """Read what Parquet files say about themselves.

    files (list[InputFile]): The files.
    RETURNS (tuple[pyarrow.Schema, list[Group]]): Their schema and all their row groups.
    RAISES (ValueError): If a file is damaged, if two columns have the same name, or if the schemas are not the same.
    """
    schema: pyarrow.Schema = None
    groups: list[Group] = []
    before = 0
    for file in files:
        found, sizes = _describe(file)
        first = 0
        for i, (n_rows, n_bytes) in enumerate(sizes):
            groups.append(Group(file, i, first, before + first, n_rows, n_bytes))
            first += n_rows
        before += first
        if schema is None:
            schema = found
            repeated = next((name for name in found.names if found.names.count(name) > 1), None)
            if repeated is not None:
                raise ValueError(Errors.M706.format(path=file.path, reason=f"two columns have the name '{repeated}'"))
        elif not found.equals(schema):
            difference = _difference(schema, found)
            raise ValueError(Errors.M707.format(path=file.path, first=files[0].name, difference=difference))
    return schema, groups


def read_partitions(groups: list[Group], size: int, done: Container[int] = ()) -> Iterator[Partition]:
    """Read the rows of Parquet files.

    groups (list[Group]): Their row groups.
    size (int): Rows per partition. One with more than `rows.MAX_BYTES` ends earlier; the bytes of its rows are
        estimated from the size of the row group.
    done (Container[int]): Partitions to pass over. A row group that has no rows of others is not read.
    YIELDS (Partition): The others, in order.
    RAISES (ValueError): If a file is damaged.
    """
    for number, parts in groupby(_read_groups(groups, size, done), key=lambda part: part[0]):
        found = [row for _, part in parts for row in part]
        yield Partition(number, found, found[-1].number)


def cut(groups: Iterable[Group], size: int) -> Iterator[Piece]:
    """Cut row groups into the pieces of partitions.

    groups (Iterable[Group]): The row groups.
    size (int): Rows per partition.
    YIELDS (Piece): The pieces, in order.
    """
    number = count = n_bytes = 0
    for group in groups:
        start = 0
        while start < group.n_rows:
            if count == size or n_bytes > rows.MAX_BYTES:
                number, count, n_bytes = number + 1, 0, 0
            fitting = (rows.MAX_BYTES - n_bytes) // group.row_bytes + 1
            stop = min(group.n_rows, start + size - count, start + fitting)
            yield Piece(number, group, start, stop)
            count += stop - start
            n_bytes += (stop - start) * group.row_bytes
            start = stop


def _read_groups(groups: list[Group], size: int, done: Container[int]) -> Iterator[tuple[int, list[Row]]]:
    """The numbers of partitions, and some of their rows."""
    for group, pieces in groupby(cut(groups, size), key=lambda piece: piece.group):
        wanted = [piece for piece in pieces if piece.partition not in done]
        if wanted:
            yield from _read_group(group, wanted)


def _read_group(group: Group, pieces: list[Piece]) -> Iterator[tuple[int, list[Row]]]:
    position = 0
    for batch in _batches(group):
        end = position + batch.num_rows
        for piece in pieces:
            start, stop = max(position, piece.start), min(end, piece.stop)
            if start < stop:
                yield piece.partition, list(_rows(batch.slice(start - position, stop - start), group, start))
        position = end
        if position >= pieces[-1].stop:
            return


def _batches(group: Group) -> Iterator["pyarrow.RecordBatch"]:
    from pyarrow import ArrowException

    batch_size = max(1, min(BATCH_ROWS, BATCH_BYTES // group.row_bytes))
    reached = group.first
    with _opened(group.file) as parquet:
        try:
            batches = parquet.iter_batches(batch_size, row_groups=[group.place], use_threads=False)
            while (batch := next(batches, None)) is not None:
                yield batch
                reached += batch.num_rows
        except (ArrowException, OSError) as err:
            raise _broken(group.file, f"row {reached}", err) from None
        if reached != group.first + group.n_rows:
            raise _broken(group.file, f"row {reached}", f"its row group should have {group.n_rows} rows")


def _describe(file: InputFile) -> tuple["pyarrow.Schema", list[tuple[int, int]]]:
    """The schema of a file, and the rows and bytes of its row groups."""
    with _opened(file) as parquet:
        groups = [parquet.metadata.row_group(i) for i in range(parquet.metadata.num_row_groups)]
        return parquet.schema_arrow, [(group.num_rows, group.total_byte_size) for group in groups]


def _opened(file: InputFile) -> Any:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        # Without `buffer_size`, whole columns of a row group would be read at once.
        return ParquetFile(file.path, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True)
    except UnicodeDecodeError:
        raise _broken(file, "the beginning", "the name of a column is not UTF-8") from None
    except (ArrowException, OSError) as err:
        raise _broken(file, "the beginning", err) from None


def _rows(batch: "pyarrow.RecordBatch", group: Group, start: int) -> Iterator[Row]:
    """The rows of a part of a row group, which begins at `start`."""
    for i, (values, fault) in enumerate(_values(batch), start=start + 1):
        yield Row(group.before + i, f"{group.file.name}, row {group.first + i}", values, fault)


def _values(batch: "pyarrow.RecordBatch") -> list[tuple[dict[str, Any], str]]:
    """The values of each row, and why it cannot be read."""
    try:
        return [(values, "") for values in batch.to_pylist()]
    except (ValueError, OverflowError):
        if batch.num_rows > 1:
            half = batch.num_rows // 2
            return _values(batch.slice(0, half)) + _values(batch.slice(half))
    values: dict[str, Any] = {}
    fault = ""
    for name, column in zip(batch.schema.names, batch.columns):
        try:
            values[name] = column.to_pylist()[0]
        except UnicodeDecodeError as err:
            fault = fault or f"byte {err.start + 1} of the column '{name}' is not UTF-8"
        except (ValueError, OverflowError) as err:
            fault = fault or f"the column '{name}' cannot be read: {err}"
    return [(values, fault)]


def _difference(expected: "pyarrow.Schema", found: "pyarrow.Schema") -> str:
    for name in expected.names:
        if name not in found.names:
            return f"it has no column '{name}'"
    for field in found:
        if field.name not in expected.names:
            return f"it has a column '{field.name}'"
        if not field.equals(expected.field(field.name)):
            return f"it has '{_name(field)}', not '{_name(expected.field(field.name))}'"
    return f"its columns are in the order {', '.join(found.names)}"


def _name(field: "pyarrow.Field") -> str:
    return f"{field.name}: {field.type}{'' if field.nullable else ' not null'}"


def _broken(file: InputFile, reached: str, reason: Exception | str) -> ValueError:
    return ValueError(Errors.M708.format(path=file.path, reached=reached, reason=reason))
