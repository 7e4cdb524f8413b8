import bz2
import gzip
import json

import pyarrow as pa
import pytest

from spacy_mre.scale.inputs import open_input
from tests.scale.text_inputs import read

COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "zst": lambda data: pa.compress(data, "zstd", asbytes=True)}


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("kind", ["jsonl", "csv", "txt"])
def test_compressed_files(tmp_path, kind, suffix):
    content = {"jsonl": b'{"text": "Ida"}\n{"text": "Tom"}\n', "csv": b"text\nIda\nTom\n", "txt": b"Ida\nTom\n"}[kind]
    path = tmp_path / f"texts.v1.{kind}.{suffix}"
    # Two streams, one after another, as `cat a.gz b.gz` makes them.
    path.write_bytes(COMPRESS[suffix](content[:9]) + COMPRESS[suffix](content[9:]))
    opened = open_input(path, size=1)
    partitions = list(opened.partitions())
    assert [partition.rows[0].values["text"] for partition in partitions] == ["Ida", "Tom"]
    assert opened.files == [
        {"name": path.name, "size": path.stat().st_size, "modified": path.stat().st_mtime_ns},
    ]
    assert partitions[-1].position == opened.total == path.stat().st_size


def test_a_line_that_is_too_long_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_mre.scale.lines.MAX_LINE", 20)
    path = tmp_path / "texts.txt"
    path.write_bytes(b"a\n" + b"b" * 21 + b"\n" + b"c" * 100 + b"\nd\n" + b"e" * 20 + b"\n" + b"f" * 60)
    found = [(row.place, row.values.get("text"), bool(row.fault)) for row in read(path)]
    assert found == [
        ("texts.txt, line 1", "a", False),
        ("texts.txt, line 2", None, True),
        ("texts.txt, line 3", None, True),
        ("texts.txt, line 4", "d", False),
        ("texts.txt, line 5", "e" * 20, False),
        ("texts.txt, line 6", None, True),
    ]


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_that_was_cut_off(tmp_path, suffix):
    path = tmp_path / f"texts.jsonl.{suffix}"
    lines = "".join(json.dumps({"text": f"{i * 7919 % 10007} {i}"}) + "\n" for i in range(60_000))
    path.write_bytes(COMPRESS[suffix](lines.encode())[:-20_000])
    partitions = open_input(path, size=1000).partitions()
    assert next(partitions).rows[999].values == {"text": f"{999 * 7919 % 10007} 999"}
    with pytest.raises(
        ValueError, match=rf"M708.*texts\.jsonl\.{suffix} cannot be read further than line [0-9]{{5}}: "
    ):
        list(partitions)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("content", [b"", b"not compressed"])
def test_a_file_that_is_not_compressed(tmp_path, suffix, content):
    path = tmp_path / f"texts.jsonl.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"M708.*further than the beginning"):
        read(path)


def test_utf_16(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("Ida", encoding="utf16")
    with pytest.raises(ValueError, match=r"M710"):
        read(path)
