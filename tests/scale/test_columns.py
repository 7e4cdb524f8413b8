import json

import pyarrow as pa
import pytest

from spacy_mre.scale.columns import infer_schema, output_schema, telling_rows
from spacy_mre.scale.options import Options
from tests.scale.outputs import make_rows


def types_of(*values):
    """The inferred type of a column `x` with these values."""
    return infer(*({"text": "a", "x": value} for value in values)).field("x").type


def infer(*found, **options):
    return infer_schema(make_rows(*found), Options("parquet", **options))


@pytest.mark.parametrize(
    "values, expected",
    [
        ([1, None, -5], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([1, float("nan")], pa.float64()),
        ([None, "a"], pa.string()),
        ([True, None], pa.bool_()),
        ([None, None], pa.string()),
        ([[], None], pa.list_(pa.string())),
        ([[], [1]], pa.list_(pa.int64())),
        ([[None], [[]]], pa.list_(pa.list_(pa.string()))),
        (
            [{"a": 1}, {"b": [{"c": None}]}],
            pa.struct([("a", pa.int64()), ("b", pa.list_(pa.struct([("c", pa.string())])))]),
        ),
        (["\ud83d"], pa.string()),
        (["\ud83d", "a"], pa.string()),
    ],
    ids=ascii,
)
def test_types(values, expected):
    assert types_of(*values) == expected


@pytest.mark.parametrize(
    "values",
    [
        [1, "a"],
        ["a", 1],
        [1, True],
        [[1], 1],
        [{"a": 1}, "a"],
        [{"a": 1}, {"a": "b"}],
        [[1], ["a"]],
        [2**60 + 1, 0.5],
        ["\ud83d", 1, "a"],
    ],
    ids=ascii,
)
def test_values_of_several_types(values):
    with pytest.raises(ValueError, match=r"\[M728\] The column 'x' cannot be a column of parquet.*--keep"):
        types_of(*values)


@pytest.mark.parametrize(
    "values",
    [
        *([2**63], [10**30, 1], [[2**64]], [{"a": 2**64}]),
        *([{}], [[{}]], [{"a": {}}], [None, [{"a": [{}]}]]),
        [json.loads("[" * 200 + "]" * 200)],
    ],
    ids=lambda values: f"{values}"[:20],
)
def test_values_that_parquet_cannot_have(values):
    with pytest.raises(ValueError, match=r"\[M728\] The column 'x' cannot be a column of parquet.*--keep"):
        types_of(*values)
    rows = ({"text": "a", "y": 1, "x": value} for value in values)
    assert infer(*rows, keep=("y",)) == pa.schema([("text", pa.string()), ("y", pa.int64())])


def test_names_that_parquet_cannot_have():
    rows = [{"text": "a", "id": 1}, {"text": "a", "\ud83d": 1}]
    with pytest.raises(ValueError, match=r"\[M728\] The column '\\ud83d' cannot be a column of parquet"):
        infer(*rows)
    assert infer(*rows, keep=("id",)).names == ["text", "id"]


@pytest.mark.parametrize("bad", [5, ["a"], {"a": 1}, {}, True, "\ud83d", None], ids=ascii)
def test_texts_are_strings_whatever_stands_in_their_place(bad):
    for rows in ([{"body": bad}], [{"body": bad}, {"body": "a"}], [{"body": "a"}, {"body": bad}]):
        assert infer(*rows, text="body") == pa.schema([("body", pa.string())])


def test_columns_are_in_the_order_in_which_they_are_met():
    rows = {"id": 1, "text": "a"}, ({}, "it is not JSON"), {"b": 1.5, "text": None, "a": None}
    types = [("id", pa.int64()), ("text", pa.string()), ("b", pa.float64()), ("a", pa.string())]
    assert infer(*rows) == pa.schema(types)
    assert infer(*rows, keep=("a", "id")) == pa.schema([types[0], types[1], types[3]])
    assert infer(*rows, text="body", keep=()) == infer(text="body") == pa.schema([("body", pa.string())])


def test_columns_of_the_output():
    rows = make_rows({"a": 1, "text": "x", "b": "y", "c": 1.5})
    names = output_schema(None, rows, Options("parquet")).names
    assert names == ["a", "text", "b", "c", "entities", "relations", "cats"]
    chosen = Options("parquet", keep=("c", "a"), select=("cats",), prefix="my_")
    assert output_schema(None, rows, chosen).names == ["a", "text", "c", "my_cats"]
    assert output_schema(None, rows, Options("parquet", keep=())).names == ["text", "entities", "relations", "cats"]


def test_no_row_has_a_text():
    for rows in ([], make_rows(({}, "it is not JSON"))):
        assert output_schema(None, rows, Options("parquet", text="body", select=())) == pa.schema(
            [("body", pa.string())]
        )


def test_columns_of_a_parquet_input():
    found = pa.schema([("a", pa.int8()), pa.field("text", pa.large_string(), nullable=False)], metadata={"k": "v"})
    for keep in (None, ("a",)):
        schema = output_schema(found, make_rows({"a": "other", "text": 1}), Options("parquet", keep=keep, select=()))
        assert schema.equals(found, check_metadata=True)
    with pytest.raises(ValueError, match=r"\[M722\] The column 'a' contains int8"):
        output_schema(found, [], Options("parquet", text="a"))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"keep": ("a", "x", "y")}, r"\[M732\] There is no column x, y to keep. There are: a, text, cats"),
        ({}, r"\[M723\] .* columns cats already"),
    ],
)
def test_columns_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        output_schema(None, make_rows({"a": 1, "text": "x", "cats": 1}), Options("parquet", **options))


def test_a_name_that_is_taken_can_be_left_out():
    rows = make_rows({"text": "x", "cats": 1})
    assert output_schema(None, rows, Options("parquet", keep=(), select=("cats",))).names == ["text", "cats"]


def test_a_column_of_several_types_can_be_left_out():
    rows = make_rows({"text": "x", "a": 1, "b": 1}, {"text": "x", "a": "y", "b": 2})
    assert output_schema(None, rows, Options("parquet", keep=("b",), select=())).names == ["text", "b"]


@pytest.mark.parametrize(
    "keep, expected, n_read",
    [
        (None, [{"text": "a"}, {"text": "b", "y": 1}], 1),
        (("y",), [{"text": "a"}, {"text": "b", "y": 1}], 1),
        (("x", "z"), [{"text": "a"}, {"text": "b", "y": 1}, {"x": None}, {"x": 3, "z": 4}, {"x": 0.5}], 3),
        (("x", "none"), [{"text": "a"}, {"text": "b", "y": 1}, {"x": None}, {"x": 3}, {"x": 0.5}], 4),
    ],
)
def test_rows_that_tell_the_columns(keep, expected, n_read):
    read = []
    parts = [
        [{"text": "a"}, {"text": "b", "y": 1}],
        [{"text": "c", "x": None, "y": "later"}],
        [{"x": 3, "z": 4}, {"x": 0.5}],
        [{"text": "d"}],
    ]

    def read_parts():
        for part in parts:
            read.append(part)
            yield make_rows(*part)

    rows = telling_rows(read_parts(), Options("jsonl", keep=keep))
    assert [row.values for row in rows] == expected and len(read) == n_read


def test_no_rows_tell_no_columns():
    assert telling_rows([], Options("jsonl", keep=("x",))) == []
