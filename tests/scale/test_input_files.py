import gzip

import pytest

from spacy_mre.scale.inputs import open_input
from tests.scale.text_inputs import read, write_jsonl


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "_notes").mkdir()
    write_jsonl(tmp_path / "b" / "part-1.jsonl", ["d"])
    write_jsonl(tmp_path / "c.jsonl", ["e", "f"])
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a"}\n\n{"text": "b"}\n{"text": "c"}'))
    for name in ("_SUCCESS", ".a.jsonl.crc", "_notes/x.jsonl"):
        (tmp_path / name).write_text("no JSON")
    opened = open_input(tmp_path, size=2)
    assert [file["name"] for file in opened.files] == ["a.jsonl.gz", "b/part-1.jsonl", "c.jsonl"]
    assert [file["size"] for file in opened.files] == [(tmp_path / f["name"]).stat().st_size for f in opened.files]
    assert opened.total == sum(file["size"] for file in opened.files)
    partitions = list(opened.partitions())
    assert [[row.values["text"] for row in partition.rows] for partition in partitions] == [
        list("ab"),
        list("cd"),
        list("ef"),
    ]
    assert [(row.number, row.place) for row in partitions[1].rows] == [
        (3, "a.jsonl.gz, line 4"),
        (4, "b/part-1.jsonl, line 1"),
    ]
    assert partitions[-1].position == opened.total


def test_a_folder_that_contains_a_link_to_itself(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", ["a"])
    (tmp_path / "self").symlink_to(tmp_path)
    assert len(read(tmp_path)) == 1


def test_files_of_different_kinds(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", ["a"])
    (tmp_path / "b.txt").write_text("b")
    with pytest.raises(ValueError, match=r"M703.*a\.jsonl is JSON lines, but b\.txt is text"):
        open_input(tmp_path)


@pytest.mark.parametrize("name", ["texts.docx", "texts", "texts.gz", "texts.parquet.gz", "texts.spacy.zst"])
def test_an_unknown_suffix(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=rf"M700.*{name}"):
        open_input(tmp_path / name)


def test_nothing_to_read(tmp_path):
    with pytest.raises(ValueError, match=r"M701"):
        open_input(tmp_path / "missing.jsonl")
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(ValueError, match=r"M702"):
        open_input(tmp_path)
    (tmp_path / "texts.txt").touch()
    opened = open_input(tmp_path)
    assert (opened.total, list(opened.partitions())) == (0, [])
