"""Rows of Parquet and Arrow, one batch after another, so that the file may be larger than the memory.

Arrow files are read in both forms: the IPC file format, and the stream that the library `datasets` writes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Errors
from .json_values import InvalidJSON, parse_json
from .reading import Location
from .record import CorpusError
from .table_csv import Row, check_names, parse_cell
from .table_features import has_names, with_names

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET, ARROW_FILE, ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
END_OF_STREAM = ARROW_STREAM + b"\0\0\0\0"
METADATA = b"huggingface"
BATCH = 1000  # rows
KINDS = {".parquet": "Parquet", ".arrow": "Arrow"}


def binary_kind(path: Path) -> str:
    """RETURNS (str): "Parquet" or "Arrow" by the content of a file, or else by its name; "" for other files."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        start = file.read(len(ARROW_FILE))
    if start.startswith(PARQUET):
        return "Parquet"
    if start.startswith((ARROW_FILE, ARROW_STREAM)):
        return "Arrow"
    return KINDS.get(path.suffix, "")


def lacks_end(path: Path) -> bool:
    """RETURNS (bool): Whether a file is an Arrow stream that does not say where it ends: it may have been cut off."""
    if binary_kind(path) != "Arrow" or _starts_with(path, ARROW_FILE):
        return False
    with path.open("rb") as file:
        file.seek(-min(len(END_OF_STREAM), path.stat().st_size), SEEK_END)
        return file.read() != END_OF_STREAM


def arrow_rows(path: Path, features: Mapping[str, Any]) -> Iterator[Row]:
    """Read a file in Parquet or Arrow.

    path (Path): The file.
    features (Mapping[str, Any]): The features of its columns, if the file itself contains none.
    YIELDS (Row): Where each row was read, and its values. Numbers of classes are replaced by their names.
    RAISES (CorpusError): If the file is malformed.
    RAISES (ValueError): If `pyarrow` is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise ValueError(Errors.M223.format(path=path)) from None
    number = 0
    named: dict[str, Any] | None = None
    for names, batch in _batches(path):
        if named is None:
            check_names(names, Location(path, name="columns"))
            given = _features(batch.schema, path) or features
            named = {column: feature for column, feature in given.items() if has_names(feature)}
        for location, item in _items(batch, path, number):
            yield location, _row(item, named, location)
        number += batch.num_rows


def _batches(path: Path) -> Iterator[tuple[list[str], "pa.RecordBatch"]]:
    """The names of the columns, and a part of the rows."""
    from pyarrow import ArrowException

    kind = binary_kind(path)
    number = 0
    try:
        with _opened(path, kind) as batches:
            for batch in batches:
                # Without this, wrong offsets would crash the process.
                batch.validate(full=True)
                for start in range(0, batch.num_rows, BATCH):
                    yield batch.schema.names, batch.slice(start, BATCH)
                number += batch.num_rows
    except (ArrowException, OSError, ValueError) as err:
        after = f" after row {number}" if number else ""
        raise CorpusError(
            path, 0, f"invalid {kind}{after}: {err}. Perhaps the file is damaged or was cut off"
        ) from None


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[Iterator["pa.RecordBatch"]]:
    import pyarrow as pa

    if kind == "Parquet":
        from pyarrow import parquet

        with parquet.ParquetFile(path, memory_map=True) as file:
            yield file.iter_batches(batch_size=BATCH)
        return
    with pa.memory_map(str(path)) as source:
        if _starts_with(path, ARROW_FILE):
            reader = pa.ipc.open_file(source)
            yield (reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            yield _stream(source)


def _stream(source: "pa.MemoryMappedFile") -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa

    yield from pa.ipc.open_stream(source)
    if source.tell() < source.size():
        raise ValueError("the stream ends before the file")


def _starts_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _features(schema: "pa.Schema", path: Path) -> dict[str, Any]:
    """The features of the columns in the metadata of a schema."""
    content = (schema.metadata or {}).get(METADATA)
    if content is None:
        return {}
    try:
        metadata = parse_json(content.decode("utf8"))
        features = metadata["info"]["features"]
    except (InvalidJSON, UnicodeDecodeError, KeyError, TypeError):
        return {}
    if not isinstance(features, dict):
        raise CorpusError(path, 0, "the features in the metadata are not a JSON object")
    return features


def _items(batch: "pa.RecordBatch", path: Path, number: int) -> Iterator[tuple[Location, dict[str, Any]]]:
    """The values of each row; those before the batch are `number`."""
    places = [Location(path, name=f"row {number + i}") for i in range(1, batch.num_rows + 1)]
    try:
        yield from zip(places, batch.to_pylist())
        return
    except (ValueError, OverflowError):
        pass
    for i, location in enumerate(places):
        try:
            batch.slice(i, 1).to_pylist()
        except (ValueError, OverflowError) as err:
            raise location.error(f"the row cannot be read: {err}") from None


def _row(item: dict[str, Any], features: dict[str, Any], location: Location) -> dict[str, Any]:
    row = {name: _plain(value, name, location) for name, value in item.items()}
    for name, feature in features.items():
        if name in row:
            row[name] = with_names(row[name], feature, name, location)
    if isinstance(row.get("meta"), str):
        row["meta"] = parse_cell(row["meta"], "meta", location)
    cats = item.get("cats")
    if isinstance(cats, list) and cats and all(isinstance(pair, tuple) for pair in cats):  # a map
        row["cats"] = dict(row["cats"])
        if len(row["cats"]) < len(cats):
            raise location.error("'cats' contains a label twice")
    return row


def _plain(value: Any, name: str, location: Location) -> Any:
    """A value of JSON: dates and the like become strings, bytes too; what is not a number is null."""
    if isinstance(value, dict):
        return {str(key): _plain(inner, name, location) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, name, location) for inner in value]
    if isinstance(value, bytes):
        try:
            return value.decode("utf8")
        except UnicodeDecodeError as err:
            raise location.error(
                f"the column '{name}' contains bytes that are not UTF-8 (byte {err.start}): convert it to strings, or "
                "leave it out"
            ) from None
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
