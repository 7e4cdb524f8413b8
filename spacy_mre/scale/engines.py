"""What the engines for clusters have in common. They write their own files, so every row stays: one without an analysis
has the reason in the column "error".
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow
from pyarrow import ArrowException, compute
from spacy.language import Language
from spacy.util import is_package

from ..errors import Errors
from ..files import check_can_write
from .columns import output_schema
from .forms import as_json, has_type, is_same, rounded
from .inputs import STANDARD_INPUT
from .options import Options
from .pipelines import load_pipeline
from .rows import Row
from .tables import ERROR, annotate_batch, annotated_schema, from_arrow
from .texts import find_fault

# The column of a table of JSON lines, and of the faults that rows have before their texts are read.
LINE, FAULT = "value", "_spacy_mre_fault"


class Annotated(NamedTuple):
    """What an engine has written.

    rows (int): All rows.
    errors (int): Rows among these with an error: without an analysis, or without a value that does not fit its column.
    """

    rows: int
    errors: int


def check_engine(engine: str, source: str, output: str, options: Options, forms: Sequence[str]) -> None:
    """Check what an engine is asked to do, before it starts.

    engine (str): Its name, for messages.
    source (str): The input.
    output (str): The folder to write.
    options (Options): The settings.
    forms (Sequence[str]): The forms of output that the engine writes.
    RAISES (ValueError): If the input or the output is a standard stream, the engine does not write the form, or the
        output is not a new or empty folder.
    """
    if STANDARD_INPUT in (source, output):
        raise ValueError(Errors.M740.format(engine=engine))
    if options.form not in forms:
        raise ValueError(Errors.M741.format(engine=engine, form=options.form, forms=", ".join(forms)))
    if is_url(output):
        return
    check_can_write(output, folder=True)
    if Path(output).exists() and any(Path(output).iterdir()):
        raise ValueError(Errors.M742.format(path=output, engine=engine))


def find_model(name: str) -> str:
    """Find a pipeline, before machines start to load it.

    name (str): A package or a folder. A package comes first, as in `spacy.load`.
    RETURNS (str): The package, or the whole path of the folder: other processes have other working directories.
    RAISES (OSError): If there is none.
    """
    if is_package(name):
        return name
    if not Path(name).exists():
        load_pipeline(name)  # raises spaCy's error
    return str(Path(name).resolve())


def check_counts(output: str, before: int, found: Annotated) -> Annotated:
    """Check that no row was lost.

    output (str): The folder that was written.
    before (int): The rows of the input.
    found (Annotated): The rows of the output.
    RETURNS (Annotated): The same.
    RAISES (ValueError): If the output has more or fewer rows than the input.
    """
    if before != found.rows:
        raise ValueError(Errors.M743.format(path=output, rows=before, written=found.rows))
    return found


def is_url(path: str) -> bool:
    """RETURNS (bool): Whether a path is the address of a storage, like s3://texts, which the engine has to open."""
    return "://" in path


def kept_schema(found: pyarrow.Schema | None, rows: Sequence[Row], options: Options) -> pyarrow.Schema:
    """The columns of the input that the output has, too.

    found (Optional[Schema]): The columns of the input; None if they are to be found in rows.
    rows (Sequence[Row]): The first rows.
    options (Options): The settings.
    RETURNS (Schema): The columns.
    RAISES (ValueError): If values of a column have several types, or a column is missing or exists already.
    """
    new = options.columns().values()
    schema = pyarrow.schema([field for field in output_schema(found, rows, options) if field.name not in new])
    annotated_schema(schema, text=options.text, select=options.select, prefix=options.prefix, errors=True)
    return schema


def as_table(rows: Sequence[Row], schema: pyarrow.Schema, options: Options) -> pyarrow.Table:
    """Make a table of rows. What does not fit into it becomes a fault, which `annotate_table` reports.

    rows (Sequence[Row]): The rows.
    schema (Schema): From `kept_schema`.
    options (Options): The settings.
    RETURNS (pyarrow.Table): The columns, and one of faults.
    """
    faults = [row.fault or _find_unknown(row, schema, options) for row in rows]
    columns = [_as_column(rows, field, faults, options.text) for field in schema]
    told = [f"{row.place}: {fault}" if fault else None for row, fault in zip(rows, faults)]
    columns.append(pyarrow.array(told, pyarrow.string()))
    return pyarrow.Table.from_arrays(columns, schema=schema.append(pyarrow.field(FAULT, pyarrow.string())))


def annotate_table(table: pyarrow.Table, nlp: Language, options: Options) -> pyarrow.Table:
    """Annotate a table as a whole run does.

    table (pyarrow.Table): Of the input, or from `as_table`.
    nlp (Language): The pipeline.
    options (Options): The settings.
    RETURNS (pyarrow.Table): The columns that are kept, and the new ones; for forms of JSON lines, only the lines.
    """
    faults = table[FAULT] if FAULT in table.column_names else None
    names = [name for name in table.column_names if name != FAULT]
    if options.keep is not None:
        names = [name for name in names if name == options.text or name in options.keep]
    found = annotate_batch(
        table.select(names),
        nlp,
        text=options.text,
        select=options.select,
        prefix=options.prefix,
        batch_tokens=options.batch_tokens,
    )
    if faults is not None:  # they say more than that the text is missing
        last = found.num_columns - 1
        found = found.set_column(last, found.schema.field(last), compute.coalesce(faults, found[last]))
    return found if options.form == "parquet" else pyarrow.table({LINE: as_lines(found, options)})


def as_lines(table: pyarrow.Table, options: Options) -> pyarrow.Array:
    """Write rows as JSON lines. The last of their values is the error.

    table (pyarrow.Table): From `annotate_batch`.
    options (Options): The settings.
    RETURNS (pyarrow.Array): A string for each row.
    """
    lines = []
    for row in _read_rows(table):
        for level, name in options.columns().items():
            row[name] = rounded(level, from_arrow(level, row[name]))
        try:
            lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False, default=as_json))
        except (TypeError, ValueError) as err:
            # Only columns of the input can have what is no JSON.
            row = {name: _or_null(value) for name, value in row.items()}
            row[f"{options.prefix}{ERROR}"] = f"columns that cannot be written as JSON are null: {err}"
            lines.append(json.dumps(row, ensure_ascii=False, default=as_json))
    return pyarrow.array(lines, pyarrow.large_string())


def without_error(options: Options) -> str:
    """RETURNS (str): How a line of `as_lines` ends that tells no error, and no other."""
    return f"{json.dumps(f'{options.prefix}{ERROR}', ensure_ascii=False)}: null}}"


def _find_unknown(row: Row, schema: pyarrow.Schema, options: Options) -> str:
    unknown = set() if options.keep is not None else row.values.keys() - set(schema.names)
    if not unknown:
        return ""
    return f"it has columns that the first rows lack, and which are left out: {', '.join(sorted(unknown))}"


def _as_column(rows: Sequence[Row], field: pyarrow.Field, faults: list[str], text: str) -> pyarrow.Array:
    values = [row.values.get(field.name) for row in rows]
    try:
        column = pyarrow.array(values, field.type)
        if all(map(is_same, values, column.to_pylist())):
            return column
    except (ArrowException, TypeError, ValueError, OverflowError):
        pass
    for place, value in enumerate(values):
        if not has_type(value, field.type):
            reason = find_fault(value, len(value) if isinstance(value, str) else 0) if field.name == text else ""
            reason = reason or f"its '{field.name}' is no {field.type} and is left out: {value!a:.60}"
            faults[place] = faults[place] or reason
            values[place] = None
    return pyarrow.array(values, field.type)


def _read_rows(table: pyarrow.Table) -> list[dict[str, Any]]:
    try:
        return table.to_pylist()
    except UnicodeDecodeError:  # Parquet files may have bytes that are not UTF-8; the error says so if it is the text
        for place, field in enumerate(table.schema):
            if pyarrow.types.is_string(field.type) or pyarrow.types.is_large_string(field.type):
                values = table[place].cast(pyarrow.large_binary()).to_pylist()
                texts = [None if value is None else value.decode(errors="replace") for value in values]
                table = table.set_column(place, field, pyarrow.array(texts, field.type))
        return table.to_pylist()


def _or_null(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False, default=as_json)
    except (TypeError, ValueError):
        return None
    return value
