import csv
import json

import pytest

from spacy_mre.scale.inputs import open_input
from tests.scale.text_inputs import TEXTS, faults, read, values, write_csv


@pytest.mark.parametrize("name", ["texts.jsonl", "texts.ndjson", "TEXTS.JSONL"])
def test_json_lines(tmp_path, name):
    items = [{"id": 7, "text": text, "meta": {"tags": ["a", None]}} for text in TEXTS]
    path = tmp_path / name
    path.write_text("\n".join(json.dumps(item, ensure_ascii=False) for item in items), encoding="utf8")
    assert values(path) == items


def test_text_lines_get_their_numbers_as_ids(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("one\n\n  \n two \n", encoding="utf8")
    assert values(path, text="body") == [{"id": 1, "body": "one"}, {"id": 4, "body": " two "}]
    assert [row.place for row in read(path)] == ["texts.txt, line 1", "texts.txt, line 4"]


@pytest.mark.parametrize(("name", "delimiter"), [("texts.csv", ","), ("texts.tsv", "\t")])
def test_csv(tmp_path, name, delimiter):
    cells = ["a, b\tc", 'a "quote"', "two\r\nlines", ""]
    path = write_csv(tmp_path / name, [["id", "text"], *([str(i), cell] for i, cell in enumerate(cells))], delimiter)
    assert values(path) == [{"id": str(i), "text": cell} for i, cell in enumerate(cells)]
    # The third row has two lines, so the fourth begins in the sixth.
    assert [row.place for row in read(path)] == [f"{name}, line {line}" for line in (2, 3, 4, 6)]


def test_line_ends_and_byte_order_marks(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes("\ufeffa\rb\r\nc\u2028d\x85e\x0bf\x1cg\nh".encode())
    assert [value["text"] for value in values(path)] == ["a\rb", "c\u2028d\x85e\x0bf\x1cg", "h"]
    path = tmp_path / "texts.jsonl"
    path.write_bytes('\ufeff{"text": "c\u2028d\x85e"}\r\n\r\n{"text": "\\ud800"}'.encode())
    assert values(path) == [{"text": "c\u2028d\x85e"}, {"text": "\ud800"}]
    path = tmp_path / "texts.csv"
    path.write_bytes("\ufefftext,id\r\n\r\nc\u2028d\x85e,1\r\n".encode())
    assert values(path) == [{"text": "c\u2028d\x85e", "id": "1"}]


@pytest.mark.parametrize("kind", ["jsonl", "txt"])
def test_files_without_rows(tmp_path, kind):
    path = tmp_path / f"texts.{kind}"
    for content in (b"", b"\n \t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"):
        path.write_bytes(content)
        assert list(open_input(path).partitions()) == []


def test_json_is_read_as_python_reads_it(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "a", "text": "b", "x": NaN}')
    found = values(path)[0]
    assert found["text"] == "b"
    assert found["x"] != found["x"]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "txt"])
def test_a_text_of_ten_megabytes(tmp_path, kind):
    text = "x" * 10_000_000
    path = tmp_path / f"texts.{kind}"
    if kind == "csv":
        write_csv(path, [["text"], [text]])
    else:
        path.write_text(json.dumps({"text": text}) if kind == "jsonl" else text)
    limit = csv.field_size_limit()
    assert [value["text"] for value in values(path)] == [text]
    assert csv.field_size_limit() == limit


def test_bad_lines_of_json(tmp_path):
    path = tmp_path / "texts.jsonl"
    lines = [b'{"text": "a"}', b'{"text": "b"', b'["c"]', b'{"text": "d\xff"}', b"[" * 100_000, b"1" * 5000]
    path.write_bytes(b"\n".join([*lines, b'{"text": "e"}']))
    assert faults(path) == [
        ("texts.jsonl, line 1", "a", ""),
        ("texts.jsonl, line 2", None, "it is not JSON: Expecting ',' delimiter at column 13"),
        ("texts.jsonl, line 3", None, "it is not a JSON object"),
        ("texts.jsonl, line 4", None, "byte 12 is not UTF-8"),
        ("texts.jsonl, line 5", None, "it is not JSON: too many levels of brackets"),
        ("texts.jsonl, line 6", None, "it is not JSON: an integer has too many digits"),
        ("texts.jsonl, line 7", "e", ""),
    ]


def test_bad_bytes_in_text_lines(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes(b"a\nb\xe6\x97\nc\n\xed\xa0\x80\n")
    assert faults(path) == [
        ("texts.txt, line 1", "a", ""),
        ("texts.txt, line 2", None, "byte 2 is not UTF-8"),
        ("texts.txt, line 3", "c", ""),
        ("texts.txt, line 4", None, "byte 1 is not UTF-8"),
    ]


def test_bad_rows_of_csv(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_bytes(b'id,text\n1,a\n2\n3,b,c\n4,"x\ny\xffz"\n5,"b" c\n6,d\re\n7,"f"\n')
    found = faults(path)
    assert found[4][2].startswith("it is not CSV: ")
    assert found[5][2].startswith("it is not CSV: ")
    assert [fault[:2] for fault in found[4:6]] == [("texts.csv, line 7", None), ("texts.csv, line 8", None)]
    assert found[:4] + found[6:] == [
        ("texts.csv, line 2", "a", ""),
        ("texts.csv, line 3", None, "it has 1 fields, but the header has 2"),
        ("texts.csv, line 4", None, "it has 3 fields, but the header has 2"),
        ("texts.csv, line 5", None, "byte 7 is not UTF-8"),
        ("texts.csv, line 9", "f", ""),
    ]


def test_a_quotation_mark_that_is_not_closed(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text('text\na\n"b\nc\nd\n')
    partitions = open_input(path, size=1).partitions()
    with pytest.raises(ValueError, match=r"M709.*texts\.csv, line 3: "):
        list(partitions)


@pytest.mark.parametrize(
    ("header", "reason"),
    [("text,id,text", "two columns have the name 'text'"), ("text,,id", "the name of column 2 is empty")],
)
def test_a_header_without_a_name_for_each_column(tmp_path, header, reason):
    (tmp_path / "texts.csv").write_text(f"{header}\n1,2,3\n")
    with pytest.raises(ValueError, match=rf"M706.*{reason}"):
        open_input(tmp_path / "texts.csv")
