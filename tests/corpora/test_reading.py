"""Files are read line by line: line ends, encodings, and memory that does not grow with the file."""

import gzip
import json
import tracemalloc
from zipfile import ZipFile

import pytest

from spacy_mre.corpora import READERS, CorpusError, Report
from spacy_mre.corpora.reading import read_lines, read_start
from spacy_mre.corpora.recognise import recognise

LINES = {
    "line feeds": (b"a\nb\n", ["a", "b"]),
    "carriage returns and line feeds": (b"a\r\nb\r\n", ["a", "b"]),
    "carriage returns": (b"a\rb\r", ["a", "b"]),
    "no end": (b"a\nb", ["a", "b"]),
    "carriage returns, no end": (b"a\rb", ["a", "b"]),
    "both, a carriage return inside of a line": (b"a\rb\nc", ["a\rb", "c"]),
    "blank lines": (b"\n\na\n\n", ["", "", "a", ""]),
    "blank lines of carriage returns": (b"\r\ra\r\r", ["", "", "a", ""]),
    "byte order mark": (b"\xef\xbb\xbfa\nb\n", ["a", "b"]),
    "other characters that some programs split at": ("a\u2028b\x85c\x0bd\n".encode(), ["a\u2028b\x85c\x0bd"]),
}


@pytest.mark.parametrize("data, lines", LINES.values(), ids=LINES)
def test_lines(data, lines, tmp_path):
    (tmp_path / "a").write_bytes(data)
    assert list(read_lines(tmp_path / "a")) == list(enumerate(lines, start=1))


@pytest.mark.parametrize("data", [b"a\nb", b"a\rb", b"a"])
def test_a_last_line_without_an_end_is_noted(data, tmp_path):
    (tmp_path / "a").write_bytes(data)
    report = Report()
    n_lines = len(list(read_lines(tmp_path / "a", report=report)))
    assert report.examples == {"last line without an end, perhaps cut off": [f"a, line {n_lines}"]}


BAD = {
    "NUL": (b"a\nbc\0d\n", 2, "byte 4 is NUL"),
    "not UTF-8": (b"a\n\xe5\xb1\xb1\xff\n", 2, "byte 5 is not UTF-8"),
    "not UTF-8, in a file of carriage returns": (b"a\r\xff", 1, "byte 2 is not UTF-8"),
    "UTF-16": ("a\nb".encode("utf-16"), 1, "the file is in UTF-16"),
    "nothing": (b"", 0, "the file is empty"),
    "white space only": (b" \n\t\n", 0, "the file is empty"),
}


@pytest.mark.parametrize("data, line, reason", BAD.values(), ids=BAD)
def test_bad_files(data, line, reason, tmp_path):
    (tmp_path / "a").write_bytes(data)
    where = f"line {line}: {reason}" if line else reason
    with pytest.raises(CorpusError, match=f"a(, |: ){where}"):
        list(read_lines(tmp_path / "a"))


def zip_with(path, name):
    with ZipFile(path, "w") as archive:
        archive.writestr(name, "abc")


PACKED = {
    "ZIP": (lambda path: zip_with(path, "all.jsonl"), "this is a ZIP archive; unpack it"),
    "gzip": (lambda path: path.write_bytes(gzip.compress(b"a\n")), "this is a gzip file; unpack it"),
    "Excel": (lambda path: zip_with(path, "xl/workbook.xml"), "this is an Excel file; save it as CSV in UTF-8"),
    "old Excel": (
        lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\n\0"),
        "this is an Excel or Word file of an old version; save it as CSV or text in UTF-8",
    ),
    "the beginning of a ZIP archive": (lambda path: path.write_bytes(b"PK\x03\x04\n\0"), "this is a ZIP archive"),
}


@pytest.mark.parametrize("write, reason", PACKED.values(), ids=PACKED)
def test_packed_files(write, reason, tmp_path):
    write(tmp_path / "a")
    for read in (READERS["doccano"], READERS["table"], READERS["conll"], lambda path: [recognise(path)]):
        with pytest.raises(CorpusError, match=f"a: {reason}"):
            list(read(tmp_path / "a"))


def test_an_empty_file_may_be_allowed(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    assert list(read_lines(tmp_path / "a", may_be_empty=True)) == []


def test_the_start_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + b" \n" * 5 + "京都".encode() * 50_000)
    assert read_start(tmp_path / "a")[:3] == "京都京"
    (tmp_path / "a").write_bytes(b"\n" * 200_000 + b"[")
    assert read_start(tmp_path / "a") == "["


TEXT = "東京で会った🙂。" * 10
STREAMED = {
    "jsonl": {"text": TEXT, "entities": [{"start": 0, "end": 2, "label": "x", "text": "東京"}]},
    # Offsets in UTF-16: the first pass must decide for all.
    "jsonl, UTF-16": {"text": TEXT[:16], "entities": [{"start": 9, "end": 11, "label": "x", "text": "東京"}]},
    "doccano": {"text": TEXT, "label": [[0, 2, "x"]]},
    "prodigy": {"text": TEXT, "spans": [{"start": 0, "end": 2, "label": "x"}]},
    "genia": {"tokens": ["東京", "で"], "entity_mentions": [], "sentence": TEXT},
}


def peak_of_reading(format, path):
    tracemalloc.start()
    number = sum(bool(record.text) for record in READERS[format](path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return number, peak


@pytest.mark.parametrize("name", STREAMED)
def test_memory_does_not_grow_with_the_file(name, tmp_path):
    peaks = {}
    for count in (100, 1000):
        line = json.dumps(STREAMED[name], ensure_ascii=False) + "\n"
        (tmp_path / "a").write_text("".join(f'{{"id": {i}, ' + line[1:] for i in range(count)), encoding="utf8")
        number, peaks[count] = peak_of_reading(name.split(",")[0], tmp_path / "a")
        assert number == count
    # A list of the records alone would have ten times the size. (Reports have examples, prodigy a hash of each text.)
    assert peaks[1000] < 2 * peaks[100] + 2**16


@pytest.mark.parametrize("content", ['[{"text": "a"}]', '{\n  "text": "a"\n}', "[\n{}\n]"])
def test_json_that_is_not_one_object_per_line(content, tmp_path):
    (tmp_path / "a").write_text(content)
    with pytest.raises(CorpusError, match=r"a, line 1: expected a JSON object on each line"):
        list(READERS["jsonl"](tmp_path / "a"))


def test_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(CorpusError, match=r"a\.txt: expected a folder of \.txt and \.ann files, found a file"):
        list(READERS["brat"](tmp_path / "a.txt"))


@pytest.mark.parametrize("comment", ["# id 12 domain=en", "# id 12"])
@pytest.mark.parametrize("lines", ["{}\nAda _ _ B-x\n", "Ada _ _ B-x\n\n{}\nAda _ _ B-x\n"])
def test_comments_in_columns(comment, lines, tmp_path):
    (tmp_path / "a").write_text(lines.format(comment))
    with pytest.raises(CorpusError, match=r"line [123]: .*--comment '#'"):
        list(READERS["conll"](tmp_path / "a"))
    assert next(READERS["conll"](tmp_path / "a", comment="#")).text == "Ada"
