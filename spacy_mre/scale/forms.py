"""The forms of annotated rows: parquet, JSON lines and `.spacy`."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import srsly
from pyarrow import ArrowException, parquet
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ..annotations.storage import add_to_doc_bin
from ..evaluation.pipeline_settings import get_spans_key
from .analysis import make_reader
from .columns import as_string, is_mixed
from .options import Options
from .rows import Row
from .tables import as_arrow
from .texts import Fault, Result, read_texts

# Of each form of JSON lines.
COMPRESSION = {"jsonl": None, "jsonl.gz": "gzip", "jsonl.zst": "zstd"}
# Of scores in JSON.
DECIMALS = 6
ADVICE = "leave it out with --keep, or write JSON lines"
Reject = Callable[[Row, str], None]


def write_json(nlp: Language, rows: Sequence[Row], path: Path, options: Options, reject: Reject) -> int:
    """Annotate rows, and write them as JSON lines. `corpora.jsonl` reads them.

    nlp (Language): The pipeline.
    rows (Sequence[Row]): The rows.
    path (Path): The file to write.
    options (Options): The settings.
    reject (Reject): Is called with each row that is not written, and the reason.
    RETURNS (int): How many were written.
    """
    written = 0
    compression = COMPRESSION[options.form]
    with closing(pyarrow.output_stream(path, compression=compression)) as stream:
        for row, found in _analyse(nlp, rows, options, reject):
            values = _kept(row, options)
            new = {name: rounded(level, found[level]) for level, name in options.columns().items()}
            taken = [name for name in new if name in values]
            if taken:
                reject(row, f"it has {', '.join(taken)} already; choose other names with --prefix")
                continue
            try:
                line = json.dumps({**values, **new}, ensure_ascii=False, allow_nan=False, default=as_json)
                stream.write(f"{line}\n".encode())
            except (TypeError, ValueError) as err:
                reject(row, f"its columns cannot be written as JSON: {err}")
                continue
            written += 1
    if compression and not written:  # the stream writes nothing then, and a file of no bytes cannot be read
        path.write_bytes(pyarrow.Codec(compression).compress(b""))
    return written


def write_parquet(
    nlp: Language, rows: Sequence[Row], path: Path, options: Options, schema: pyarrow.Schema, reject: Reject
) -> int:
    """Annotate rows, and write them to a parquet file.

    nlp (Language): The pipeline.
    rows (Sequence[Row]): The rows.
    path (Path): The file to write.
    options (Options): The settings.
    schema (Schema): The columns of the file: those that are kept, and those of the analysis.
    reject (Reject): Is called with each row that is not written, and the reason.
    RETURNS (int): How many were written.
    """
    new = options.columns()
    kept = [field for field in schema if field.name not in new.values()]
    fitting = [row for row in rows if row.fault or _fits(row, kept, options, reject)]
    analysed = list(_analyse(nlp, fitting, options, reject))
    columns = []
    for field in kept:
        values = [row.values.get(field.name) for row, _ in analysed]
        columns.append(pyarrow.array(list(map(as_string, values)) if is_mixed(field) else values, field.type))
    for level, name in new.items():
        columns.append(pyarrow.array(as_arrow(level, [found[level] for _, found in analysed]), schema.field(name).type))
    parquet.write_table(pyarrow.Table.from_arrays(columns, schema=schema), path, compression="zstd")
    return len(analysed)


def write_spacy(nlp: Language, rows: Sequence[Row], path: Path, options: Options, reject: Reject) -> int:
    """Annotate rows, and write their documents to a `.spacy` file. `doc.user_data` gets their "id" and "group", and
    in "meta" the other columns.

    nlp (Language): The pipeline.
    rows (Sequence[Row]): The rows.
    path (Path): The file to write.
    options (Options): The settings.
    reject (Reject): Is called with each row that is not written, and the reason.
    RETURNS (int): How many were written.
    """
    doc_bin = DocBin(store_user_data=True)
    read = [row for row in rows if not _fault(row, options)]

    # The documents exist until the end of their batch only, so they are added while it is read.
    def add(index: int, doc: Doc) -> bool:
        doc.user_data.update(_as_user_data(_kept(read[index], options), options))
        # What cannot be written, of any component, fails here, and not when it is half added to the others.
        alone = DocBin(store_user_data=True)
        add_to_doc_bin(alone, doc)
        srsly.msgpack_dumps(alone.cats)
        doc_bin.merge(alone)
        return True

    written = sum(1 for _ in _results(nlp, rows, add, options, reject))
    doc_bin.to_disk(path)
    return written


def rounded(level: str, found: Any) -> Any:
    """Round the scores of an analysis. They are 32-bit floats: further decimals are noise.

    level (str): "entities", "relations" or "cats".
    found (Any): The level, see `make_reader`.
    RETURNS (Any): The same with fewer decimals.
    """
    if found is None:
        return None
    if level == "cats":
        return {label: round(score, DECIMALS) for label, score in found.items()}
    return [{**one, "score": round(one["score"], DECIMALS)} for one in found]


def as_json(value: Any) -> Any:
    """Convert what parquet has and JSON lacks, for `json.dumps`.

    value (Any): A date, time or decimal number.
    RETURNS (Any): Its text.
    RAISES (TypeError): If it is something else.
    """
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def has_type(value: Any, column_type: pyarrow.DataType) -> bool:
    """RETURNS (bool): Whether a column can have a value as it is.

    value (Any): The value.
    column_type (DataType): The type of the column.

    >>> has_type(1, pyarrow.int64()), has_type(1.5, pyarrow.int64())
    (True, False)
    """
    try:
        return is_same(value, pyarrow.scalar(value, column_type).as_py())
    except (ArrowException, TypeError, ValueError, OverflowError):
        return False


def is_same(value: Any, stored: Any) -> bool:
    """RETURNS (bool): Whether Arrow has stored a value as it is. It would make 1 of 1.5, and leave out keys that a
    struct lacks.

    value (Any): The value.
    stored (Any): What Arrow gives back.
    """
    if isinstance(value, dict) and isinstance(stored, dict):
        return all(key in stored and is_same(one, stored[key]) for key, one in value.items())
    if isinstance(value, (list, tuple)) and isinstance(stored, (list, tuple)):
        return len(value) == len(stored) and all(map(is_same, value, stored))
    if isinstance(value, bool) != isinstance(stored, bool):
        return False
    return bool(value == stored or (value != value and stored != stored))


def _analyse(
    nlp: Language, rows: Sequence[Row], options: Options, reject: Reject
) -> Iterator[tuple[Row, dict[str, Any]]]:
    return _results(nlp, rows, make_reader(get_spans_key(nlp), options.select), options, reject)


def _results(
    nlp: Language, rows: Sequence[Row], read: Callable[[int, Doc], Result], options: Options, reject: Reject
) -> Iterator[tuple[Row, Result]]:
    readable = []
    for row in rows:
        if fault := _fault(row, options):
            reject(row, fault)
        else:
            readable.append(row)
    texts = [row.values[options.text] for row in readable]
    for row, result in zip(readable, read_texts(nlp, texts, read, batch_tokens=options.batch_tokens)):
        if isinstance(result, Fault):
            reject(row, result.reason)
        else:
            yield row, result


def _fault(row: Row, options: Options) -> str:
    """Why there is no text to analyse; empty if there is one."""
    if row.fault or options.text in row.values:
        return row.fault
    known = ", ".join(row.values) or "none"
    return f"it has no column '{options.text}' (its columns: {known}); name that of the texts with --text"


def _as_user_data(values: dict[str, Any], options: Options) -> dict[str, Any]:
    """The columns of a row in the form in which `annotations.storage` and the readers of `.spacy` files have them."""
    values = json.loads(json.dumps(values, allow_nan=False, default=as_json))
    del values[options.text]
    found = {"id": values.pop(options.id, None), "group": values.pop("group", None)}
    found = {key: str(value) for key, value in found.items() if value is not None}
    meta = values.get("meta")
    if isinstance(meta, dict) and meta.keys().isdisjoint(values):
        del values["meta"]
        values = {**meta, **values}
    values = {name: value for name, value in values.items() if value is not None}
    return {**found, "meta": values} if values else found


def _kept(row: Row, options: Options) -> dict[str, Any]:
    """The columns of a row that the output has, too."""
    if options.keep is None:
        return row.values
    return {name: value for name, value in row.values.items() if name == options.text or name in options.keep}


def _fits(row: Row, kept: Sequence[pyarrow.Field], options: Options, reject: Reject) -> bool:
    """Whether the values of a row have the types of their columns."""
    unknown = set() if options.keep is not None else row.values.keys() - {field.name for field in kept}
    if unknown:
        reject(row, f"it has columns that the first part lacks: {', '.join(sorted(unknown))}; {ADVICE}")
        return False
    for field in kept:
        value = row.values.get(field.name)
        # The judgement of the text itself comes later.
        if field.name == options.text or value is None:
            continue
        if not has_type(as_string(value) if is_mixed(field) else value, field.type):
            reject(row, f"its '{field.name}' is no {field.type}, like the others: {value!a:.60}; {ADVICE}")
            return False
    return True
