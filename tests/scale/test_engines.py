"""What Ray and Spark have in common."""

import json
from datetime import date

import pyarrow
import pytest
import spacy

from spacy_mre.scale.engines import (
    Annotated,
    annotate_table,
    as_table,
    check_counts,
    check_engine,
    find_model,
    kept_schema,
    without_error,
)
from spacy_mre.scale.options import Options
from spacy_mre.scale.rows import Row
from tests.scale.engine_cases import assert_same, expected, make_pipeline, make_texts

PARQUET, LINES = Options(form="parquet"), Options(form="jsonl")


def rows_of(*values):
    return [Row(number, f"texts.jsonl, line {number}", one) for number, one in enumerate(values, start=1)]


def annotated(rows, options=PARQUET):
    return annotate_table(as_table(rows, kept_schema(None, rows[:1], options), options), spacy.blank("en"), options)


def test_a_table_is_annotated_as_by_annotate_batch(tmp_path):
    model = make_pipeline(tmp_path / "nlp")
    assert_same(annotate_table(make_texts(), spacy.load(model), PARQUET).to_pylist(), expected(model, "parquet"))
    options = Options(form="jsonl", keep=("id",), select=("entities",), prefix="x_")
    lines = annotate_table(make_texts(), spacy.load(model), options)["value"].to_pylist()
    wanted = expected(model, "jsonl", keep=("id",), select=("entities",), prefix="x_")
    assert_same([json.loads(line) for line in lines], wanted)
    right = [line.endswith(without_error(options)) for line in lines]
    assert right == [row["x_error"] is None for row in wanted]


def test_what_cannot_be_read_is_told():
    rows = rows_of(
        {"text": "Ida", "n": 1},
        {"text": 5, "n": 2},
        {"text": "Tom", "n": "many"},
        {"text": "half \ud83d", "n": 4},
        {"text": "Lima", "n": 5, "new": 0},
        {},
    )
    rows.append(Row(7, "texts.jsonl, line 7", {}, "it is not JSON"))
    found = annotated(rows)
    assert found.column_names == ["text", "n", "entities", "relations", "cats", "error"]
    assert found["text"].to_pylist() == ["Ida", None, "Tom", None, "Lima", None, None]
    assert found["n"].to_pylist() == [1, 2, None, 4, 5, None, None]
    assert found["error"].to_pylist() == [
        None,
        "texts.jsonl, line 2: the text is not a string, but int",
        "texts.jsonl, line 3: its 'n' is no int64 and is left out: 'many'",
        "texts.jsonl, line 4: character 6 is half of a surrogate pair",
        "texts.jsonl, line 5: it has columns that the first rows lack, and which are left out: new",
        "the text is missing",
        "texts.jsonl, line 7: it is not JSON",
    ]


def test_values_that_arrow_would_change_are_left_out():
    rows = rows_of(
        {"text": "Ida", "n": 1, "of": {"a": 1}, "all": [1]},
        {"text": "Tom", "n": 1.5, "of": {"a": 2}, "all": [2]},
        {"text": "Zoë", "n": 2.0, "of": {"a": 3, "b": 4}, "all": [3]},
        {"text": "Lima", "n": True, "of": {"a": 4}, "all": [4]},
        {"text": "Oslo", "n": 5, "of": {"a": 5}, "all": [5, 0.5]},
    )
    found = annotated(rows)
    assert found["n"].to_pylist() == [1, None, 2, None, 5]
    assert found["of"].to_pylist() == [{"a": 1}, {"a": 2}, None, {"a": 4}, {"a": 5}]
    assert found["all"].to_pylist() == [[1], [2], [3], [4], None]
    assert found["error"].to_pylist() == [
        None,
        "texts.jsonl, line 2: its 'n' is no int64 and is left out: 1.5",
        "texts.jsonl, line 3: its 'of' is no struct<a: int64> and is left out: {'a': 3, 'b': 4}",
        "texts.jsonl, line 4: its 'n' is no int64 and is left out: True",
        "texts.jsonl, line 5: its 'all' is no list<item: int64> and is left out: [5, 0.5]",
    ]


def test_columns_that_json_lacks():
    day = date(2026, 1, 2)
    table = pyarrow.table({"text": ["Ida", "Tom"], "day": [day, day], "n": [1.5, float("nan")]})
    lines = annotate_table(table, spacy.blank("en"), LINES)["value"].to_pylist()
    first, second = map(json.loads, lines)
    assert (first["day"], first["n"], first["error"]) == ("2026-01-02", 1.5, None)
    assert (second["day"], second["n"]) == ("2026-01-02", None)
    assert "cannot be written as JSON" in second["error"]


def test_bytes_that_are_no_text():
    text = pyarrow.array([b"Ida", b"\xff"], pyarrow.binary()).view(pyarrow.string())
    lines = annotate_table(pyarrow.table({"text": text}), spacy.blank("en"), LINES)["value"].to_pylist()
    first, second = map(json.loads, lines)
    assert (first["text"], first["error"]) == ("Ida", None)
    assert (second["text"], second["error"]) == ("\ufffd", "the text is not UTF-8")


def test_wrong_columns():
    with pytest.raises(ValueError, match="M732"):
        kept_schema(make_texts().schema, [], Options(form="parquet", keep=("nothing",)))
    with pytest.raises(ValueError, match=r"M723.*error"):
        kept_schema(pyarrow.schema([("text", pyarrow.string()), ("error", pyarrow.string())]), [], PARQUET)


def test_what_engines_cannot_do(tmp_path):
    output = tmp_path / "out"
    check_engine("Ray", "texts.jsonl", str(output), PARQUET, ("parquet",))
    for source, target in (("-", str(output)), ("texts.jsonl", "-")):
        with pytest.raises(ValueError, match="M740"):
            check_engine("Ray", source, target, PARQUET, ("parquet",))
    with pytest.raises(ValueError, match=r"M741.*spacy"):
        check_engine("Ray", "texts.jsonl", str(output), Options(form="spacy"), ("parquet",))
    output.mkdir()
    check_engine("Ray", "texts.jsonl", str(output), PARQUET, ("parquet",))
    (output / "part-0.parquet").touch()
    with pytest.raises(ValueError, match="M742"):
        check_engine("Ray", "texts.jsonl", str(output), PARQUET, ("parquet",))


def test_lost_rows_are_noticed():
    assert check_counts("out", 2, Annotated(2, 1)) == Annotated(2, 1)
    with pytest.raises(ValueError, match=r"M743.*1 rows.*2 were read"):
        check_counts("out", 2, Annotated(1, 0))


def test_a_pipeline_is_found_from_every_folder(tmp_path, monkeypatch):
    make_pipeline(tmp_path / "nlp")
    monkeypatch.chdir(tmp_path)
    assert find_model("nlp") == str(tmp_path / "nlp")
    with pytest.raises(OSError, match="E050"):
        find_model("no_such_pipeline")


def test_a_package_comes_before_a_folder(tmp_path, monkeypatch):
    """`spacy package` makes a folder with the name of the package, for example."""
    make_pipeline(tmp_path / "spacy")
    monkeypatch.chdir(tmp_path)
    assert find_model("spacy") == "spacy"
    assert find_model("./spacy") == str(tmp_path / "spacy")
