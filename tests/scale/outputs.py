"""Parts that tests write, and what they read from outputs."""

import json

import pyarrow
from pyarrow import parquet

from spacy_mre.annotations.storage import load_docs
from spacy_mre.scale.columns import output_schema
from spacy_mre.scale.forms import COMPRESSION
from spacy_mre.scale.options import FORMS, Options
from spacy_mre.scale.parts import part_path, rejected_path, write_part
from spacy_mre.scale.rows import Partition, Row

IDA, FERRY, RAIN = "Ida lives in Lima", "Zoë left the port of Oslo early", "It rained"
# What the pipeline of the tests finds in the first text.
FOUND = {
    "entities": [
        {"start": 0, "end": 3, "label": "person", "text": "Ida", "score": 0.75},
        {"start": 13, "end": 17, "label": "place", "text": "Lima", "score": 0.75},
    ],
    "relations": [{"head": 0, "tail": 1, "label": "lives_in", "score": 0.5}],
    "cats": {"long": 0.0, "short": 0.25},
}


def make_rows(*found):
    """Rows of columns, of a text, or of columns and a fault."""
    rows = []
    for number, one in enumerate(found, start=1):
        values, fault = one if isinstance(one, tuple) else (one, "")
        values = values if isinstance(values, dict) else {"text": values}
        rows.append(Row(number, f"texts.jsonl, line {number}", values, fault))
    return rows


def write(nlp, folder, form, rows, *, first=None, found=None, on_error="skip", number=0, **options):
    """Write a part. The columns of parquet are those of `found`, or of the rows `first`. Returns counts and path."""
    asked = Options(form=form, **options)
    schema = output_schema(found, rows if first is None else first, asked) if form == "parquet" else None
    counts = write_part(nlp, Partition(number, rows, 0), folder, asked, schema, on_error)
    return counts, part_path(folder, number, form)


def read_rows(path):
    """The rows of an output, with text labels as in JSON. Of a `.spacy` file, its texts and user data."""
    form = next(form for form in FORMS if path.name.endswith(f".{form}"))
    if form == "parquet":
        rows = parquet.read_table(path).to_pylist()
        for row in rows:
            if row.get("cats") is not None:
                row["cats"] = {one["label"]: one["score"] for one in row["cats"]}
        return rows
    if form == "spacy":
        return [
            {"text": doc.text, **{key: value for key, value in doc.user_data.items() if isinstance(key, str)}}
            for doc in load_docs(path)
        ]
    with pyarrow.input_stream(path, compression=COMPRESSION[form]) as stream:
        return [json.loads(line) for line in stream.read().splitlines()]


def read_rejected(folder, number=0):
    path = rejected_path(folder, number)
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()] if path.exists() else []


def reasons(folder, number=0):
    return {line["row"]: line["reason"] for line in read_rejected(folder, number)}


def contents(folder):
    """The files of an output, without hidden ones."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path
