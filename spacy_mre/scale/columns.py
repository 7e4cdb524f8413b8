"""The columns of a parquet output."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pyarrow
from pyarrow import ArrowException

from ..errors import Errors
from .options import Options
from .rows import Row
from .tables import annotated_schema


def output_schema(found: pyarrow.Schema | None, rows: Sequence[Row], options: Options) -> pyarrow.Schema:
    """The columns of the output: those of the input that are kept, and those of the analysis.

    found (Optional[Schema]): The columns of a parquet input. None for the others, whose columns get the types of their
        values in the first part.
    rows (Sequence[Row]): The first part.
    options (Options): The settings.
    RETURNS (Schema): The columns.
    RAISES (ValueError): If values of a column have several types, or a column is missing or exists already.
    """
    check_kept(names_of(rows) if found is None else found.names, options)
    schema = infer_schema(rows, options) if found is None else found
    if options.keep is not None:
        kept = [field for field in schema if field.name == options.text or field.name in options.keep]
        schema = pyarrow.schema(kept, metadata=schema.metadata)
    for field in schema:  # Python's times have microseconds
        if pyarrow.types.is_time64(field.type) and field.type.unit == "ns":
            raise ValueError(Errors.M736.format(name=field.name))
    return annotated_schema(schema, text=options.text, select=options.select, prefix=options.prefix)


def names_of(rows: Iterable[Row]) -> list[str]:
    """RETURNS (list[str]): The columns that rows have."""
    return list(dict.fromkeys(name for row in rows for name in row.values))


def check_kept(names: Collection[str], options: Options) -> None:
    """Check that there are columns to keep.

    names (Collection[str]): The columns of the input; none if it is empty.
    options (Options): The settings.
    RAISES (ValueError): If one of them is missing.
    """
    missing = [name for name in options.keep or () if names and name not in names]
    if missing:
        raise ValueError(Errors.M732.format(names=", ".join(missing), known=", ".join(names)))


def infer_schema(rows: Iterable[Row], options: Options) -> pyarrow.Schema:
    """The types of the columns that are kept. The texts are strings.

    rows (Iterable[Row]): Rows with Python values.
    options (Options): The settings.
    RETURNS (Schema): A type for each column, in the order in which they are met. Values that are always null or empty
        are strings.
    RAISES (ValueError): If the values of a column have several types.
    """
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.values.items():
            if options.keep is None or name in (options.text, *options.keep):
                values.setdefault(name, []).append(value)
    values.setdefault(options.text, [])
    return pyarrow.schema([_field(name, [] if name == options.text else found) for name, found in values.items()])


def _field(name: str, values: list[Any]) -> pyarrow.Field:
    try:
        field = pyarrow.field(name, _settled(_type_of(values)))
        # What a parquet file cannot have, because it is too deep for example, fails here.
        return pyarrow.ipc.read_schema(pyarrow.schema([field]).serialize()).field(0)
    except (ArrowException, UnicodeError, OverflowError, OSError) as err:
        reason = " ".join(str(err).split())
        raise ValueError(Errors.M728.format(name=ascii(name)[1:-1], reason=reason)) from None


def _type_of(values: list[Any]) -> pyarrow.DataType:
    try:
        return pyarrow.array(values).type
    except UnicodeError:  # half of a surrogate pair: a fault of its row
        return _type_of([value for value in values if _is_encodable(value)])


def _is_encodable(value: Any) -> bool:
    try:
        pyarrow.scalar(value)
    except UnicodeError:
        return False
    except ArrowException:  # told for the whole column
        return True
    return True


def _settled(found: pyarrow.DataType) -> pyarrow.DataType:
    """A type with strings where nothing is known."""
    if pyarrow.types.is_null(found):
        return pyarrow.string()
    if pyarrow.types.is_list(found):
        return pyarrow.list_(_settled(found.value_type))
    if pyarrow.types.is_struct(found) and not found.num_fields:
        raise pyarrow.ArrowInvalid("it has objects without keys only")
    if pyarrow.types.is_struct(found):
        return pyarrow.struct([(field.name, _settled(field.type)) for field in found])
    return found
