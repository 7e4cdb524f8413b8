import pyarrow as pa
import pytest

from spacy_mre.scale.columns import infer_schema, output_schema
from spacy_mre.scale.options import Options
from tests.scale.outputs import make_rows


def types_of(*values):
    """The inferred type of a column `x` with these values."""
    return infer_schema(make_rows(*({"text": "a", "x": value} for value in values))).field("x").type


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
    with pytest.raises(ValueError, match=r"\[M728\] The column 'x' has values of several types.*--keep"):
        types_of(*values)


def test_columns_are_in_the_order_in_which_they_are_met():
    rows = make_rows({"id": 1, "text": "a"}, ({}, "it is not JSON"), {"b": 1.5, "text": None, "a": None})
    assert infer_schema(rows) == pa.schema(
        [("id", pa.int64()), ("text", pa.string()), ("b", pa.float64()), ("a", pa.string())]
    )
    assert infer_schema([]) == pa.schema([])


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


@pytest.mark.parametrize(
    "options, message",
    [
        ({"keep": ("a", "x", "y")}, r"\[M732\] There is no column x, y to keep. There are: a, text, cats"),
        ({}, r"\[M723\] .* columns cats already"),
        ({"text": "a"}, r"\[M722\] The column 'a' contains int64"),
    ],
)
def test_columns_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        output_schema(None, make_rows({"a": 1, "text": "x", "cats": 1}), Options("parquet", **options))


def test_a_name_that_is_taken_can_be_left_out():
    rows = make_rows({"text": "x", "cats": 1})
    assert output_schema(None, rows, Options("parquet", keep=(), select=("cats",))).names == ["text", "cats"]
