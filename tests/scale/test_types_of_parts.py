"""The types of the columns of an input whose parts have different ones."""

from contextlib import nullcontext

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.scale.outputs import IDA, read_rows, write_lines


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


@pytest.mark.parametrize(
    "values, expected, kind",
    [
        ([1, 2, 3, 4.5], [1.0, 2.0, 3.0, 4.5], pa.float64()),
        ([None, None, None, 2], [None, None, None, 2], pa.int64()),
        ([1, 2, 3, "a"], ["1", "2", "3", "a"], pa.string()),
        (["a", 1, None, True], ["a", "1", None, "true"], pa.string()),
        ([1, 1, 1, True, "b"], ["1", "1", "1", "true", "b"], pa.string()),
        ([[1], None, [], [0.5]], [[1.0], None, [], [0.5]], pa.list_(pa.float64())),
        ([{"a": 1}, {}, {}, {"b": "x"}], None, pa.struct([("a", pa.int64()), ("b", pa.string())])),
    ],
    ids=str,
)
def test_the_types_of_all_parts(annotate, tmp_path, folder, values, expected, kind):
    rows = [{"text": IDA, "x": value} for value in values]
    source = write_lines(tmp_path / "texts.jsonl", rows)
    told = pytest.warns(UserWarning, match=r"W700.*'x'") if kind == pa.string() else nullcontext()
    with told:
        assert annotate(source, folder, form="parquet") == (len(values), 0, 0)
    found = pa.concat_tables(parquet.read_table(path) for path in sorted(folder.glob("part-*")))["x"]
    assert found.type == kind
    assert found.to_pylist() == (expected or [{"a": value.get("a"), "b": value.get("b")} for value in values])
    (folder / "part-000001.parquet").unlink()
    assert annotate(source, folder, form="parquet") == (len(values), 0, 3)
    again = pa.concat_tables(parquet.read_table(path) for path in sorted(folder.glob("part-*")))["x"]
    assert again.equals(found)


def test_a_column_that_only_a_later_part_has(annotate, tmp_path, folder):
    rows = [{"text": IDA}] * 3 + [{"text": IDA, "x": 1}] * 3 + [{"text": IDA, "x": [1]}]
    source = write_lines(tmp_path / "texts.jsonl", rows)
    # A list has no place in a column of integers.
    assert annotate(source, folder, form="parquet", on_error="skip") == (6, 1, 0)
    assert [row["x"] for row in read_rows(folder / "part-000001.parquet")] == [1] * 3
    source = write_lines(tmp_path / "texts.jsonl", rows[4:])
    with pytest.raises(ValueError, match="M728"):
        annotate(source, folder, form="parquet", overwrite=True)
