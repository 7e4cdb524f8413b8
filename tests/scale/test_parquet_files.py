import io

import pyarrow as pa
import pytest
from pyarrow import parquet

from spacy_mre.scale.inputs import open_input
from tests.scale.text_inputs import TEXTS, read, values, write_parquet


def test_parquet(tmp_path):
    columns = {"text": TEXTS, "year": [1, None, 3], "tags": [["a"], [], None], "of": [{"x": 1.5}, {"x": None}, None]}
    path = write_parquet(tmp_path / "texts.parquet", columns)
    opened = open_input(path)
    assert opened.columns.names == ["text", "year", "tags", "of"]
    assert opened.columns.field("year").type == pa.int64()
    assert opened.total == 3
    assert values(path) == [dict(zip(columns, row)) for row in zip(*columns.values())]
    assert [row.place for row in read(path)] == [f"texts.parquet, row {i}" for i in (1, 2, 3)]


def test_a_folder_of_parquet_as_spark_writes_it(tmp_path):
    for i in range(3):
        # The middle one has no rows.
        texts = [f"{i}{j}" for j in range(3 if i != 1 else 0)]
        columns = {"text": pa.array(texts, pa.string()), "n": pa.array([i] * len(texts), pa.int32())}
        write_parquet(tmp_path / f"part-0000{i}-ab.snappy.parquet", columns, row_group_size=2)
    (tmp_path / "_SUCCESS").touch()
    opened = open_input(tmp_path, size=4)
    assert opened.total == 6
    found = [[row.values["text"] for row in partition.rows] for partition in opened.partitions()]
    assert found == [["00", "01", "02", "20"], ["21", "22"]]
    assert read(tmp_path)[4] == (5, "part-00002-ab.snappy.parquet, row 2", {"text": "21", "n": 2}, "")


def test_row_groups_whose_partitions_are_done_are_not_read(tmp_path):
    path = write_parquet(tmp_path / "texts.parquet", {"text": [str(i) * 9 for i in range(3000)]}, row_group_size=1000)
    content = path.read_bytes()
    start = parquet.ParquetFile(path).metadata.row_group(1).column(0).dictionary_page_offset
    path.write_bytes(content[:start] + b"\xff" * 200 + content[start + 200 :])
    found = list(open_input(path, size=500).partitions({2, 3}))
    assert [(partition.number, partition.position) for partition in found] == [
        (0, 500),
        (1, 1000),
        (4, 2500),
        (5, 3000),
    ]
    assert found[-1].rows[-1] == (3000, "texts.parquet, row 3000", {"text": "2999" * 9}, "")


def test_bad_rows_of_parquet(tmp_path):
    wrong = pa.array([b"a", b"b\xff", b"c", b"\xff"]).cast(pa.binary())
    text = pa.StringArray.from_buffers(4, *wrong.buffers()[1:])
    path = write_parquet(tmp_path / "texts.parquet", {"id": [1, 2, 3, 4], "text": text})
    assert read(path) == [
        (1, "texts.parquet, row 1", {"id": 1, "text": "a"}, ""),
        (2, "texts.parquet, row 2", {"id": 2}, "byte 2 of the column 'text' is not UTF-8"),
        (3, "texts.parquet, row 3", {"id": 3, "text": "c"}, ""),
        (4, "texts.parquet, row 4", {"id": 4}, "byte 1 of the column 'text' is not UTF-8"),
    ]


def test_values_of_parquet_that_python_does_not_have(tmp_path):
    tags = pa.array([[b"a"], [b"b", b"\xffc"], None])
    tags = tags.cast(pa.list_(pa.binary()))
    strings = pa.StringArray.from_buffers(3, *tags.values.buffers()[1:])
    columns = {
        "text": ["a", "b", "c"],
        "tags": pa.ListArray.from_arrays([0, 1, 3, 3], strings),
        "at": pa.array([0, 0, 10**15], pa.timestamp("ms")),
    }
    found = read(write_parquet(tmp_path / "texts.parquet", columns))
    assert [(row.values["text"], row.values.get("tags"), row.fault) for row in found[:2]] == [
        ("a", ["a"], ""),
        ("b", None, "byte 1 of the column 'tags' is not UTF-8"),
    ]
    assert found[2].fault.startswith("the column 'at' cannot be read: ")
    assert found[2].values == {"text": "c", "tags": []}


def test_a_damaged_parquet_file(tmp_path):
    path = write_parquet(tmp_path / "texts.parquet", {"text": [str(i) * 9 for i in range(3000)]}, row_group_size=1000)
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(ValueError, match=r"M708.*texts\.parquet cannot be read further than the beginning"):
        open_input(path)
    start = parquet.ParquetFile(io.BytesIO(content)).metadata.row_group(1).column(0).dictionary_page_offset
    path.write_bytes(content[:start] + b"\xff" * 200 + content[start + 200 :])
    partitions = open_input(path, size=500).partitions()
    assert next(partitions).rows[-1].values == {"text": "499" * 9}
    with pytest.raises(ValueError, match=r"M708.*texts\.parquet cannot be read further than row 1000: "):
        list(partitions)


def test_two_columns_of_parquet_with_the_same_name(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    parquet.write_table(table, tmp_path / "texts.parquet")
    with pytest.raises(ValueError, match=r"M706.*two columns have the name 'text'"):
        open_input(tmp_path / "texts.parquet")


@pytest.mark.parametrize(
    ("columns", "difference"),
    [
        ({"text": ["a"]}, "it has no column 'n'"),
        ({"text": ["a"], "n": [1], "m": [1]}, "it has a column 'm'"),
        ({"text": ["a"], "n": ["1"]}, "it has 'n: string', not 'n: int64'"),
        ({"n": [1], "text": ["a"]}, "its columns are in the order n, text"),
    ],
)
def test_parquet_files_with_other_columns(tmp_path, columns, difference):
    write_parquet(tmp_path / "a.parquet", {"text": ["a"], "n": [1]})
    write_parquet(tmp_path / "b.parquet", columns)
    with pytest.raises(ValueError, match=rf"M707.*b.parquet has other columns than a.parquet: {difference}"):
        open_input(tmp_path)


def test_a_name_of_a_column_that_is_not_utf_8(tmp_path):
    path = write_parquet(tmp_path / "texts.parquet", {"text": ["a"], "other": ["b"]}, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"other", b"othe\xff"))
    with pytest.raises(ValueError, match=r"M708.*the name of a column is not UTF-8"):
        open_input(path)


def test_a_row_group_with_fewer_rows_than_it_says(tmp_path):
    path = write_parquet(tmp_path / "texts.parquet", {"text": ["a", "b", "c"]})
    opened = open_input(path)
    write_parquet(path, {"text": ["a", "b"]})
    with pytest.raises(ValueError, match=r"M708.*further than row 2: its row group should have 3 rows"):
        list(opened.partitions())
