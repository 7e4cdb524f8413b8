"""Texts, a pipeline, and what the engines for clusters must write."""

import json

import pyarrow
import pytest
import spacy
from pyarrow import parquet

from spacy_mre.scale.tables import annotate_batch

N_ROWS = 50
N_MISSING = 2
OTHERS = {3: None, 7: "", 11: "😀 Ida lives in Lima .", 17: "one\u2028line", 23: None}


def make_pipeline(folder):
    """Saves a pipeline that finds Ida and Lima."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "person", "pattern": "Ida"}, {"label": "place", "pattern": "Lima"}])
    nlp.to_disk(folder)
    return str(folder)


def make_texts():
    """Texts with an id and other columns; some texts are missing, empty or beyond the basic plane."""
    return pyarrow.table(
        {
            "id": [f"{number:03}" for number in range(N_ROWS)],
            "text": pyarrow.array([OTHERS.get(number, f"Ida saw Lima {number} times .") for number in range(N_ROWS)]),
            "n": pyarrow.array([None if number == 5 else 2**60 + number for number in range(N_ROWS)], pyarrow.int64()),
            "day": [f"2026-01-{number % 28 + 1:02}" for number in range(N_ROWS)],
        }
    )


def write_texts(folder, form):
    """Writes the texts to two files."""
    folder.mkdir()
    texts = make_texts()
    for place, part in enumerate((texts.slice(0, 20), texts.slice(20))):
        path = folder / f"texts-{place}.{form}"
        if form == "parquet":
            parquet.write_table(part, path)
        else:
            lines = [json.dumps(row, ensure_ascii=place == 0) for row in part.to_pylist()]
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")
    return str(folder)


def read_output(folder):
    """Reads what an engine wrote, sorted by id, with the names of the columns."""
    rows = []
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(("_", "."))):
        if path.suffix == ".parquet":
            rows += parquet.read_table(path).to_pylist()
        else:
            with pyarrow.input_stream(path) as stream:  # decompressed, as its suffix says
                rows += [json.loads(line) for line in stream.read().decode().split("\n") if line]
    return sorted(rows, key=lambda row: row["id"])


def expected(model, form, *, keep=None, **settings):
    """What `annotate_batch` gives, in the form of the output."""
    texts = make_texts()
    if keep is not None:
        texts = texts.select([name for name in texts.column_names if name == "text" or name in keep])
    rows = annotate_batch(texts, spacy.load(model), **settings).to_pylist()
    if form == "parquet":
        return rows
    for row in rows:
        for name, value in row.items():
            if name.endswith("cats") and value is not None:
                row[name] = {one["label"]: round(one["score"], 6) for one in value}
            elif name.endswith(("entities", "relations")) and value is not None:
                row[name] = [{**one, "score": round(one["score"], 6)} for one in value]
    return rows


def assert_same(found, wanted):
    """Compares rows, whose scores can differ in the last bits: texts meet in other batches."""
    assert len(found) == len(wanted)
    for row, other in zip(found, wanted):
        assert list(row) == list(other)
        for name, value in row.items():
            assert _rounded(value) == pytest.approx(_rounded(other[name]), abs=1e-4), (row["id"], name)


def _rounded(value):
    if isinstance(value, list):
        return sorted(str({**one, "score": round(one["score"], 3)}) for one in value)
    return value
