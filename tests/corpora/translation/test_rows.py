"""The file rows.jsonl: what is written is read, and what was never written is an error with its line."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import CorpusError, EntityRecord, Record, RelationRecord, Report
from spacy_mre.corpora.translation.row import METHODS, Reason, Translated
from spacy_mre.corpora.translation.rows import read_rows, write_rows
from tests.robustness.effort import scale
from tests.robustness.strategies import records, texts


@st.composite
def rows(draw):
    """A row as `translate` makes it: some of the entities of the source were found."""
    ids = draw(texts)
    group, meta = draw(texts), draw(st.dictionaries(texts, st.none() | st.booleans() | texts, max_size=2))
    source = replace(draw(records()), id=ids, group=group, meta=meta)
    if draw(st.booleans()):
        source = replace(source, entities=None, relations=None, tokens=None, cats=None)
    reasons = draw(st.lists(st.tuples(st.sampled_from(Reason), texts), max_size=3))
    row = Translated(source, reply=draw(texts))
    for reason, detail in reasons:
        row.drop(reason, detail)
    if reasons and draw(st.booleans()):
        return row
    entities = source.entities or []
    row.methods = [draw(st.sampled_from(METHODS)) for _ in entities]
    found = [entity for entity, method in zip(entities, row.methods) if method]
    row.record = replace(source, tokens=None, entities=None if source.entities is None else found, relations=None)
    return row


@given(st.lists(rows(), min_size=1, max_size=4))
@settings(max_examples=scale(60))
def test_round_trip(tmp_path_factory, given_rows):
    folder = tmp_path_factory.mktemp("rows")
    path, again = folder / "rows.jsonl", folder / "again.jsonl"
    assert write_rows(given_rows, path) == len(given_rows)
    report = Report()
    read = list(read_rows(path, report=report))
    assert not report.lost
    for number, (row, expected) in enumerate(zip(read, given_rows, strict=True), start=1):
        origin = f"rows.jsonl, line {number}"
        record = expected.record and replace(expected.record, origin=origin)
        assert row == replace(expected, source=replace(expected.source, origin=origin), record=record)
    write_rows(read, again)
    assert again.read_bytes() == path.read_bytes()


SOURCE = Record(
    "仙台の花", "1", [EntityRecord(0, 2, "place"), EntityRecord(3, 4, "plant")], [RelationRecord(1, 0, "in")]
)
TARGET = Record("a flower of Sendai", "1", [EntityRecord(12, 18, "place")], [])
ROW = Translated(SOURCE, TARGET, [Reason.MARKER_LOST], ["b: 花"], ["marker", ""], "a flower of [place:a|Sendai]")


def test_a_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_rows([ROW], path)
    item = json.loads(path.read_text(encoding="utf8"))
    assert item == {
        "id": "1",
        "status": "dropped",
        "reasons": [["marker lost", "b: 花"]],
        "source": {
            "id": "1",
            "text": "仙台の花",
            "entities": [{"start": 0, "end": 2, "label": "place"}, {"start": 3, "end": 4, "label": "plant"}],
            "relations": [{"head": 1, "tail": 0, "label": "in"}],
        },
        "target": {
            "id": "1",
            "text": "a flower of Sendai",
            "entities": [{"start": 12, "end": 18, "label": "place"}],
            "relations": [],
        },
        "methods": ["marker", ""],
        "reply": "a flower of [place:a|Sendai]",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "kept"}, "'status' must be 'dropped'"),
        ({"status": "kept", "reasons": [], "target": None}, "a row without 'target' must have a reason"),
        ({"reasons": [["lost", ""]]}, "unknown reason 'lost'. Expected one of: refused, truncated"),
        ({"reasons": ["marker lost"]}, r"must be \[reason, detail\]"),
        ({"reasons": None}, "'reasons' must be of type list"),
        ({"methods": ["marker", "guess"]}, "unknown method 'guess'. Expected one of: '', 'marker', 'string', 'edit'"),
        ({"methods": ["marker"]}, "'methods' has 1 values, 1 of them not empty. Expected one value for each of the 2"),
        ({"methods": ["marker", "marker"]}, "'methods' has 2 values, 2 of them not empty"),
        ({"methods": [[], ""]}, r"unknown method \[\]"),
        ({"id": "2"}, "must be the same"),
        ({"source": None}, "'source' must be of type dict"),
        ({"target": {"id": "1"}}, "the key 'text' is missing"),
        ({"reply": 1}, "'reply' must be of type str"),
    ],
)
def test_malformed(tmp_path, change, message):
    path = tmp_path / "rows.jsonl"
    write_rows([ROW, ROW], path)
    lines = path.read_text(encoding="utf8").splitlines()
    path.write_text("\n".join([lines[0], json.dumps({**json.loads(lines[1]), **change})]), encoding="utf8")
    with pytest.raises(CorpusError, match=rf"^\[M201\] .*rows\.jsonl.*2.*{message}"):
        list(read_rows(path))


def test_keys_that_a_row_does_not_have_are_counted(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_rows([ROW], path)
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf8")), "note": "x"}), encoding="utf8")
    report = Report()
    assert len(list(read_rows(path, report=report))) == 1
    assert report.lost
