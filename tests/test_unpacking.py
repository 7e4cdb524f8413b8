import gc
import os
import stat

import pytest
import srsly

from spacy_mre import unpacking
from spacy_mre.unpacking import check_files, collecting, is_ours, is_plain_name, read_table, reason_of, unpacked

PLAIN = [
    "config.json",
    "model-00001-of-00002.safetensors",
    "sentencepiece.bpe.model",
    "vocab-src.json",
    "a",
    "_x+1.txt",
    "console.txt",
    "x" * 128,
]


@pytest.mark.parametrize("name", PLAIN)
def test_plain_names(name):
    assert is_plain_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "/a", "C:a", ".a", "a.", "a ", "a\n", "a\0", "con", "NUL.txt", "x" * 129, 3, b"a"],
)
def test_other_names(name):
    assert not is_plain_name(name)


def test_all_files_are_checked_before_one_is_written(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        pytest.raises(ValueError, match=r"M010.*The model.*'\.\./b'"),
        unpacked({"a": b"1", "../b": b"2"}, "The model"),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_the_folder_is_private_and_removed():
    with unpacked({"a.txt": b"1", "b.txt": b""}, "The model") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.txt": b"1", "b.txt": b""}
    assert not folder.exists()


def test_counts_and_sizes_are_limited(monkeypatch):
    with pytest.raises(ValueError, match=r"M011.*257 files.*256"):
        check_files({str(i): b"" for i in range(257)}, "The model")
    monkeypatch.setattr(unpacking, "MOST_BYTES", 3)
    check_files({"a": b"12", "b": b"3"}, "The model")
    with pytest.raises(ValueError, match=r"M011.*4 bytes.*3"):
        check_files({"a": b"12", "b": b"34"}, "The model")


@pytest.mark.parametrize("files", [None, [], b"a", {"a": "text"}, {"a": bytearray(b"x")}])
def test_what_is_not_a_table_of_files(files):
    if files == []:
        files = ["a"]
    with pytest.raises(ValueError, match="M012"):
        check_files(files, "The model")


def test_tables():
    assert read_table(srsly.msgpack_dumps({"a": 1}), "The model") == {"a": 1}
    for data in (b"", b"\xc1", srsly.msgpack_dumps([1]), srsly.msgpack_dumps({1: 2}), None):
        with pytest.raises(ValueError, match=r"M012.*The model"):
            read_table(data, "The model")
        assert gc.isenabled()


def test_the_garbage_collector_stays_as_it_was():
    with pytest.raises(RuntimeError), collecting():
        gc.disable()
        raise RuntimeError
    assert gc.isenabled()
    gc.disable()
    with collecting():
        pass
    assert not gc.isenabled()
    gc.enable()


def test_reasons():
    assert reason_of(ValueError("first\nsecond")) == "ValueError: first"
    assert reason_of(EOFError()) == "EOFError"
    assert len(reason_of(ValueError("x" * 1000))) == 200
    assert is_ours(ValueError("[M010] x")) and not is_ours(ValueError("x [M010]"))
