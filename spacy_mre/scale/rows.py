"""Rows of an input, and the partitions that they are read in."""

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any, NamedTuple

# Of the rows of one partition.
MAX_BYTES = 2**26


class Row(NamedTuple):
    """One text with its other columns.

    number (int): Its number, counted from 1 over all files of the input.
    place (str): Where it was read, for messages: "texts.jsonl, line 12" or "texts.parquet, row 12".
    values (dict[str, Any]): Its columns. If it could not be read: those that could, perhaps none.
    fault (str): Why it could not be read; empty if it was.
    """

    number: int
    place: str
    values: dict[str, Any]
    fault: str = ""


class Partition(NamedTuple):
    """Rows that are annotated and written together.

    number (int): Its number, counted from 0.
    rows (list[Row]): Its rows. Only the one partition of an empty input has none.
    position (int): How much of the input has been read, in the unit of `Input.total`.
    """

    number: int
    rows: list[Row]
    position: int


class RawRow(NamedTuple):
    """A row that was found in a file, but not parsed.

    unit (str): The file, and what its rows are counted in: "texts.jsonl, line".
    line (int): The number in this unit.
    size (int): Its bytes.
    data (Any): What is parsed.
    fault (str): Why it cannot be parsed; empty if it can.
    """

    unit: str
    line: int
    size: int
    data: Any
    fault: str = ""


class Unreadable(Exception):
    """Why a row cannot be read, as its fault."""


def divide(
    found: Iterable[RawRow],
    parse: Callable[[Any], dict[str, Any]],
    position: Callable[[], int],
    *,
    size: int,
    done: Container[int] = (),
) -> Iterator[Partition]:
    """Divide rows into partitions. Where a partition ends depends only on the number of its rows and on their bytes.

    found (Iterable[RawRow]): The rows.
    parse (Callable[[Any], dict[str, Any]]): Makes the columns of a row from its data, or raises `Unreadable`.
    position (Callable[[], int]): How much of the input has been read.
    size (int): Rows per partition. One with more than `MAX_BYTES` ends earlier.
    done (Container[int]): Partitions to pass over. Their rows are not parsed.
    YIELDS (Partition): The others, in order. Each is yielded when the next one begins, so the last one comes at the
        end of the input.
    """
    number = count = n_bytes = 0
    rows: list[Row] = []
    wanted = number not in done
    for row_number, raw in enumerate(found, start=1):
        if count == size or n_bytes > MAX_BYTES:
            if wanted:
                yield Partition(number, rows, position())
            number, count, n_bytes, rows = number + 1, 0, 0, []
            wanted = number not in done
        count += 1
        n_bytes += raw.size
        if wanted:
            rows.append(_read(raw, row_number, parse))
    if rows:
        yield Partition(number, rows, position())


def _read(raw: RawRow, number: int, parse: Callable[[Any], dict[str, Any]]) -> Row:
    place = f"{raw.unit} {raw.line}"
    if raw.fault:
        return Row(number, place, {}, raw.fault)
    try:
        return Row(number, place, parse(raw.data))
    except Unreadable as err:
        return Row(number, place, {}, str(err))
