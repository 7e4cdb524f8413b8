"""The columns of a parquet output."""

from collections.abc import Iterable
from typing import Any

import pyarrow
from pyarrow import ArrowException

from ..errors import Errors
from .options import Options
from .rows import Row
from .tables import annotated_schema


def output_schema(found: pyarrow.Schema | None, rows: Iterable[Row], options: Options) -> pyarrow.Schema:
    """The columns of the output: those of the input that are kept, and those of the analysis.

    found (Optional[Schema]): The columns of a parquet input. None for the others, whose columns get the types of their
        values in the first part.
    rows (Iterable[Row]): The first part.
    options (Options): The settings.
    RETURNS (Schema): The columns.
    RAISES (ValueError): If values of a column have several types, or a column is missing or exists already.
    """
    schema = infer_schema(rows) if found is None else found
    if options.text not in schema.names:  # no row has a text
        schema = schema.append(pyarrow.field(options.text, pyarrow.string()))
    if options.keep is not None:
        missing = [name for name in options.keep if name not in schema.names]
        if missing:
            raise ValueError(Errors.M732.format(names=", ".join(missing), known=", ".join(schema.names)))
        kept = [field for field in schema if field.name == options.text or field.name in options.keep]
        schema = pyarrow.schema(kept, metadata=schema.metadata)
    return annotated_schema(schema, text=options.text, select=options.select, prefix=options.prefix)


def infer_schema(rows: Iterable[Row]) -> pyarrow.Schema:
    """The types of columns.

    rows (Iterable[Row]): Rows with Python values.
    RETURNS (Schema): A type for each column, in the order in which they are met. Values that are always null or empty
        are strings.
    RAISES (ValueError): If the values of a column have several types.
    """
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.values.items():
            values.setdefault(name, []).append(value)
    return pyarrow.schema([(name, _settled(_type_of(name, of_column))) for name, of_column in values.items()])


def _type_of(name: str, values: list[Any]) -> pyarrow.DataType:
    try:
        return pyarrow.array(values).type
    except UnicodeError:  # half of a surrogate pair: a fault of its row
        return _type_of(name, [value for value in values if _is_encodable(value)])
    except ArrowException as err:
        raise ValueError(Errors.M728.format(name=name, reason=" ".join(str(err).split()))) from None


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
    if pyarrow.types.is_struct(found):
        return pyarrow.struct([(field.name, _settled(field.type)) for field in found])
    return found
