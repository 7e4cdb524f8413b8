import gzip
import io
import json
import sys

import pyarrow
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from spacy_mre.annotations.storage import save_docs
from spacy_mre.scale import rows as rows_file
from spacy_mre.scale.inputs import open_input
from tests.scale.text_inputs import TEXTS, read, values, write_csv, write_jsonl, write_parquet


def test_spacy(tmp_path):
    nlp = spacy.blank("en")
    docs = list(nlp.pipe(["Ida lives in Lima", "Tom  left"]))
    docs[0].user_data.update({"id": "a-1", "group": "g", "meta": {"year": 1}, "other": 2})
    save_docs(docs, tmp_path / "texts.spacy")
    assert values(tmp_path / "texts.spacy", text="body") == [
        {"id": "a-1", "body": "Ida lives in Lima", "meta": {"year": 1}, "group": "g"},
        {"body": "Tom  left"},
    ]
    assert [row.place for row in read(tmp_path / "texts.spacy")] == [
        "texts.spacy, document 1",
        "texts.spacy, document 2",
    ]


def test_a_folder_of_spacy_files(tmp_path):
    nlp = spacy.blank("en")
    save_docs(nlp.pipe(["Ida left", "Tom left", "It rained"]), tmp_path / "corpus.spacy", max_bytes=1)
    opened = open_input(tmp_path / "corpus.spacy", size=2)
    partitions = list(opened.partitions())
    assert [[row.values["text"] for row in partition.rows] for partition in partitions] == [
        ["Ida left", "Tom left"],
        ["It rained"],
    ]
    assert partitions[-1].position == opened.total
    (tmp_path / "corpus.spacy" / "0002-of-0003.spacy").unlink()
    with pytest.raises(ValueError, match="M106"):
        open_input(tmp_path / "corpus.spacy")


def test_standard_input(monkeypatch):
    lines = b'{"text": "Ida"}\n\n{"text": "Tom"}'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    opened = open_input("-", size=1)
    assert (opened.files, opened.total, opened.columns) == ([], None, None)
    partitions = list(opened.partitions())
    assert [row for partition in partitions for row in partition.rows] == [
        (1, "standard input, line 1", {"text": "Ida"}, ""),
        (2, "standard input, line 3", {"text": "Tom"}, ""),
    ]
    assert partitions[-1].position == len(lines)


texts = st.lists(
    st.text(
        st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from('"\\,\t\r\n\u2028\x85\ufeff𠮷')), max_size=8
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(1, 5), st.sampled_from(["jsonl", "csv", "tsv", "parquet", "txt", "jsonl.gz"]), st.data())
def test_texts_come_back_and_partitions_are_the_same_without_the_others(tmp_path_factory, found, size, kind, data):
    path = tmp_path_factory.mktemp("any") / f"texts.{kind}"
    if kind == "txt":
        found = ["x" + text.replace("\r", "").replace("\n", "") for text in found]
        path.write_bytes("".join(text + "\n" for text in found).encode())
    elif kind == "parquet":
        write_parquet(path, {"text": found}, row_group_size=data.draw(st.integers(1, 6)))
    elif kind.startswith("jsonl"):
        lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in found).encode()
        path.write_bytes(gzip.compress(lines) if kind.endswith("gz") else lines)
    else:
        write_csv(path, [["text", "id"], *([text, "x"] for text in found)], "," if kind == "csv" else "\t")
    opened = open_input(path, size=size)
    partitions = list(opened.partitions())
    assert [row.values["text"] for partition in partitions for row in partition.rows] == found
    assert [row.number for partition in partitions for row in partition.rows] == list(range(1, len(found) + 1))
    assert [partition.number for partition in partitions] == list(range(len(partitions)))
    assert {len(partition.rows) for partition in partitions[:-1]} <= {size}
    positions = [partition.position for partition in partitions]
    assert positions == sorted(positions)
    assert positions[-1] == opened.total
    done = data.draw(st.sets(st.integers(0, len(partitions))))
    assert list(opened.partitions(done)) == [partition for partition in partitions if partition.number not in done]
    assert list(opened.partitions()) == partitions


def test_a_partition_ends_when_its_rows_are_large(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_file, "MAX_BYTES", 100)
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{'x' * 39}\n" for _ in range(7)))
    assert [len(partition.rows) for partition in open_input(path).partitions()] == [3, 3, 1]
    assert [partition.number for partition in open_input(path).partitions({1})] == [0, 2]
    write_parquet(tmp_path / "texts.parquet", {"text": ["x" * 39] * 60}, row_group_size=30, use_dictionary=False)
    sizes = [len(partition.rows) for partition in open_input(tmp_path / "texts.parquet").partitions()]
    assert sizes == [3] * 20


def test_a_folder_of_csv(tmp_path):
    write_csv(tmp_path / "a.csv", [["id", "text"], ["1", "a"]])
    (tmp_path / "b.csv").touch()
    write_csv(tmp_path / "c.csv", [["id", "text"], ["2", "b"]])
    assert values(tmp_path) == [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]
    write_csv(tmp_path / "c.csv", [["number", "text"], ["2", "b"]])
    with pytest.raises(
        ValueError, match=r"M707.*c.csv has other columns than a.csv: its columns are number, text, not id, "
    ):
        open_input(tmp_path)


def test_there_is_no_column_for_the_texts(tmp_path):
    write_csv(tmp_path / "texts.csv", [["id", "body"], ["1", "a"]])
    write_parquet(tmp_path / "texts.parquet", {"id": [1], "body": ["a"]})
    (tmp_path / "empty.csv").touch()
    for name in ("texts.csv", "texts.parquet"):
        with pytest.raises(ValueError, match=rf"M705.*{name} has no column 'text' .*: 'id', 'body'"):
            open_input(tmp_path / name)
        assert values(tmp_path / name, text="body")[0]["body"] == "a"
    with pytest.raises(ValueError, match=r"M705.*empty.csv has no column 'text' .*: none"):
        open_input(tmp_path / "empty.csv")


def test_partitions_have_at_least_one_row(tmp_path):
    with pytest.raises(ValueError, match=r"M002.*size"):
        open_input(write_jsonl(tmp_path / "texts.jsonl", TEXTS), size=0)


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"M704.*spacy-mre\[scale\]"):
        open_input(write_jsonl(tmp_path / "texts.jsonl", TEXTS))


@pytest.mark.parametrize("done", [set(), {0, 2}, {0, 1, 2}])
@pytest.mark.parametrize("name", ["texts.jsonl", "texts.parquet"])
def test_rows_are_counted_though_partitions_are_passed_over(name, done, tmp_path):
    path = tmp_path / name
    table = pyarrow.table({"text": [f"text {number}" for number in range(25)]})
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n\n" for row in table.to_pylist()))
    source = open_input(path, size=10)
    for _ in range(2):
        assert sum(len(partition.rows) for partition in source.partitions(done)) <= 25
        assert source.rows == 25
