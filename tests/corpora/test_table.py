"""Tables: CSV and TSV as spreadsheets and other programs write them, and Parquet."""

import sys

import pytest
import spacy

from spacy_mre.corpora import CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs, recognise
from spacy_mre.corpora.table import read_table
from spacy_mre.corpora.table_writer import write_records

FULL = Record(
    '🙂 "Ada",\r\nmet\tBo;',
    id="r-1",
    entities=[EntityRecord(3, 6, "person")],
    relations=[RelationRecord(0, 0, "is")],
    cats={"diary": 1.0, "news": 0.0},
    tokens=[(0, 1), (2, 7)],
    group="g",
    meta={"by": ["Ada"], "page": 3},
)


@pytest.fixture
def read(tmp_path):
    def run(content, name="a.csv", **options):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf8"))
        report = Report()
        return list(read_table(tmp_path / name, report=report, **options)), report

    return run


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_texts_with_a_label(read, separator, line_end):
    rows = [["text", "label", "page"], ['"Ada, ""A""; x\ty\n"', "diary", "3"], ["雨", "", ""], ["\u3000", "天気", ""]]
    content = "\ufeff" + line_end.join(separator.join(row) for row in rows) + line_end * 2
    records, report = read(content)
    assert [record.text for record in records] == ['Ada, "A"; x\ty\n', "雨", "\u3000"]
    assert [record.cats for record in records] == [{"diary": 1.0}, None, {"天気": 1.0}]
    assert [record.meta for record in records] == [{"page": "3"}, {}, {}]
    assert [record.id for record in records] == ["a-1", "a-2", "a-3"]
    assert report.noted == {"key 'page' read as metadata": 1}


def test_other_names_of_columns(read):
    (record,), report = read("本文,分類,id\n雨,天気,7\n", text_column="本文", label_column="分類")
    assert (record.text, record.cats, record.id, record.meta) == ("雨", {"天気": 1.0}, "7", {})
    assert not report.noted
    with pytest.raises(CorpusError, match="no column 'text' among 本文, 分類, id: name it with --text-column"):
        read("本文,分類,id\n雨,天気,7\n")


def test_long_cells(read):
    assert len(read(f"text\n{'x' * 200_000}\n")[0][0].text) == 200_000


@pytest.mark.parametrize(
    "content, reason",
    [
        ("text,text\na,b\n", "line 1: two columns have the name 'text'"),
        ("text,label\na,b\nc\n", "line 3: found 1 cells, but the header has 2"),
        ('text,label\n"a"x,b\n', "line 2: invalid CSV"),
        ('text,label\n"a,b\n', "line 2: invalid CSV"),
        ('text,entities\nAda,"[{}]"\n', "line 2: the key 'label' is missing"),
        ("text,entities\nAda,person\n", "line 2: the column 'entities' must contain JSON"),
        ('text,cats,label\nAda,"[""x""]",y\n', "line 2: there are text labels in 'label' and in 'cats'"),
        (b"text,label\n\x93\xfa,b\n", "line 2: byte 11 is not UTF-8"),
    ],
)
def test_malformed(read, content, reason):
    with pytest.raises(CorpusError, match=rf"a\.csv, {reason}"):
        read(content)


def test_a_table_is_closed_after_an_error(read):
    import csv

    limit = csv.field_size_limit()
    with pytest.raises(CorpusError):
        read('text,label\n"a,b\n')
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet"])
def test_records_survive(tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    records = [
        FULL,
        Record("Ra\rin", "r-2"),
        Record("", "r-3", [], [], {}, []),
        Record("Sun", "r-4", [], cats={"x": 0.5}),
    ]
    report = Report()
    assert write_records(records, tmp_path / "new" / name, report) == 4
    back = list(read_table(tmp_path / "new" / name, report=report))
    assert not report.lost and not report.noted
    for record in back:
        record.origin = ""
    assert back == records
    assert recognise(tmp_path / "new" / name) == "table"


def test_what_csv_cannot_represent_is_counted(tmp_path):
    report = Report()
    write_records([Record("a\0b", "1", cats={"\0": 1.0})], tmp_path / "a.csv", report)
    assert report.lost == {"NUL character (written as a space)": 1}
    (record,) = read_table(tmp_path / "a.csv")
    assert (record.text, record.cats) == ("a b", {"\0": 1.0})


def test_parquet_of_other_programs(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from datetime import date

    from pyarrow import parquet

    rows = [
        {"text": "Ada", "label": 3, "day": date(2024, 5, 2), "size": float("nan"), "entities": [[0, 3]]},
        {"text": "Bo", "label": None, "day": None, "size": 1.5, "entities": None},
    ]
    parquet.write_table(pa.Table.from_pylist([{**row, "entities": None} for row in rows]), tmp_path / "a.parquet")
    report = Report()
    first, second = read_table(tmp_path / "a.parquet", report=report)
    assert (first.cats, first.meta, first.origin) == ({"3": 1.0}, {"day": "2024-05-02"}, "a.parquet, row 1")
    assert (second.cats, second.meta) == (None, {"size": 1.5})
    # Structs instead of maps, and other offsets.
    rows = [{"text": "Ada", "cats": {"x": 1.0}}, {"text": "Bo", "cats": {"y": 0.5}}, {"text": "Cy", "cats": None}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert [record.cats for record in read_table(tmp_path / "a.parquet")] == [{"x": 1.0}, {"y": 0.5}, None]
    rows = [{"text": "Ada", "entities": [{"start": 0, "end": 4, "label": "x"}]}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"a\.parquet: row 1: the entity 'x' goes from 0 to 4"):
        list(read_table(tmp_path / "a.parquet"))


def test_damaged_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(CorpusError, match=r"a\.parquet: invalid Parquet"):
        list(read_table(tmp_path / "a.parquet"))


def test_parquet_needs_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"M223.*a\.parquet.*spacy-mre\[tables\]"):
        list(read_table(tmp_path / "a.parquet"))
    with pytest.raises(ValueError, match="M223"):
        write_records([FULL], tmp_path / "b.parquet")
    assert not (tmp_path / "b.parquet").exists()


def test_docs(read):
    (doc,) = make_docs(read("text,label\nAda,diary\n")[0], spacy.blank("en"))
    assert doc.cats == {"diary": 1.0}
