"""Tables with columns of words and their tags."""

import json

import pytest

from spacy_mre.corpora import CorpusError, Report, recognise
from spacy_mre.corpora.table import read_table


@pytest.fixture
def read(tmp_path):
    def run(*rows, **options):
        """Rows as CSV with a column of JSON for each key."""
        names = [*dict.fromkeys(name for row in rows for name in row)]
        lines = [",".join(names)]
        for row in rows:
            cells = [value if isinstance(value, str) else json.dumps(value) for value in map(row.get, names)]
            lines.append(",".join('"{}"'.format("" if c == "null" else c.replace('"', '""')) for c in cells))
        (tmp_path / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf8")
        report = Report()
        return list(read_table(tmp_path / "a.csv", report=report, **options)), report

    return run


def shown(record):
    return [(record.text[e.start : e.end], e.label) for e in record.entities]


@pytest.mark.parametrize("name", ["ner_tags", "tags"])
def test_words_and_tags(read, tmp_path, name):
    (record, empty), report = read(
        {"tokens": ["Ada", "Fox", "met"], name: ["B-person", "I-person", "O"]}, {"tokens": [], name: []}
    )
    assert (record.text, shown(record), record.tokens) == (
        "Ada Fox met",
        [("Ada Fox", "person")],
        [(0, 3), (4, 7), (8, 11)],
    )
    assert (empty.text, empty.entities, empty.tokens) == ("", [], [])
    assert not report.lost and not report.noted
    assert recognise(tmp_path / "a.csv") == "table"


def test_columns_with_other_names(read):
    row = {"words": ["Ada", "met"], "ner": ["B-person", "O"], "label": "diary"}
    (record,), report = read(row, tokens_column="words", tags_column="ner")
    assert (shown(record), record.cats, record.meta) == ([("Ada", "person")], {"diary": 1.0}, {})
    assert not report.lost and not report.noted
    with pytest.raises(CorpusError, match=r"line 2: .* no column 'words'\. .* are: tokens\. .* --tokens-col"):
        read({"tokens": ["Ada"]}, tokens_column="words")
    with pytest.raises(CorpusError, match=r"line 2: .* no column 'ner'\. .* are: tokens\. .* --tags-column"):
        read({"tokens": ["Ada"]}, tags_column="ner")
    with pytest.raises(CorpusError, match=r"line 2: .* no column 'spans'\. .* are: text\. .* --entities-col"):
        read({"text": "Ada"}, entities_column="spans")


def test_tags_that_are_repaired(read):
    # That the file has closing tags shows in the last row.
    (first, second), report = read(
        {"tokens": ["Ada", "Fox"], "ner_tags": ["I-person", "I-person"]}, {"tokens": ["Bo"], "ner_tags": ["S-person"]}
    )
    assert (shown(first), shown(second)) == ([("Ada Fox", "person")], [("Bo", "person")])
    assert report.lost == {"malformed tag sequence (repaired)": 2}
    assert "a.csv, line 2: 'I-person' continues no span" in report.examples["malformed tag sequence (repaired)"][0]


def test_what_is_not_annotated(read):
    records, report = read(
        {"tokens": ["Ada"], "ner_tags": None},
        {"tokens": ["Ada"], "ner_tags": [None]},
        {"tokens": ["Ada", "met"], "ner_tags": ["B-person", None]},
    )
    assert [record.entities for record in records[:2]] == [None, None]
    assert shown(records[2]) == [("Ada", "person")]
    assert report.lost == {"token without a tag (read as O, 'ner_tags')": 1}


def test_a_text_with_words(read):
    row = {"text": " Ada  Fox\tmet", "tokens": ["Ada", "Fox", "met"], "ner_tags": ["B-person", "I-person", "O"]}
    (record,), report = read(row)
    assert (record.text, shown(record)) == (row["text"], [("Ada  Fox", "person")])
    assert record.tokens == [(1, 4), (6, 9), (10, 13)]
    assert not report.lost
    (record,), report = read({**row, "text": "Ada met"})
    assert (record.text, shown(record)) == ("Ada Fox met", [("Ada Fox", "person")])
    assert report.lost == {"text that differs from its tokens (they were joined, 'tokens')": 1}
    (record,), report = read({"text": "Ada met", "tokens": ["Ada"], "entities": [{"start": 4, "end": 7, "label": "x"}]})
    assert (record.text, shown(record), record.tokens) == ("Ada met", [("met", "x")], None)
    assert report.lost == {"tokens that are not the words of the text ('tokens')": 1}


def test_offsets_of_other_rows_do_not_move_words(read):
    in_utf16 = {"text": "🙂 Ada", "entities": [{"start": 3, "end": 6, "label": "person", "text": "Ada"}]}
    words = {"text": "", "tokens": ["🙂", "Ada"], "ner_tags": ["O", "B-person"]}
    (first, second), _ = read(in_utf16, {"text": "🙂 Ada", **{k: v for k, v in words.items() if k != "text"}})
    assert (shown(first), shown(second)) == ([("Ada", "person")], [("Ada", "person")])


def test_other_columns_of_tags(read):
    row = {"tokens": ["Ada"], "ner_tags": ["O"], "pos_tags": ["X"]}
    (record,), report = read(row)
    assert (record.meta, report.noted) == ({"pos_tags": '["X"]'}, {"key 'pos_tags' read as metadata": 1})
    # Without a column of entity tags, it may be one.
    _, report = read({"tokens": ["Ada"], "ner_tag": ["O"]})
    assert report.lost == {"key 'ner_tag' read as metadata (did you mean 'ner_tags'?)": 1}


@pytest.mark.parametrize(
    "row, reason",
    [
        ({"tokens": ["Ada", ""]}, "token 1 of 'tokens' must be a string of one character or more"),
        ({"tokens": ["Ada", 3]}, "token 1 of 'tokens' must be a string of one character or more, not 3"),
        ({"tokens": ["Ada"], "ner_tags": []}, "there are 1 tokens, but 0 tags in 'ner_tags'"),
        ({"tokens": ["Ada"], "ner_tags": {"a": 1}}, "there are 1 tokens, but no list of tags in 'ner_tags'"),
        ({"tokens": ["Ada"], "ner_tags": [1]}, "tag 0 of 'ner_tags' is 1, which has no name"),
        ({"tokens": ["Ada"], "ner_tags": ["person"]}, "in 'ner_tags': invalid tag 'person'"),
        ({"tokens": ["Ada"], "ner_tags": "B-person"}, "the column 'ner_tags' must contain JSON"),
        ({"tokens": ["Ada"], "ner_tags": ["O"], "entities": []}, "there are entities in 'entities' and in 'ner_tags'"),
        ({"tokens": [3], "text": "Ada"}, r"token 0 must be \[start, end\]"),
    ],
)
def test_malformed(read, row, reason):
    with pytest.raises(CorpusError, match=rf"a\.csv, line 2: {reason}"):
        read(row)


def test_words_in_json(tmp_path):
    rows = [{"tokens": ["Ada", "Fox"], "ner_tags": ["B-x", "I-x"], "id": 5}, {"tokens": ["Bo"], "ner_tags": ["B-x"]}]
    for content in ("".join(f"{json.dumps(row)}\n" for row in rows), json.dumps(rows, indent=1)):
        (tmp_path / "a.json").write_text(content, encoding="utf8")
        assert recognise(tmp_path / "a.json") == "table"
        report = Report()
        records = list(read_table(tmp_path / "a.json", report=report))
        assert [shown(record) for record in records] == [[("Ada Fox", "x")], [("Bo", "x")]]
        assert [record.id for record in records] == ["5", "a-2"]
        assert not report.lost and not report.noted
    (tmp_path / "a.json").write_text('{"tokens": ["Ada"], "ner_tags": [3]}', encoding="utf8")
    assert recognise(tmp_path / "a.json") == "table"
    with pytest.raises(CorpusError, match=r"line 1: tag 0 of 'ner_tags' is 3, which has no name.*to_parquet"):
        list(read_table(tmp_path / "a.json"))


def test_a_table_in_iob1(read):
    rows = [{"tokens": ["Ada", "Bo"], "ner_tags": tags} for tags in (["I-x", "B-x"], ["I-x", "O"])]
    records, report = read(*rows)
    assert [shown(record) for record in records] == [[("Ada", "x"), ("Bo", "x")], [("Ada", "x")]]
    assert not report.lost
