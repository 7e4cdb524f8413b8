"""The columns of a parquet output."""

import json
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow
from pyarrow import ArrowException

from ..errors import Errors, Warnings
from .options import Options
from .rows import Row
from .tables import annotated_schema

# Marks a column.
MIXED = {b"spacy_mre": b"values of several types"}
SCALARS = (str, int, float)


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
    return _annotated(infer_schema(rows, options) if found is None else found, options)


def _annotated(schema: pyarrow.Schema, options: Options) -> pyarrow.Schema:
    if options.keep is not None:
        kept = [field for field in schema if field.name == options.text or field.name in options.keep]
        schema = pyarrow.schema(kept, metadata=schema.metadata)
    for field in schema:  # Python's times have microseconds
        if pyarrow.types.is_time64(field.type) and field.type.unit == "ns":
            raise ValueError(Errors.M736.format(name=field.name))
    return annotated_schema(schema, text=options.text, select=options.select, prefix=options.prefix)


def schema_of_parts(parts: Iterable[Sequence[Row]], options: Options) -> pyarrow.Schema:
    """The columns of the output for an input without types, by all of its values: a float if some are integers, and a
    string if there are numbers, truth values and strings. A warning counts the latter.

    parts (Iterable[Sequence[Row]]): All rows, part by part; they are not kept.
    options (Options): The settings.
    RETURNS (Schema): The columns. Those with values of several types are marked, see `is_mixed`.
    RAISES (ValueError): If values of a column in the first part that has it have several types, and some are lists or
        objects; or if a column is missing or exists already. Later values that do not fit are faults of their rows.
    """
    known: dict[str, None] = {}
    fields: dict[str, pyarrow.Field] = {}
    others = Counter[str]()  # by column, the values that are no strings
    totals = Counter[str]()
    for rows in parts:
        known |= dict.fromkeys(names_of(rows))
        for name, values in _values(rows, options).items():
            found = [value for value in values if value is not None]
            others[name] += sum(not isinstance(value, str) for value in found)
            totals[name] += len(found)
            mixed = pyarrow.field(name, pyarrow.string(), metadata=MIXED)
            try:
                with _naming(name):
                    field = _checked(name, _type_of([] if name == options.text else values))
            except ValueError:
                if len(set(map(type, found))) > 1 and all(isinstance(value, SCALARS) for value in found):
                    field = mixed
                elif name in fields:
                    continue
                else:
                    raise
            fields[name] = _joined(fields.get(name, field), field, mixed)
    if not fields:  # there are no rows
        return output_schema(None, [], options)
    check_kept(known, options)
    settled = []
    for name, field in fields.items():
        if is_mixed(field):
            told = Warnings.W700.format(name=ascii(name)[1:-1], count=others[name], total=totals[name])
            warnings.warn(told, stacklevel=2)
        with _naming(name):
            settled.append(pyarrow.field(name, _settled(field.type), metadata=field.metadata))
    return _annotated(pyarrow.schema(settled), options)


def is_mixed(field: pyarrow.Field) -> bool:
    """RETURNS (bool): Whether a column has values of several types, which are written as strings.

    field (Field): The column.
    """
    return bool(field.metadata) and MIXED.items() <= field.metadata.items()


def as_string(value: Any) -> Any:
    """RETURNS (Any): A value for a column of several types: strings and null as they are, others in JSON.

    value (Any): The value.
    """
    return value if value is None or isinstance(value, str) else json.dumps(value)


def names_of(rows: Iterable[Row]) -> list[str]:
    """RETURNS (list[str]): The columns that rows have."""
    return list(dict.fromkeys(name for row in rows for name in row.values))


def telling_rows(parts: Iterable[Sequence[Row]], options: Options) -> list[Row]:
    """The rows that tell which columns an input has: those of the first part; and for those to keep that it lacks,
    those of the later parts up to one that has a value.

    parts (Iterable[Sequence[Row]]): All rows, part by part. They are read until no column is missing.
    options (Options): The settings.
    RETURNS (list[Row]): The rows. Later ones have the missing columns alone.

    >>> parts = [[Row(1, "a, line 1", {"text": "Ida"})], [Row(2, "a, line 2", {"text": "Tom", "n": 1})]]
    >>> [row.values for row in telling_rows(parts, Options("jsonl", keep=("n",)))]
    [{'text': 'Ida'}, {'n': 1}]
    """
    left = iter(parts)
    rows = list(next(left, ()))
    missing = set(options.keep or ()).difference(names_of(rows))
    while missing and (part := next(left, None)) is not None:
        values = [{name: value for name, value in row.values.items() if name in missing} for row in part]
        rows += [row._replace(values=found) for row, found in zip(part, values) if found]
        missing -= {name for found in values for name, value in found.items() if value is not None}
    return rows


def check_kept(names: Collection[str], options: Options) -> None:
    """Check that there are columns to keep.

    names (Collection[str]): The columns of the input; none if it is empty.
    options (Options): The settings.
    RAISES (ValueError): If one of them is missing.
    """
    if missing := missing_names(names, options):
        raise ValueError(Errors.M732.format(names=", ".join(missing), known=", ".join(names)))


def missing_names(names: Collection[str], options: Options) -> list[str]:
    """RETURNS (list[str]): The columns to keep that an input lacks.

    names (Collection[str]): The columns of the input; none if it is empty, which lacks nothing.
    options (Options): The settings.
    """
    return [name for name in options.keep or () if names and name not in names]


def infer_schema(rows: Iterable[Row], options: Options) -> pyarrow.Schema:
    """The types of the columns that are kept. The texts are strings.

    rows (Iterable[Row]): Rows with Python values.
    options (Options): The settings.
    RETURNS (Schema): A type for each column, in the order in which they are met. Values that are always null or empty
        are strings.
    RAISES (ValueError): If the values of a column have several types.
    """
    values = _values(rows, options)
    return pyarrow.schema([_field(name, [] if name == options.text else found) for name, found in values.items()])


def _values(rows: Iterable[Row], options: Options) -> dict[str, list[Any]]:
    """The values of the columns that are kept."""
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.values.items():
            if options.keep is None or name in (options.text, *options.keep):
                values.setdefault(name, []).append(value)
    values.setdefault(options.text, [])
    return values


def _joined(first: pyarrow.Field, second: pyarrow.Field, mixed: pyarrow.Field) -> pyarrow.Field:
    """A column that has the values of both; the first if there is none."""
    if is_mixed(first) or is_mixed(second):
        both = (first.type, second.type)
        return first if any(pyarrow.types.is_nested(one) for one in both) else mixed
    schemas = [pyarrow.schema([field]) for field in (first, second)]
    try:
        joined: pyarrow.Field = pyarrow.unify_schemas(schemas, promote_options="permissive").field(0)
    except ArrowException:
        is_nested = any(pyarrow.types.is_nested(field.type) for field in (first, second))
        return first if is_nested else mixed
    return joined


def _field(name: str, values: list[Any]) -> pyarrow.Field:
    with _naming(name):
        return _checked(name, _settled(_type_of(values)))


def _checked(name: str, found: pyarrow.DataType) -> pyarrow.Field:
    """What a parquet file cannot have, because it is too deep for example, fails here."""
    return pyarrow.ipc.read_schema(pyarrow.schema([pyarrow.field(name, found)]).serialize()).field(0)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Name the column in an error."""
    try:
        yield
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
