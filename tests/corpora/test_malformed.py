"""What is wrong in files of any format, by name; the fuzz tests in `tests/robustness` find the rest."""

import json

import pytest

from spacy_mre.corpora import READERS, CorpusError, Report
from spacy_mre.corpora.json_values import InvalidJSON, parse_json
from spacy_mre.corpora.reading import read_lines, read_text


@pytest.mark.parametrize(
    "text, reason",
    [
        ("[" * 100_000, "too many levels of brackets"),
        (r'{"text": "Anna \ud83d Bell"}', r"'\\ud83d' is half of a surrogate pair"),
        (r'{"\udc00": 1}', "half of a surrogate pair"),
        ("1" * 5000, "an integer has too many digits"),
        ("1e999", "too large"),
        ("[NaN]", "NaN"),
        ("-Infinity", "-Infinity"),
        ('{"a": 1, "a": 2}', "the key 'a' twice"),
        ('{"a": ', "invalid JSON"),
        ('"a\tb"', "Invalid control character"),
    ],
)
def test_json_that_is_refused(text, reason):
    with pytest.raises(InvalidJSON, match=reason):
        parse_json(text)


def test_json_that_is_accepted():
    value = {"text": "🙂\x00\u2028", "numbers": [0, -1, 10**30, 0.5], "none": None, "a\u0085b": True}
    for ascii_only in (True, False):
        assert parse_json(json.dumps(value, ensure_ascii=ascii_only)) == value


@pytest.mark.parametrize(
    "data, reason",
    [
        ("a".encode("utf-16"), "UTF-16"),
        ("a\nb".encode("utf-16-le"), "line 1: byte 1 is NUL"),
        (b"a\nb\0", "line 2: byte 3 is NUL"),
        (b"a\n\xed\xa0\xbd", "line 2: byte 2 is not UTF-8"),
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\n", "the file is empty"),
    ],
)
def test_text_that_is_refused(tmp_path, data, reason):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=rf"a\.txt.*{reason}"):
        read_text(path)


@pytest.mark.parametrize(
    "text, lines",
    [
        ("a\u2028b\x85c\x0bd\x0ce\x1cf\n", ["a\u2028b\x85c\x0bd\x0ce\x1cf"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\rb\r", ["a", "b"]),
        ("a\rb\nc\n", ["a\rb", "c"]),
        ("\ufeffa", ["a"]),
    ],
)
def test_only_line_feeds_and_carriage_returns_end_lines(tmp_path, text, lines):
    (tmp_path / "a.txt").write_bytes(text.encode("utf8"))
    report = Report()
    assert [line for _, line in read_lines(tmp_path / "a.txt", report=report)] == lines
    assert report.noted == ({} if text[-1] in "\r\n" else {"last line without an end, perhaps cut off": 1})


def nested(levels):
    return [nested(levels - 1)] if levels else 0


@pytest.mark.parametrize(
    "item, reason",
    [
        ({"text": "Ada", "id": []}, "'id' must be a string or an integer"),
        ({"text": "Ada", "id": True}, "'id' must be a string or an integer"),
        ({"text": "Ada", "group": {"a": 1}}, "'group' must be"),
        ({"text": "Ada", "cats": {"a": 10**400}}, "numbers from 0 to 1"),
        ({"text": "Ada", "cats": {"a": -0.5}}, "numbers from 0 to 1"),
        ({"text": "Ada", "entities": [{"start": 0, "end": True, "label": "x"}]}, "'end' must be of type int"),
        ({"text": "Ada", "entities": [{"start": -3, "end": -1, "label": "x"}]}, "from -3 to -1"),
        ({"text": "Ada", "entities": [{"start": 2, "end": 1, "label": "x"}]}, "from 2 to 1"),
        ({"text": "Ada", "entities": [{"start": 0, "end": 10**30, "label": "x"}]}, "from 0 to 1000"),
        ({"text": "Ada", "entities": [{"start": 0, "end": 3, "label": None}]}, "'label' must be of type str"),
        ({"text": "Ada", "entities": [None]}, "expected a JSON object"),
        ({"text": "Ada", "meta": 2**64}, "the metadata cannot be stored"),
        ({"text": "Ada", "meta": nested(600)}, "the metadata cannot be stored"),
    ],
)
def test_values_of_jsonl(tmp_path, item, reason):
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "first"}\n' + json.dumps(item), encoding="utf8")
    with pytest.raises(CorpusError, match=rf"M201.*data\.jsonl, line 2: .*{reason}"):
        list(READERS["jsonl"](path))


def test_an_id_or_group_of_zero_is_kept(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"text": "Ada", "id": 0, "group": 0}\n{"text": "Bo", "id": null}')
    assert [(r.id, r.group) for r in READERS["jsonl"](tmp_path / "data.jsonl")] == [("0", "0"), ("data-2", "")]


def test_unknown_keys_are_counted_by_name(tmp_path):
    rows = [
        {"text": "Ada", "entitys": [], "tags": ["x"], "meta": {"a": 1}, "note": None},
        {
            "text": "Ada",
            "tags": [],
            "entities": [{"id": 1, "text": "Ada", "start": 0, "end": 3, "label": "x", "score": 1}],
        },
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    report = Report()
    list(READERS["jsonl"](tmp_path / "data.jsonl", report=report))
    assert report.lost == {
        "unknown key 'entitys' of a record, not read (did you mean 'entities'?)": 1,
        "unknown key 'tags' of a record, not read": 2,
        "unknown key 'score' of an entity, not read": 1,
    }
    assert report.examples["unknown key 'tags' of a record, not read"] == ["data.jsonl, line 1", "data.jsonl, line 2"]


@pytest.mark.parametrize("label", [None, 3, ["x"]])
def test_labels_of_crossre(tmp_path, label):
    path = tmp_path / "music-dev.json"
    item = {"doc_key": "1", "sentence": ["Ada"], "ner": [[0, 0, label]], "relations": []}
    path.write_text(json.dumps(item))
    with pytest.raises(CorpusError, match=r"music-dev\.json, line 1: the label of an entity must be a string"):
        list(READERS["crossre"](path))
    path.write_text(json.dumps({**item, "ner": [[0, 0, "x"]], "relations": [[0, 0, 0, 0, label]]}))
    with pytest.raises(CorpusError, match=r"music-dev\.json, line 1: the label of a relation must be a string"):
        list(READERS["crossre"](path))


def test_ids_of_token_formats(tmp_path):
    path = tmp_path / "data.json"
    path.write_text('[{"tokens": ["Ada"], "orig_id": null}]')
    assert [record.id for record in READERS["spert"](path)] == ["data-1"]
    path.write_text('[{"tokens": ["Ada"], "orig_id": {}}]')
    with pytest.raises(CorpusError, match="'orig_id' must be"):
        list(READERS["spert"](path))


@pytest.mark.parametrize(
    "line, reason",
    [
        ("R1\t", "expected LABEL Arg1:T1 Arg2:T2"),
        ("*\t", "expected LABEL Arg1:T1 Arg2:T2"),
        ("R1\tmet Arg1:T1 Arg2:T1\tmore", "expected LABEL Arg1:T1 Arg2:T2"),
        ("A1\tSure T9", "refers to T9"),
        ("E1\tmeeting:T1 Who:T8", "refers to T8"),
        ("N1\tReference T7 Wiki:1\tAda", "refers to T7"),
        ("#1\tAnnotatorNotes R5\tsure?", "refers to R5"),
        ("T2\tperson 0 3", "the text of the entity T2 is missing"),
        ("T2\tperson 0 ９\tAda", "expected LABEL START END"),
        (f"T2\tperson 0 {'9' * 5000}\tAda", "expected LABEL START END"),
        ("T2\tperson 2 1\td", "ends before it begins"),
        ("T2\tperson 0 2;3 3\tAd", "a fragment is empty"),
        ("T2\tperson 0 2;3 1\tA", "ends before it begins"),
        ("A1\tSure T1\nA1\tSure T1", "duplicate identifier A1"),
    ],
)
def test_lines_of_brat(tmp_path, line, reason):
    (tmp_path / "a.txt").write_text("Ada")
    (tmp_path / "a.ann").write_text(f"T1\tperson 0 3\tAda\n{line}\n")
    with pytest.raises(CorpusError, match=rf"M201.*a\.ann, line [23]: .*{reason}"):
        list(READERS["brat"](tmp_path))


def test_partners_of_brat(tmp_path):
    (tmp_path / "a.txt").write_text("Ada")
    (tmp_path / ".left.txt").write_text("by a writer that was killed")
    report = Report()
    assert len(list(READERS["brat"](tmp_path, report=report))) == 1
    assert report.noted == {"text without an .ann file (a.txt needs a.ann), read as not annotated": 1}
    (tmp_path / "b.ann").write_text("")
    with pytest.raises(CorpusError, match=r"b\.ann: there is no text for these annotations, b\.txt"):
        list(READERS["brat"](tmp_path))


def test_notes_are_shown_but_no_loss():
    report = Report()
    report.note("text without an .ann file", "a.txt")
    report.check()
    table = report.table()
    assert [*table.columns[0].cells, *table.columns[2].cells] == ["please check: text without an .ann file", "a.txt"]
