import gzip
import json
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
import spacy
from pyarrow import parquet
from spacy.tokens import SpanGroup

from spacy_mre.annotations.relations import get_relations
from spacy_mre.annotations.storage import load_docs
from spacy_mre.corpora.jsonl import read_jsonl
from spacy_mre.scale.options import FORMS
from tests.scale.outputs import FERRY, FOUND, IDA, RAIN, make_rows, read_rejected, read_rows, reasons, write

JSON_FORMS = ["jsonl", "jsonl.gz", "jsonl.zst"]
TABLES = ["parquet", *JSON_FORMS]
NO_COLUMN = "it has no column 'text' (its columns: id); name that of the texts with --text"


@pytest.mark.parametrize("form", TABLES)
def test_rows(nlp, tmp_path, form):
    rows = make_rows({"id": "a", "text": IDA, "n": 1}, {"id": "b", "text": RAIN, "n": 2})
    counts, path = write(nlp, tmp_path, form, rows)
    assert counts == (2, 0)
    assert read_rows(path) == [
        {"id": "a", "text": IDA, "n": 1, **FOUND},
        {"id": "b", "text": RAIN, "n": 2, "entities": [], "relations": [], "cats": {"long": 0.0, "short": 0.25}},
    ]
    assert list(read_rows(path)[0]) == ["id", "text", "n", "entities", "relations", "cats"]


@pytest.mark.parametrize("form", TABLES)
def test_what_is_absent_is_not_empty(tmp_path, form):
    _, path = write(spacy.blank("en"), tmp_path, form, make_rows(IDA))
    assert read_rows(path) == [{"text": IDA, "entities": None, "relations": None, "cats": None}]


@pytest.mark.parametrize("form", TABLES)
def test_selection_prefix_and_kept_columns(nlp, tmp_path, form):
    rows = make_rows({"a": 1, "body": IDA, "b": 2, "entities": 3})
    options = {"text": "body", "select": ("relations", "cats"), "prefix": "mre_", "keep": ("b", "entities")}
    _, path = write(nlp, tmp_path, form, rows, **options)
    assert read_rows(path)[0] | {"mre_cats": None} == {
        "body": IDA,
        "b": 2,
        "entities": 3,
        "mre_relations": FOUND["relations"],
        "mre_cats": None,
    }


def test_json_lines_are_read_as_a_corpus(nlp, tmp_path):
    _, path = write(nlp, tmp_path, "jsonl", make_rows({"id": "a", "text": FERRY}))
    (record,) = read_jsonl(path)
    assert (record.id, record.text) == ("a", FERRY)
    assert [(one.start, one.end, one.label) for one in record.entities] == [
        (0, 3, "person"),
        (13, 25, "site"),
        (21, 25, "place"),
    ]
    assert [(one.head, one.tail, one.label) for one in record.relations] == [(0, 2, "lives_in")]
    assert record.cats == {"long": 1.0, "short": 0.25}


def test_json_lines_have_all_characters_as_they_are(nlp, tmp_path):
    _, path = write(nlp, tmp_path, "jsonl", make_rows("東京 𠮷\u2028\x00"))
    content = path.read_bytes()
    assert "東京 𠮷\u2028".encode() in content and content.count(b"\n") == 1
    assert read_rows(path)[0]["text"] == "東京 𠮷\u2028\x00"


def test_scores_have_six_decimals(tmp_path):
    nlp = spacy.blank("en")

    def score(doc):
        doc.cats = {"a": 1 / 3}
        return doc

    spacy.Language.component("test_forms_score", func=score)
    nlp.add_pipe("test_forms_score")
    _, path = write(nlp, tmp_path, "jsonl", make_rows("a"))
    assert path.read_text() == ('{"text": "a", "entities": null, "relations": null, "cats": {"a": 0.333333}}\n')


def test_gzip_is_what_python_reads(nlp, tmp_path):
    _, path = write(nlp, tmp_path, "jsonl.gz", make_rows(IDA))
    assert json.loads(gzip.decompress(path.read_bytes()))["text"] == IDA


def test_documents(nlp, tmp_path):
    rows = make_rows(
        {"id": 7, "text": FERRY, "year": 1999, "tags": ["a", {"b": None}]}, {"text": RAIN}, {"id": None, "text": IDA}
    )
    counts, path = write(nlp, tmp_path, "spacy", rows)
    assert counts == (3, 0)
    docs = list(load_docs(path))
    assert [doc.text for doc in docs] == [FERRY, RAIN, IDA]
    assert docs[0].user_data["id"] == "7"
    assert docs[0].user_data["meta"]["year"] == 1999
    assert json.loads(json.dumps(docs[0].user_data["meta"]["tags"])) == ["a", {"b": None}]
    assert "id" not in docs[1].user_data and "meta" not in docs[1].user_data
    assert "id" not in docs[2].user_data
    assert [(span.text, span.label_) for span in docs[0].spans["entities"]] == [
        ("Zoë", "person"),
        ("port of Oslo", "site"),
        ("Oslo", "place"),
    ]
    assert [(one["head"], one["tail"], one["label"]) for one in get_relations(docs[0])] == [
        ([0, 1], [5, 6], "lives_in")
    ]
    assert docs[0].cats == {"long": 1.0, "short": 0.25}


def test_documents_keep_what_is_asked_for(nlp, tmp_path):
    rows = make_rows({"key": "x", "body": IDA, "a": 1, "b": 2})
    _, path = write(nlp, tmp_path, "spacy", rows, text="body", id="key", keep=("key", "b"))
    assert read_rows(path)[0] | {"text": ""} == {"text": "", "id": "x", "meta": {"b": 2}}


@pytest.mark.parametrize(
    "columns, expected",
    [
        ({"id": "a", "group": "g", "meta": {"year": 1}}, {"id": "a", "group": "g", "meta": {"year": 1}}),
        ({"group": 3, "meta": {"year": 1}, "n": 2}, {"group": "3", "meta": {"year": 1, "n": 2}}),
        ({"group": None, "meta": "x", "n": 2}, {"meta": {"meta": "x", "n": 2}}),
        ({"meta": {}}, {}),
    ],
    ids=str,
)
def test_columns_of_documents(nlp, tmp_path, columns, expected):
    _, path = write(nlp, tmp_path, "spacy", make_rows({"text": IDA, **columns}))
    assert read_rows(path) == [{"text": IDA, **expected}]


@pytest.mark.parametrize("form", FORMS)
def test_rows_without_an_analysis(nlp, tmp_path, form):
    rows = make_rows(
        {"id": "a", "text": None},
        {"id": "b", "text": IDA},
        ({"id": "c"}, "it is not JSON"),
        {"id": "d", "text": "Lima \ud83d"},
        {"id": "e"},
        {"id": "f", "text": "FAIL"},
        {"id": "g", "text": RAIN},
    )
    counts, path = write(nlp, tmp_path, form, rows)
    assert counts == (2, 5)
    assert [row["id"] for row in read_rows(path)] == ["b", "g"]
    assert read_rejected(tmp_path) == [
        {"row": 1, "place": "texts.jsonl, line 1", "reason": "the text is missing", "id": "a"},
        {"row": 3, "place": "texts.jsonl, line 3", "reason": "it is not JSON", "id": "c"},
        {"row": 4, "place": "texts.jsonl, line 4", "reason": "character 6 is half of a surrogate pair", "id": "d"},
        {"row": 5, "place": "texts.jsonl, line 5", "reason": NO_COLUMN, "id": "e"},
        {"row": 6, "place": "texts.jsonl, line 6", "reason": "ValueError: cannot read FAIL", "id": "f"},
    ]


@pytest.mark.parametrize("form", FORMS)
def test_no_row_has_an_analysis(nlp, tmp_path, form):
    counts, path = write(nlp, tmp_path, form, make_rows({"text": None, "n": 1}, ({}, "it is not JSON")))
    assert counts == (0, 2)
    assert read_rows(path) == []


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize(
    "value, other",
    [("\ud83d", "s"), ({"a": ["\ud83d"]}, {"a": ["s"]}), ({"\ud83d": 1}, {"a": 1})],
    ids=["text", "nested", "key"],
)
def test_half_of_a_surrogate_pair_in_another_column(nlp, tmp_path, form, value, other):
    rows = make_rows({"id": "a", "text": IDA, "x": value}, {"id": "b", "text": IDA, "x": other})
    counts, path = write(nlp, tmp_path, form, rows)
    assert [(row["id"], row["x"]) for row in read_rows(path)] == [("b", other)]
    assert counts == (1, 1) and list(reasons(tmp_path)) == [1]


@pytest.mark.parametrize(
    "value",
    ["\ud83d", {"a": ["\ud83d"]}, {"\ud83d": 1}, json.loads("[" * 600 + "]" * 600)],
    ids=["text", "nested", "key", "deep"],
)
def test_values_that_documents_cannot_have(nlp, tmp_path, value):
    rows = make_rows({"id": "a", "text": IDA, "x": value}, {"id": "b", "text": RAIN, "x": "s"})
    counts, path = write(nlp, tmp_path, "spacy", rows)
    assert counts == (1, 1) and list(reasons(tmp_path)) == [1]
    assert read_rows(path) == [{"text": RAIN, "id": "b", "meta": {"x": "s"}}]
    assert write(nlp, tmp_path, "spacy", rows, keep=("id",))[0] == (2, 0)


@pytest.mark.parametrize("place", ["user_data", "cats", "spans"])
def test_what_a_component_sets_and_documents_cannot_have(tmp_path, place):
    @spacy.Language.component("test_forms_set")
    def set_object(doc):
        if "Ida" in doc.text:
            if place == "spans":
                doc.spans["x"] = SpanGroup(doc, attrs={"of": object()})
            else:
                getattr(doc, place)["x"] = object()
        return doc

    nlp = spacy.blank("en")
    nlp.add_pipe("test_forms_set")
    rows = make_rows({"id": "a", "text": RAIN}, {"id": "b", "text": IDA}, {"id": "c", "text": FERRY})
    counts, path = write(nlp, tmp_path, "spacy", rows, on_error="skip")
    assert counts == (2, 1) and list(reasons(tmp_path)) == [2]
    assert reasons(tmp_path)[2].startswith("TypeError: ")
    assert [(row["text"], row["id"]) for row in read_rows(path)] == [(RAIN, "a"), (FERRY, "c")]


def test_numbers_that_json_lacks(nlp, tmp_path):
    rows = make_rows({"text": IDA, "x": float("nan")}, {"text": IDA, "x": [float("inf")]}, {"text": IDA, "x": 1.5})
    counts, path = write(nlp, tmp_path, "jsonl", rows)
    assert [row["x"] for row in read_rows(path)] == [1.5]
    assert reasons(tmp_path)[1].startswith("its columns cannot be written as JSON: ")
    counts, path = write(nlp, tmp_path / "spacy", "spacy", rows)
    assert counts == (1, 2) and list(reasons(tmp_path / "spacy")) == [1, 2]
    _, path = write(nlp, tmp_path / "parquet", "parquet", [rows[0], rows[2]])
    assert str(read_rows(path)[0]["x"]) == "nan"


FROM_PARQUET = {
    "day": date(2026, 1, 31),
    "at": datetime(2026, 1, 31, 12, 30),
    "hour": time(12, 30),
    "price": Decimal("1.50"),
}


def test_values_that_parquet_has_and_json_lacks(nlp, tmp_path):
    rows = make_rows({"text": IDA, **FROM_PARQUET}, {"text": IDA, "raw": b"\xff"})
    _, path = write(nlp, tmp_path, "jsonl", rows)
    written = {name: read_rows(path)[0][name] for name in FROM_PARQUET}
    expected = {"day": "2026-01-31", "at": "2026-01-31T12:30:00", "hour": "12:30:00", "price": "1.50"}
    assert written == expected
    assert reasons(tmp_path) == {2: "its columns cannot be written as JSON: bytes is not a JSON type"}
    _, path = write(nlp, tmp_path / "spacy", "spacy", rows)
    assert read_rows(path)[0]["meta"] == expected and list(reasons(tmp_path / "spacy")) == [2]


def test_parquet_keeps_the_types_of_parquet(nlp, tmp_path):
    types = {
        "text": pa.large_string(),
        "day": pa.date32(),
        "at": pa.timestamp("us", "UTC"),
        "hour": pa.time64("us"),
        "price": pa.decimal128(10, 2),
        "raw": pa.large_binary(),
        "small": pa.int8(),
        "half": pa.float32(),
        "kind": pa.dictionary(pa.int32(), pa.string()),
        "list": pa.large_list(pa.int16()),
        "three": pa.list_(pa.int8(), 3),
        "map": pa.map_(pa.string(), pa.int32()),
        "struct": pa.struct([("a", pa.list_(pa.struct([("b", pa.float64())])))]),
        "nothing": pa.null(),
    }
    values = {
        **{"text": IDA, **FROM_PARQUET, "raw": b"\xff", "small": -5, "half": 0.5, "kind": "x", "list": [1, None]},
        **{"three": [1, 2, 3], "map": [("a", 1)], "struct": {"a": [{"b": None}, {"b": 1.5}]}, "nothing": None},
    }
    table = pa.table(
        {name: pa.array([values[name], values[name] if name == "text" else None], types[name]) for name in types}
    )
    rows = make_rows(*table.to_pylist())
    counts, path = write(nlp, tmp_path, "parquet", rows, found=table.schema)
    assert counts == (2, 0)
    parquet.write_table(table, tmp_path / "as_parquet.parquet")
    expected = parquet.read_table(tmp_path / "as_parquet.parquet")
    assert parquet.read_table(path).select(table.column_names).equals(expected)


def test_a_column_that_the_first_part_lacks(nlp, tmp_path):
    first = make_rows({"id": "a", "text": IDA})
    rows = make_rows({"id": "a", "text": IDA}, {"id": "b", "text": IDA, "y": None, "x": 1}, {"text": RAIN})
    counts, path = write(nlp, tmp_path, "parquet", rows, first=first)
    assert counts == (2, 1)
    assert reasons(tmp_path) == {
        2: "it has columns that the first part lacks: x, y; leave it out with --keep, or write JSON lines"
    }
    assert [(row["id"], row["text"]) for row in read_rows(path)] == [("a", IDA), (None, RAIN)]
    counts, path = write(nlp, tmp_path, "parquet", rows, first=first, keep=("id",))
    assert counts == (3, 0) and reasons(tmp_path) == {}


@pytest.mark.parametrize(
    "first, other, shown",
    [
        (1, "b", "int64, like the others: 'b'"),
        (1, True, "int64, like the others: True"),
        (1, 2**70, "int64, like the others: 1180591620717411303424"),
        ("a", 1, "string, like the others: 1"),
        ("a", {"b": 1}, "string, like the others: {'b': 1}"),
        (["a"], [1], "list<item: string>, like the others: [1]"),
        ({"a": 1}, ["a"], "struct<a: int64>, like the others: ['a']"),
        ({"a": 1}, {"a": "x"}, "struct<a: int64>, like the others: {'a': 'x'}"),
        (None, 1, "string, like the others: 1"),
        (1.5, 2**60 + 1, "double, like the others: 1152921504606846977"),
        (1, 1.5, "int64, like the others: 1.5"),
        ([1], [1.5], "list<item: int64>, like the others: [1.5]"),
        ({"a": 1}, {"a": 2.5}, "struct<a: int64>, like the others: {'a': 2.5}"),
        ({"a": [1]}, {"a": [1.5]}, "struct<a: list<item: int64>>, like the others: {'a': [1.5]}"),
        (["a"], "abc", "list<item: string>, like the others: 'abc'"),
        ({"a": 1}, {"a": 1, "b": 2}, "struct<a: int64>, like the others: {'a': 1, 'b': 2}"),
        ({"a": 1}, {"b": 2}, "struct<a: int64>, like the others: {'b': 2}"),
        ([{"a": 1}], [{"c": 2}], "list<item: struct<a: int64>>, like the others: [{'c': 2}]"),
        ("a", ["é" * 90], "string, like the others: ['" + "\\xe9" * 14 + "\\x"),
    ],
)
def test_a_value_of_another_type(nlp, tmp_path, first, other, shown):
    first = make_rows({"text": IDA, "x": first})
    counts, path = write(nlp, tmp_path, "parquet", make_rows({"text": RAIN, "x": other}, IDA), first=first)
    assert counts == (1, 1)
    assert reasons(tmp_path)[1].startswith(f"its 'x' is no {shown}"), reasons(tmp_path)
    assert [(row["text"], row["x"]) for row in read_rows(path)] == [(IDA, None)]


@pytest.mark.parametrize("form", JSON_FORMS)
def test_names_that_are_taken(nlp, tmp_path, form):
    rows = make_rows({"text": IDA, "cats": None, "entities": 1}, IDA)
    assert write(nlp, tmp_path, form, rows)[0] == (1, 1)
    assert reasons(tmp_path) == {1: "it has entities, cats already; choose other names with --prefix"}
    assert write(nlp, tmp_path, form, rows, prefix="my_")[0] == (2, 0)
    assert write(nlp, tmp_path, form, rows, keep=())[0] == (2, 0)
