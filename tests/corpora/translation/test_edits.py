"""What a person decides: accept, reject, edit."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import CorpusError, EntityRecord, Record, RelationRecord
from spacy_mre.corpora.translation.edits import Edit, apply_edits, make_line, names_of, read_edits
from spacy_mre.corpora.translation.label_table import LabelTable
from spacy_mre.corpora.translation.marking import mark
from spacy_mre.corpora.translation.row import Reason, Translated
from tests.robustness.effort import scale
from tests.robustness.strategies import records, texts

SOURCE = Record(
    "イダは仙台の大学にいる。",
    "1",
    [EntityRecord(0, 2, "人"), EntityRecord(3, 5, "地"), EntityRecord(3, 8, "組")],
    [RelationRecord(0, 2, "所属"), RelationRecord(2, 1, "在")],
    {"日記": 1.0},
)
TARGET = Record(
    "Ida is at Sendai University.",
    "1",
    [EntityRecord(0, 3, "person"), EntityRecord(10, 16, "place"), EntityRecord(10, 27, "organisation")],
    [RelationRecord(0, 2, "at"), RelationRecord(2, 1, "in")],
    {"diary": 1.0},
)
KEPT = Translated(SOURCE, TARGET, methods=["marker", "marker", "marker"], reply="kept")
# The organisation, and with it both relations, was lost.
LOST = Translated(
    replace(SOURCE, id="2"),
    replace(TARGET, id="2", entities=TARGET.entities[:2], relations=[]),
    [Reason.MARKER_LOST],
    ["b: 仙台の大学"],
    ["marker", "string", ""],
    "lost",
)
UNREAD = Translated(replace(SOURCE, id="3"), None, [Reason.UNPARSABLE], ["]"], ["", "", ""], "]")
ROWS = [KEPT, LOST, UNREAD]
TABLE = LabelTable({"人": "person", "地": "place", "組": "organisation"}, {"所属": "at", "在": "in"}, {"日記": "diary"})
# The keys are in the order of position in the source, and the outer entity is first.
LINE = "[person:a|Ida] is at [organisation:b|[place:c|Sendai] University]."


def test_a_line_has_the_keys_of_the_source():
    assert mark(SOURCE).line == "[人:a|イダ]は[組:b|[地:c|仙台]の大学]にいる。"
    assert make_line(KEPT, LabelTable()) == LINE
    assert make_line(LOST, LabelTable()) == "[person:a|Ida] is at [place:c|Sendai] University."
    table = LabelTable({"人": "person", "地": "place"})
    assert make_line(UNREAD, table) == "[person:a|イダ]は[組:b|[place:c|仙台]の大学]にいる。"


def test_accept():
    (kept, accepted, _) = apply_edits(ROWS, [Edit("1", "accept"), Edit("2", "accept")], TABLE)
    assert kept == KEPT
    assert accepted == replace(LOST, reasons=[], details=[])
    assert LOST.reasons == [Reason.MARKER_LOST]


def test_reject():
    rejected, lost, _ = apply_edits(ROWS, [Edit("1", "reject"), Edit("2", "reject")], TABLE)
    assert rejected == replace(KEPT, reasons=[Reason.REJECTED], details=[""])
    assert lost == LOST


@pytest.mark.parametrize("number", [0, 1, 2])
def test_edit(number):
    """Entities, relations and text labels of the target are made anew, even if nothing could be read before."""
    rows = apply_edits(ROWS, [Edit(ROWS[number].source.id, "edit", LINE)], TABLE)
    row = rows[number]
    assert row.is_kept
    assert row.record == replace(TARGET, id=row.source.id)
    assert row.methods == ["edit", "edit", "edit"]
    assert row.reply == ROWS[number].reply
    assert [rows[other] for other in range(3) if other != number] == [
        ROWS[other] for other in range(3) if other != number
    ]


def test_of_two_text_labels_that_become_one_the_higher_value_counts():
    source = replace(SOURCE, cats={"日記": 1.0, "日誌": 0.0, "手紙": 0.0})
    table = replace(TABLE, cats={"日記": "diary", "日誌": "diary", "手紙": "letter"})
    (row,) = apply_edits([replace(UNREAD, source=source)], [Edit("1", "edit", LINE)], table)
    assert row.record.cats == {"diary": 1.0, "letter": 0.0}


def test_again_changes_nothing():
    edits = [Edit("1", "reject"), Edit("2", "accept"), Edit("3", "edit", LINE)]
    once = apply_edits(ROWS, edits, TABLE)
    assert apply_edits(once, edits, TABLE) == once != ROWS


def test_a_mark_that_was_removed_is_no_entity():
    row = apply_edits(ROWS, [Edit("1", "edit", "[person:a|Ida] is at [organisation:b|Sendai University].")], TABLE)[0]
    assert row.is_kept
    assert [entity.label for entity in row.record.entities] == ["person", "organisation"]
    assert row.record.relations == [RelationRecord(0, 1, "at")]
    assert row.methods == ["edit", "", "edit"]


def test_another_label_and_white_space():
    row = apply_edits(ROWS, [Edit("1", "edit", "[ Place :a| Ida ]\\nis \\[there\\]\n")], TABLE)[0]
    assert row.record.text == " Ida \nis [there]"
    assert row.record.entities == [EntityRecord(1, 4, "place")]


CROSSING = Record("abcd", "1", [EntityRecord(0, 3, "x"), EntityRecord(1, 4, "y")], [])


def test_entities_that_cross_are_in_a_second_line():
    target = Record("京都市内", "1", CROSSING.entities, [])
    row = Translated(CROSSING, target, methods=["marker", "string"])
    line = make_line(row, LabelTable())
    assert line == '[x:a|京都市]内\n{"b": "都市内"}'
    assert apply_edits([row], [Edit("1", "edit", line)], LabelTable())[0].record == target
    for second, message in [
        ('{"b": "大阪"}', "the entity '大阪' of the second line is not in the text"),
        ('{"c": "都市内"}', "the source has no entity 'c'"),
        ("{", "the second line is invalid JSON"),
        ('["b"]', "must be an object"),
        ('{"b": ""}', "must be an object"),
    ]:
        with pytest.raises(CorpusError, match=message):
            apply_edits([row], [Edit("1", "edit", f"[x:a|京都市]内\n{second}")], LabelTable())
    with pytest.raises(CorpusError, match="the entity '内' of the second line has a mark in the text too"):
        apply_edits([row], [Edit("1", "edit", '[x:a|京都市]内\n{"a": "内"}')], LabelTable())


@given(records(), records(texts.map("雨{}".format)), st.randoms(use_true_random=False))
@settings(max_examples=scale(100), suppress_health_check=[HealthCheck.too_slow])
def test_a_line_is_read_as_it_was_shown(source, target, rng):
    """Any source, and any text with as many entities or fewer, in any order."""
    size = min(len(source.entities), len(target.entities))
    found = sorted(rng.sample(range(len(source.entities)), size))
    methods = ["marker" if index in found else "" for index in range(len(source.entities))]
    entities = rng.sample(target.entities, size)
    record = replace(source, text=target.text, tokens=None, entities=entities, cats=target.cats)
    numbers = {index: number for number, index in enumerate(found)}
    record.relations = [
        replace(relation, head=numbers[relation.head], tail=numbers[relation.tail])
        for relation in source.relations
        if {relation.head, relation.tail} <= set(found)
    ]
    row = Translated(source, record, methods=methods)
    line = make_line(row, LabelTable())
    assume("\n" not in line)  # Entities that cross are found by their strings, perhaps in another place.
    table = LabelTable()
    (edited,) = apply_edits([row], [Edit(source.id, "edit", line)], table)
    assert edited.record == record
    assert [bool(method) for method in edited.methods] == [bool(method) for method in methods]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit("4", "accept"), "'4' is the id of 0 rows"),
        (Edit("3", "accept"), "'3' has no translation that could be accepted. Edit or reject it"),
        (Edit("1", "edit", "[person:a|Ida"), "'1': the entity 'a' is not closed"),
        (Edit("1", "edit", " "), "'1': the translation is empty"),
        (Edit("1", "edit", "[person:d|Ida]"), "'1': the source has no entity 'd'. Its keys are: a, b, c"),
        (Edit("1", "edit", "[person:a|Ida] [person:a|Ida]"), "'1': the key 'a' is used twice"),
        (Edit("1", "edit", "Ida [person:a| ]"), "'1': the entity 'a' is empty"),
        (
            Edit("1", "edit", "[animal:a|Ida]"),
            "'1': unknown label 'animal'. Expected one of: organisation, person, place",
        ),
    ],
)
def test_what_cannot_be_applied(edit, message):
    with pytest.raises(CorpusError, match=message):
        apply_edits(ROWS, [edit], TABLE)


def test_an_id_of_several_rows():
    with pytest.raises(CorpusError, match=r"'1' is the id of 2 rows. Expected '1 \(row 1\)' or '1 \(row 3\)'"):
        apply_edits([KEPT, LOST, KEPT], [Edit("1", "accept")], TABLE)
    first, _, second = apply_edits([KEPT, LOST, KEPT], [Edit("1 (row 3)", "reject")], TABLE)
    assert first == KEPT and second.reasons == [Reason.REJECTED]


def test_every_row_has_a_name_of_its_own():
    rows = [replace(KEPT, source=replace(SOURCE, id=id)) for id in ("1", "1 (row 1)", "1", "2")]
    assert names_of(rows)[2:] == ["1 (row 3)", "2"] and len(set(names_of(rows))) == 4


def write(tmp_path, *items):
    path = tmp_path / "edits.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf8")
    return path


def test_read_edits(tmp_path):
    edit = {"id": "1", "action": "edit", "marked": LINE}
    path = write(tmp_path, edit, {"id": "2", "action": "accept"}, edit)
    assert read_edits(path) == [Edit("1", "edit", LINE), Edit("2", "accept")]


def test_the_last_edit_counts(tmp_path):
    path = write(
        tmp_path, {"id": "1", "action": "reject"}, {"id": "2", "action": "reject"}, {"id": "1", "action": "accept"}
    )
    edits = read_edits(path)
    assert edits == [Edit("1", "accept"), Edit("2", "reject")] and edits[0].location.line == 3


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"id": "2", "action": "drop"}, "unknown action 'drop'. Expected one of: accept, reject, edit"),
        ({"id": "2", "action": "edit"}, "the key 'marked' is missing"),
        ({"action": "accept"}, "the key 'id' is missing"),
    ],
)
def test_malformed_edits(tmp_path, second, message):
    path = write(tmp_path, {"id": "1", "action": "accept"}, second)
    with pytest.raises(CorpusError, match=rf"^\[M201\] .*edits\.jsonl, line 2: {message}"):
        read_edits(path)


def test_an_edit_that_cannot_be_applied_has_its_line(tmp_path):
    path = write(tmp_path, {"id": "1", "action": "accept"}, {"id": "9", "action": "accept"})
    with pytest.raises(CorpusError, match=r"edits\.jsonl, line 2: '9' is the id of 0 rows"):
        apply_edits(ROWS, read_edits(path), TABLE)
