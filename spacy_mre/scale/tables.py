"""Annotation of Arrow tables: the function that every engine calls, and the types of the columns that it adds."""

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow
from spacy.language import Language

from ..errors import Errors
from ..evaluation.pipeline_settings import get_spans_key
from .analysis import LEVELS, check_levels, make_reader
from .texts import BATCH_TOKENS, Fault, read_texts

ERROR = "error"
_OFFSET, _LABEL, _SCORE = pyarrow.int32(), pyarrow.string(), pyarrow.float32()
TYPES: dict[str, pyarrow.DataType] = {
    "entities": pyarrow.list_(
        pyarrow.struct(
            [("start", _OFFSET), ("end", _OFFSET), ("label", _LABEL), ("text", pyarrow.string()), ("score", _SCORE)]
        )
    ),
    "relations": pyarrow.list_(
        pyarrow.struct([("head", _OFFSET), ("tail", _OFFSET), ("label", _LABEL), ("score", _SCORE)])
    ),
    "cats": pyarrow.list_(pyarrow.struct([("label", _LABEL), ("score", _SCORE)])),
}


def annotate_batch(
    table: pyarrow.Table,
    nlp: Language,
    *,
    text: str = "text",
    select: Collection[str] = LEVELS,
    prefix: str = "",
    batch_tokens: int = BATCH_TOKENS,
) -> pyarrow.Table:
    """Annotate the texts of a table.

    table (pyarrow.Table): Any columns, one of them with texts.
    nlp (Language): The pipeline.
    text (str): The column of the texts. Default: "text".
    select (Collection[str]): Which of "entities", "relations" and "cats" to add. Default: all.
    prefix (str): Put before the names of the new columns. Default: none.
    batch_tokens (int): See `read_texts`. Default: 10,000.
    RETURNS (pyarrow.Table): The same rows and columns, in the same order, and the new columns, whose types are `TYPES`;
        null where the pipeline does not set a level. Last comes the column "error": why a text could not be analysed,
        null for all others.
    RAISES (ValueError): If the column of texts is missing or has no strings, or a new column is there already.

    >>> import spacy
    >>> table = pyarrow.table({"id": [7], "text": ["Ida lives in Lima."]})
    >>> annotate_batch(table, spacy.blank("en")).column_names
    ['id', 'text', 'entities', 'relations', 'cats', 'error']
    """
    schema = annotated_schema(table.schema, text=text, select=select, prefix=prefix, errors=True)
    reader = make_reader(get_spans_key(nlp), select)
    found = list(read_texts(nlp, _texts(table, text), reader, batch_tokens=batch_tokens))
    columns = list(table.columns)
    for level in (level for level in LEVELS if level in select):
        values = [None if isinstance(one, Fault) else one[level] for one in found]
        columns.append(pyarrow.array(as_arrow(level, values), TYPES[level]))
    columns.append(pyarrow.array([one.reason if isinstance(one, Fault) else None for one in found], pyarrow.string()))
    return pyarrow.Table.from_arrays(columns, schema=schema)


def annotated_schema(
    schema: pyarrow.Schema, *, text: str, select: Collection[str] = LEVELS, prefix: str = "", errors: bool = False
) -> pyarrow.Schema:
    """The schema of annotated texts.

    schema (pyarrow.Schema): That of the texts.
    text (str): The column of the texts.
    select (Collection[str]): Which of "entities", "relations" and "cats" are added. Default: all.
    prefix (str): Put before the names of the new columns. Default: none.
    errors (bool): Also add the column of errors. Default: False.
    RETURNS (pyarrow.Schema): The columns of the texts, and the new ones.
    RAISES (ValueError): If the column of texts is missing or has no strings, a new column is there already, or a level
        is unknown.
    """
    check_levels(select)
    if text not in schema.names:
        raise ValueError(Errors.M721.format(name=text, known=", ".join(schema.names)))
    if not _is_text(schema.field(text).type):
        raise ValueError(Errors.M722.format(name=text, type=schema.field(text).type))
    new = [(f"{prefix}{level}", TYPES[level]) for level in LEVELS if level in select]
    new += [(f"{prefix}{ERROR}", pyarrow.string())] if errors else []
    check_new(schema.names, [name for name, _ in new])
    for name, column_type in new:
        schema = schema.append(pyarrow.field(name, column_type))
    return schema


def check_new(names: Collection[str], new: Sequence[str]) -> None:
    """Check that columns do not exist yet.

    names (Collection[str]): The columns that there are.
    new (Sequence[str]): The columns to add.
    RAISES (ValueError): If one of them exists.
    """
    taken = [name for name in new if name in names]
    if taken:
        raise ValueError(Errors.M723.format(names=", ".join(taken)))


def as_arrow(level: str, values: list[Any]) -> list[Any]:
    """Convert a column of `read_analysis` to what its Arrow type is made from.

    level (str): "entities", "relations" or "cats".
    values (list[Any]): A value for each text.
    RETURNS (list[Any]): The same; text labels, a dict of scores, become a list of structs.
    """
    if level != "cats":
        return values
    return [None if of is None else [{"label": label, "score": of[label]} for label in of] for of in values]


def from_arrow(level: str, value: Any) -> Any:
    """Convert a value back, as `read_analysis` has it.

    level (str): "entities", "relations" or "cats".
    value (Any): A value of its column, as a Python object.
    RETURNS (Any): The same; a list of structs of text labels becomes a dict of scores.
    """
    return value if level != "cats" or value is None else {one["label"]: one["score"] for one in value}


def _is_text(column_type: pyarrow.DataType) -> bool:
    if pyarrow.types.is_dictionary(column_type):
        column_type = column_type.value_type
    return any(
        check(column_type)
        for check in (
            pyarrow.types.is_string,
            pyarrow.types.is_large_string,
            pyarrow.types.is_string_view,
            pyarrow.types.is_null,
        )
    )


def _texts(table: pyarrow.Table, text: str) -> list[Any]:
    column = table[text]
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        # Arrow does not check what it reads from files. Bytes that are not UTF-8 are no text: a fault of this row.
        return [_decoded(value) for value in column.cast(pyarrow.large_binary()).to_pylist()]


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode("utf8")
    except UnicodeDecodeError:
        return value
