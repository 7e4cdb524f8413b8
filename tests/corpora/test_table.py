"""Tables: CSV and TSV as spreadsheets and other programs write them, and Parquet."""

import json
import sys
import tracemalloc
from random import Random
from weakref import WeakSet

import pytest
import spacy

from spacy_mre.corpora import CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs, recognise
from spacy_mre.corpora.table import read_table
from spacy_mre.corpora.table_writer import write_records
from tests.robustness.effort import scale

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


@pytest.mark.parametrize(
    "cell, cats, is_noted",
    [
        ('["diary", "news"]', {"diary": 1.0, "news": 1.0}, False),
        ("[1]", {"1": 1.0}, False),
        ("[]", {}, False),
        ("[diary]", {"[diary]": 1.0}, True),
        ("['diary', 'news']", {"['diary', 'news']": 1.0}, True),
    ],
)
def test_lists_of_labels_in_csv(read, cell, cats, is_noted):
    quoted = cell.replace('"', '""')
    (record,), report = read(f'text,label\nRain,"{quoted}"\n')
    assert record.cats == cats and bool(report.noted) == is_noted and not report.lost
    with pytest.raises(CorpusError, match=r"line 2: 'label' must be a string or an integer"):
        read('text,label\nRain,"[[1]]"\n')


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
    with pytest.raises(CorpusError, match=r"no column 'text'\. The columns are: 本文, 分類, id\. .* --text-column"):
        read("本文,分類,id\n雨,天気,7\n")


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize("labels, cats", [((1, -1), {"1": 1.0}), (([1, -1], [-1]), {"1": 1.0})])
def test_a_class_without_a_name_may_be_none(tmp_path, ending, labels, cats):
    rows = [{"text": f"text {i}", "label": label} for i, label in enumerate(labels)]
    path = tmp_path / f"a.{ending}"
    if ending == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    else:
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), path)
    report = Report()
    records = list(read_table(path, report=report))
    assert [record.cats for record in records] == [cats, None]
    # It may be the negative one of three classes.
    assert report.noted == {"class of -1, read as not annotated ('label')": str(labels).count("-1")}


def test_a_label_that_may_be_none_is_noted(read):
    records, report = read("text,label\nAda,1\nBo,-1\n")
    assert [record.cats for record in records] == [{"1": 1.0}, {"-1": 1.0}]
    assert report.noted == {"text label -1, which may mean not annotated ('label')": 1}


def test_tsv_has_tabs(read):
    (record,), _ = read("text\tage, years; days\nAda\t5\n", name="a.tsv")
    assert (record.text, record.meta) == ("Ada", {"age, years; days": "5"})
    (record,), _ = read("text\nAda, Bo; Cy\n", name="a.tsv")
    assert record.text == "Ada, Bo; Cy"
    with pytest.raises(CorpusError, match=r"line 2: found 2 cells, but the header has 1, with tabs between them"):
        read("text\nAda\tBo\n", name="a.tsv")


def test_long_cells(read):
    assert len(read(f"text\n{'x' * 200_000}\n")[0][0].text) == 200_000


@pytest.mark.parametrize(
    "content, reason",
    [
        ("text,text\na,b\n", "line 1: two columns have the name 'text'"),
        ("text,label\na,b\nc\n", "line 3: found 1 cells, but the header has 2, with commas between them"),
        ('text,label\n"a"x,b,c\n', "line 2: invalid CSV"),
        ('text,label\n"a\n"x,b\n', "line 2: invalid CSV: ',' expected after '\"' in line 3"),
        ('text,label\n"a,b\nc,d\ne,f\n', "line 2: invalid CSV: no quotation mark closes the cell"),
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


@pytest.mark.parametrize("separator", ",\t")
@pytest.mark.parametrize(
    "rows, is_noted",
    [
        (['"Great|pos', "", "bad|neg", 'good"|pos'], True),
        (['"Great|pos', 'good"|pos'], True),
        (["x|pos", 'Ada|"pos', "bad|neg", 'good|neg"'], True),
        (['"Ada met Bo.', "They| then| left.", 'Rain"|pos'], False),
        (['"Ada| met Bo."|pos', "bad|neg"], False),
    ],
)
def test_a_cell_that_contains_rows_is_noted(read, separator, rows, is_noted):
    records, report = read("\n".join(["text|label", *rows]).replace("|", separator) + "\n")
    reason = "cell that contains rows, perhaps because its quotation mark is part of the text"
    assert report.noted == ({reason: 1} if is_noted else {})
    if is_noted:
        assert report.examples[reason] == [f"a.csv, line {1 + len(records)}"]


def test_a_table_is_closed_after_an_error(read):
    import csv

    limit = csv.field_size_limit()
    with pytest.raises(CorpusError):
        read('text,label\n"a,b\n')
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet", "out.arrow"])
def test_records_survive(tmp_path, name):
    if name.endswith(("parquet", "arrow")):
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
    # Maps, structs and lists, and other offsets.
    maps = pa.schema([("text", pa.string()), ("cats", pa.map_(pa.string(), pa.float64()))])
    parquet.write_table(pa.Table.from_pylist([{"text": "Ada", "cats": [("x", 1.0)]}], maps), tmp_path / "a.parquet")
    assert [record.cats for record in read_table(tmp_path / "a.parquet")] == [{"x": 1.0}]
    rows = [{"text": "Ada", "cats": {"x": 1.0}}, {"text": "Bo", "cats": {"y": 0.5}}, {"text": "Cy", "cats": None}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert [record.cats for record in read_table(tmp_path / "a.parquet")] == [{"x": 1.0}, {"y": 0.5}, None]
    rows = [{"text": "Ada", "entities": [{"start": 0, "end": 4, "label": "x"}]}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"a\.parquet: row 1: the entity 'x' goes from 0 to 4"):
        list(read_table(tmp_path / "a.parquet"))


def binary(folder, ending, table, *, stream=False):
    """Write a table to a file in Parquet or Arrow."""
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / f"a.{ending}"
    if ending == "parquet":
        parquet.write_table(table, path)
    else:
        make = pa.ipc.new_stream if stream else pa.ipc.new_file
        with make(path, table.schema) as writer:
            writer.write_table(table, 2)
    return path


@pytest.mark.parametrize("ending, stream", [("parquet", False), ("arrow", False), ("arrow", True)])
def test_binary_files_that_are_cut_off(tmp_path, ending, stream):
    pa = pytest.importorskip("pyarrow")
    path = binary(tmp_path, ending, pa.table({"text": ["Ada", "Bo", "Cy", "雨"], "label": [1, 2, 3, 4]}), stream=stream)
    report = Report()
    assert [record.text for record in read_table(path, report=report)] == ["Ada", "Bo", "Cy", "雨"]
    assert not report.noted and recognise(path) == "table"
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        report = Report()
        try:
            records = list(read_table(path, report=report))
        except CorpusError as err:
            assert f"a.{ending}: invalid {ending.title()}" in str(err)
        else:
            # A stream may end after each batch.
            assert ending == "arrow" and stream and len(records) in (0, 2, 4)
            assert report.noted == {"Arrow stream without an end, perhaps cut off": 1}


@pytest.mark.parametrize("ending, stream", [("parquet", False), ("arrow", False), ("arrow", True)])
def test_binary_files_with_wrong_bytes(tmp_path, ending, stream):
    pa = pytest.importorskip("pyarrow")
    rows = [{"text": "Ada 雨", "entities": [{"start": 0, "end": 3, "label": "x"}], "meta": None}] * 3
    path = binary(tmp_path, ending, pa.Table.from_pylist(rows), stream=stream)
    whole = path.read_bytes()
    random = Random(0)
    for _ in range(scale(300)):
        damaged = bytearray(whole)
        for _ in range(random.choice([1, 1, 8])):
            damaged[random.randrange(len(whole))] = random.choice([0, 1, 127, 128, 255, random.randrange(256)])
        path.write_bytes(damaged)
        try:
            list(read_table(path))
        except CorpusError as err:
            assert "a." in str(err)


def test_arrow_with_wrong_bytes_at_certain_places(tmp_path):
    pa = pytest.importorskip("pyarrow")
    path = binary(tmp_path, "arrow", pa.table({"text": ["Ada", "Bo", "Cy"], "label": [1, 2, 3]}), stream=True)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"text", b"te\xfft"))
    with pytest.raises(CorpusError, match=r"a\.arrow: invalid Arrow: 'utf-8' codec"):
        list(read_table(path))
    second = whole.rindex(b"\xff\xff\xff\xff", 0, -8)
    path.write_bytes(whole[: second + 4] + b"\0\0\0\0" + whole[second + 8 :])
    with pytest.raises(CorpusError, match=r"a\.arrow: invalid Arrow after row 2: the stream ends before the file"):
        list(read_table(path))


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_malformed_binary_files(tmp_path, ending):
    pa = pytest.importorskip("pyarrow")
    span = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])
    (tmp_path / f"a.{ending}").write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(CorpusError, match=rf"a\.{ending}: invalid Parquet"):
        list(read_table(tmp_path / f"a.{ending}"))
    tables = {
        "columns: two columns have the name 'text'": pa.Table.from_arrays([pa.array(["a"])] * 2, ["text", "text"]),
        "row 2: 'text' must be of type str, not null": pa.table({"text": ["a", None]}),
        "row 1: 'text' must be of type str, not 3": pa.table({"text": [3]}),
        "row 1: expected a JSON object, found null": pa.Table.from_pylist(
            [{"text": "a", "entities": [None]}], pa.schema([("text", pa.string()), ("entities", pa.list_(span))])
        ),
        "row 1: 'label' must be of type str, not null": pa.Table.from_pylist(
            [{"text": "a", "entities": [{}]}], pa.schema([("text", pa.string()), ("entities", pa.list_(span))])
        ),
        "row 1: the entity 'x' goes from 0 to 9000000000": pa.table(
            {"text": ["a"], "entities": [[{"start": 0, "end": 9_000_000_000, "label": "x"}]]}
        ),
        "row 1: the lists of 'entities' have different lengths": pa.table(
            {"text": ["a"], "entities": [{"start": [0], "end": [1], "label": ["x", "y"]}]}
        ),
        "row 1: 'entities' must be a list of objects": pa.table(
            {"text": ["a"], "entities": [{"start": 0, "end": 1, "label": "x"}]}
        ),
        "row 1: 'cats' contains a label twice": pa.Table.from_pylist(
            [{"text": "a", "cats": [("x", 1.0), ("x", 0.0)]}],
            pa.schema([("text", pa.string()), ("cats", pa.map_(pa.string(), pa.float64()))]),
        ),
        "row 1: 'cats' contains a label twice(?# in a list)": pa.table(
            {"text": ["a"], "cats": [[{"label": "x", "score": 1.0}, {"label": "x", "score": 0.0}]]}
        ),
        "row 1: 'cats' must be a label": pa.table({"text": ["a"], "cats": [[{"label": "x", "score": 2.0}]]}),
        "row 2: the row cannot be read": pa.table(
            {"text": ["a", "b"], "day": pa.array([0, 2**62], pa.timestamp("us"))}
        ),
        r"row 1: there is no column 'text'\. The columns are: body": pa.table({"body": ["a"]}),
    }
    for reason, table in tables.items():
        with pytest.raises(CorpusError, match=rf"a\.{ending}: {reason}"):
            list(read_table(binary(tmp_path, ending, table)))


def test_the_columns_are_not_lost_if_others_are_read(read):
    ((record,), _) = read("text,body\nold,new\n", text_column="body")
    assert (record.text, record.meta) == ("new", {"text": "old"})


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.arrow"])
def test_tables_are_read_and_written_row_by_row(tmp_path, monkeypatch, name):
    if not name.endswith("csv"):
        pytest.importorskip("pyarrow")
    monkeypatch.setattr("spacy_mre.corpora.table_writer.BATCH", 100)
    alive = WeakSet()

    def records():
        for i in range(4000):
            record = Tracked("Ada " * 500, str(i), cats={"x": 1.0})
            alive.add(record)
            most.append(len(alive))
            yield record

    most = []
    assert write_records(records(), tmp_path / name) == 4000
    assert max(most) <= 101
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_table(tmp_path / name)) == 4000
        # All texts have 8 MB.
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


class Tracked(Record):
    __hash__ = object.__hash__


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_binary_files_need_pyarrow(tmp_path, monkeypatch, ending):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / f"a.{ending}").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=rf"M223.*a\.{ending}.*spacy-mre\[tables\]"):
        list(read_table(tmp_path / f"a.{ending}"))
    with pytest.raises(ValueError, match="M223"):
        write_records([FULL], tmp_path / f"b.{ending}")
    assert not (tmp_path / f"b.{ending}").exists()


def test_docs(read):
    (doc,) = make_docs(read("text,label\nAda,diary\n")[0], spacy.blank("en"))
    assert doc.cats == {"diary": 1.0}


@pytest.mark.parametrize("ending", ["xlsx", "json", "TSV"])
def test_names_of_other_files_are_refused(tmp_path, ending):
    with pytest.raises(ValueError, match=r"M224.*: \.csv, \.tsv, \.parquet, \.arrow"):
        write_records([FULL], tmp_path / f"a.{ending}")
    assert not any(tmp_path.iterdir())


def test_a_name_without_an_ending_is_csv(tmp_path):
    write_records([FULL], tmp_path / "a")
    assert (tmp_path / "a").read_text(encoding="utf8").startswith('"id","text",')


def test_bytes_are_text_in_utf8(tmp_path):
    pa = pytest.importorskip("pyarrow")
    row = {"text": "雨".encode(), "label": b"diary", "by": b"Ada"}
    (record,) = read_table(binary(tmp_path, "parquet", pa.Table.from_pylist([row])))
    assert (record.text, record.cats, record.meta) == ("雨", {"diary": 1.0}, {"by": "Ada"})
    keys = pa.schema([("text", pa.string()), ("cats", pa.map_(pa.binary(), pa.float64()))])
    table = pa.Table.from_pylist([{"text": "Rain", "cats": [(b"diary", 1.0)]}], keys)
    assert [record.cats for record in read_table(binary(tmp_path, "parquet", table))] == [{"diary": 1.0}]
    table = pa.table({"text": ["Rain", "Sun"], "image": [b"x", b"x\xff"]})
    with pytest.raises(CorpusError, match=r"row 2: the column 'image' contains bytes that are not UTF-8 \(byte 1\)"):
        list(read_table(binary(tmp_path, "parquet", table)))


def test_values_that_are_all_null_are_no_annotation(tmp_path):
    pa = pytest.importorskip("pyarrow")
    rows = [{"diary": 1.0, "news": None}, {"diary": None, "news": None}, None]
    table = pa.table({"text": ["Rain", "Sun", "Snow"], "cats": rows})
    assert [r.cats for r in read_table(binary(tmp_path, "parquet", table))] == [{"diary": 1.0}, None, None]
    objects = tmp_path / "rows.json"
    objects.write_text(json.dumps([{"text": "Rain", "cats": cats} for cats in (*rows, {})]))
    assert [r.cats for r in read_table(objects)] == [{"diary": 1.0}, None, None, {}]
    table = pa.table({"text": ["Rain", "Sun", "Snow"], "label": [["diary", None], [None], []]})
    assert [r.cats for r in read_table(binary(tmp_path, "parquet", table))] == [{"diary": 1.0}, None, {}]


@pytest.mark.parametrize("name", ["[id]", "{id}"])
def test_csv_may_begin_as_json_does(name, read, tmp_path):
    ((record,), _) = read(f"{name},text\n7,Rain\n")
    assert (record.text, record.meta) == ("Rain", {name: "7"})
    assert recognise(tmp_path / "a.csv") == "table"


def test_labels_of_other_tools(read):
    (records, report) = read("text,label\nRain,news#diary\nSun,C#\nSnow,news\n")
    assert [list(record.cats) for record in records] == [["news#diary"], ["C#"], ["news"]]
    assert report.noted == {"text label with #, by which doccano's CSV joins several, read as one ('label')": 1}
    for cell in ('[{""start"":0,""end"":3,""text"":""Ada"",""labels"":[""person""]}]', '{""choices"":[""a"",""b""]}'):
        with pytest.raises(
            CorpusError, match=r"line 2: 'label' contains results of Label Studio.*export the project as"
        ):
            read(f'text,label\nAda,"{cell}"\n')
