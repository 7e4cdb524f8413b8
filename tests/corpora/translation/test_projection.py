import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import EntityRecord, RelationRecord
from spacy_mre.corpora.record import Record
from spacy_mre.corpora.translation.filters import check_row
from spacy_mre.corpora.translation.label_table import LabelTable, read_label_table
from spacy_mre.corpora.translation.marking import mark
from spacy_mre.corpora.translation.projection import project
from spacy_mre.corpora.translation.row import Reason
from tests.corpora.translation.parallel import CORPUS, read_parallel

SOURCE = Record(
    "三宅は仙台で生まれ、仙台に住む。",
    "news-1",
    [EntityRecord(0, 2, "人物"), EntityRecord(3, 5, "地名"), EntityRecord(10, 12, "地名")],
    [RelationRecord(0, 1, "出身"), RelationRecord(0, 2, "居住")],
    {"報道": 1.0},
    tokens=[(0, 2)],
    group="g",
    meta={"url": "u"},
    origin="a.jsonl, line 1",
)
TABLE = LabelTable(
    entities={"人物": "person", "地名": "place"},
    relations={"出身": "comes_from", "居住": "lives_in"},
    cats={"報道": "news"},
    words={"人物": "person", "地名": "place"},
)
PERFECT = "[person:a|Miyake] was born in [place:b|Sendai] and lives in [place:c|Sendai]."


def answered(answer, source=SOURCE, mode="markers"):
    return project(source, mark(source, TABLE.words), answer, TABLE, mode)


def texts(row):
    return [(row.record.text[entity.start : entity.end], entity.label) for entity in row.record.entities]


def noted(row):
    return list(zip(row.reasons, row.details))


def test_a_perfect_answer():
    row = answered(PERFECT)
    assert row.is_kept and row.methods == ["marker"] * 3 and row.reply == PERFECT
    assert row.record == Record(
        "Miyake was born in Sendai and lives in Sendai.",
        "news-1",
        [EntityRecord(0, 6, "person"), EntityRecord(19, 25, "place"), EntityRecord(39, 45, "place")],
        [RelationRecord(0, 1, "comes_from"), RelationRecord(0, 2, "lives_in")],
        {"news": 1.0},
        group="g",
        meta={"url": "u"},
        origin="a.jsonl, line 1",
    )


@pytest.mark.parametrize("mode", ["markers", "strings"])
@pytest.mark.parametrize("source, target", [("ja", "en"), ("en", "zh"), ("zh", "ja")])
def test_perfect_answers_in_three_languages(source, target, mode):
    """Strings may be found at another mention; in this file none is."""
    table = read_label_table(CORPUS / "labels.json", target)
    known: dict[str, str] = {}
    count = 0
    for before, wanted, answer in read_parallel(CORPUS / "society.mre", source, target, table):
        marked = mark(before, table.words)
        if mode == "strings":
            found = {key: wanted.entities[index] for key, index in marked.keys.items()}
            strings = {key: wanted.text[entity.start : entity.end] for key, entity in found.items()}
            answer = json.dumps({"text": wanted.text, "entities": strings})
        row = project(before, marked, answer, table, mode)
        check_row(row, source, target, known)
        assert noted(row) == []
        assert (row.record.text, row.record.entities) == (wanted.text, wanted.entities)
        assert (row.record.relations, row.record.cats) == (wanted.relations, wanted.cats)
        assert set(row.methods) <= {"marker" if mode == "markers" else "string"}
        count += len(wanted.entities)
    assert count > 1000


@pytest.mark.parametrize(
    "answer, reason",
    [("", Reason.EMPTY), (" \n", Reason.EMPTY), ("\\n", Reason.EMPTY), ("[place:b|Sendai", Reason.UNPARSABLE)],
)
def test_answers_without_a_text(answer, reason):
    row = answered(answer)
    assert row.reasons == [reason] and row.record is None and row.methods == ["", "", ""]


def test_a_lost_marker():
    row = answered("[person:a|Miyake] was born and lives in [place:c|Sendai].")
    lost = [(Reason.MARKER_LOST, "b: 仙台"), (Reason.RELATION_LOST, "三宅 comes_from 仙台")]
    assert noted(row) == lost and row.methods == ["marker", "", "marker"]
    assert texts(row) == [("Miyake", "person"), ("Sendai", "place")]
    assert row.record.relations == [RelationRecord(0, 1, "lives_in")]
    assert noted(answered("[person:a|Miyake] was born in [place:b|] and lives in [place:c|Sendai].")) == lost


def test_a_lost_marker_that_is_found_as_a_string():
    row = answered("[person:a|Miyake] was born in Sendai and lives in [place:c|Sendai].")
    assert row.is_kept and row.methods == ["marker", "string", "marker"]
    assert row.record == answered(PERFECT).record
    # 三宅 stays as it is, and so is found without any mark.
    row = answered("三宅 was born in [place:b|Sendai] and lives in [place:c|Sendai].")
    assert row.is_kept and texts(row)[0] == ("三宅", "person")


def test_a_doubled_marker():
    row = answered(PERFECT.replace(" was", " ([person:a|Mr Miyake], [person:a|he]) was"))
    assert noted(row) == [(Reason.MARKER_DOUBLED, "a: 三宅")]
    assert row.record.entities[0] == EntityRecord(0, 6, "person")


def test_an_invented_marker():
    row = answered(PERFECT.replace("born", "[event:d|born]"))
    assert noted(row) == [(Reason.MARKER_INVENTED, "d")]
    assert row.record == answered(PERFECT).record


def test_a_changed_label():
    row = answered(PERFECT.replace("place:b", "city:b"))
    assert noted(row) == [(Reason.LABEL_CHANGED, "b: 仙台: place -> city")]
    assert row.record == answered(PERFECT).record
    assert answered(PERFECT.replace("place:b", " Place :b")).is_kept


def test_what_models_do_to_the_form():
    assert answered(f"```\n{PERFECT}\n```").record == answered(PERFECT).record
    row = answered(PERFECT.replace("Miyake]", " Miyake ]").replace("and", "\nand"))
    assert row.is_kept and texts(row)[0] == ("Miyake", "person") and "Sendai \nand" in row.record.text


def strings(text, **entities):
    return answered(json.dumps({"text": text, "entities": entities}), mode="strings")


def test_strings():
    text = "Miyake was born in Sendai and lives in Sendai."
    assert strings(text, a="Miyake", b="Sendai", c="Sendai").record == answered(PERFECT).record
    row = strings(text, a="Miyake", b=" Sendai")
    assert row.is_kept and row.methods == ["string"] * 3 and row.record == answered(PERFECT).record
    row = strings(text, a="Mrs Miyake", b="Sendai", c="Sendai", d="born")
    assert [reason for reason in noted(row) if reason[0] is not Reason.RELATION_LOST] == [
        (Reason.MARKER_INVENTED, "d"),
        (Reason.NOT_IN_TEXT, "a: 三宅 -> Mrs Miyake"),
    ]
    assert row.reasons.count(Reason.RELATION_LOST) == 2
    assert (Reason.MARKER_LOST, "a: 三宅") in noted(strings(text, b="Sendai", c="Sendai"))


@pytest.mark.parametrize("answer", ["Sendai", "[]", "{}", '{"text": 1}', '{"text": "a", "text": "b"}'])
def test_strings_that_cannot_be_read(answer):
    assert answered(answer, mode="strings").reasons == [Reason.UNPARSABLE]


def test_a_guess_does_not_take_the_place_of_a_given_string():
    source = Record("仙台とは仙台だ。", entities=[EntityRecord(0, 2, "地名"), EntityRecord(4, 6, "地名")])
    row = answered('{"text": "That is Sendai.", "entities": {"b": "Sendai"}}', source, "strings")
    assert row.methods == ["", "string"] and noted(row) == [(Reason.MARKER_LOST, "a: 仙台")]


@pytest.mark.parametrize(
    "text, offsets, answer, places",
    [
        # Equal strings are in the order of the source, whether the answer gives them or not.
        (
            "仙台とは仙台だ。",
            [(0, 2), (4, 6), (6, 7)],
            {"text": "That Sendai is Sendai here.", "entities": {"b": "Sendai", "c": "here"}},
            [(5, 11), (15, 21), (22, 26)],
        ),
        # Longer strings are first.
        (
            "Sendai City Hall steht in Sendai.",
            [(0, 16), (26, 32)],
            {"text": "Sendai City Hall is in Sendai.", "entities": {"b": "Sendai"}},
            [(0, 16), (23, 29)],
        ),
        # An empty string is none.
        (
            "仙台とは仙台だ。",
            [(0, 2), (4, 6)],
            {"text": "That Sendai is Sendai.", "entities": {"a": "Sendai", "b": ""}},
            [(5, 11), (15, 21)],
        ),
    ],
)
def test_strings_beside_guesses(text, offsets, answer, places):
    source = Record(text, entities=[EntityRecord(start, end, "地名") for start, end in offsets])
    row = answered(json.dumps(answer), source, "strings")
    assert [(entity.start, entity.end) for entity in row.record.entities] == places


def test_crossing_entities_are_found_by_their_strings():
    source = Record("東京大阪間", entities=[EntityRecord(0, 4, "地名"), EntityRecord(2, 5, "地名")])
    row = answered('[place:a|Tokyo and Osaka] line\n{"b": "Osaka line"}', source)
    assert row.is_kept and texts(row) == [("Tokyo and Osaka", "place"), ("Osaka line", "place")]
    assert row.methods == ["marker", "string"]
    row = answered('[place:a|Tokyo and Osaka] line\n{"b": "Osaka lines"}', source)
    assert noted(row) == [(Reason.NOT_IN_TEXT, "b: 大阪間 -> Osaka lines")]
    row = answered("[place:a|Tokyo and Osaka] line", source)
    assert noted(row) == [(Reason.MARKER_LOST, "b: 大阪間")]
    row = answered("[place:a|Tokyo and Osaka] line\n{b}", source)
    assert row.reasons == [Reason.UNPARSABLE]


def test_what_is_not_annotated_stays_so():
    row = answered("Rain.", Record("雨。", "x"))
    assert row.is_kept and row.record == Record("Rain.", "x")


PIECES = [
    "[person:a|",
    "[place:b|",
    "[place:c|",
    "[city:d|",
    "]",
    "\\",
    "Sendai",
    "三宅",
    "仙台",
    " ",
    "\n",
    '{"a": "三宅"}',
]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=20), st.lists(st.sampled_from(PIECES), max_size=16).map("".join)))
def test_any_answer(answer):
    """What is not an error is a valid text, and what is missing in it has a reason."""
    for mode in ("markers", "strings"):
        reply = (
            answer if mode == "markers" else json.dumps({"text": answer, "entities": {"a": answer[:3], "b": "仙台"}})
        )
        row = answered(reply, mode=mode)
        assert (row.record is None) == bool({Reason.EMPTY, Reason.UNPARSABLE} & set(row.reasons))
        if row.record is None:
            continue
        text, entities = row.record.text, row.record.entities
        assert all(0 <= entity.start < entity.end <= len(text) for entity in entities)
        assert all(text[entity.start : entity.end].strip() for entity in entities)
        assert len(entities) == sum(map(bool, row.methods))
        assert all(max(relation.head, relation.tail) < len(entities) for relation in row.record.relations)
        n_lost = sum(reason in (Reason.MARKER_LOST, Reason.NOT_IN_TEXT) for reason in row.reasons)
        assert n_lost == row.methods.count("")
        assert row.reasons.count(Reason.RELATION_LOST) == 2 - len(row.record.relations)


@pytest.mark.parametrize(
    "answer",
    [
        f'"{PERFECT}"',
        f"“{PERFECT}”",
        f"Sure! Here is the translation:\n{PERFECT}",
        f"翻訳は以下の通りです：\n\n{PERFECT}",
    ],
)
def test_what_stands_around_the_line_is_taken_away(answer):
    row = answered(answer)
    assert row.is_kept and row.record == answered(PERFECT).record


@pytest.mark.parametrize("answer", [f"{PERFECT}\nI hope this helps!", f"Sure!\n{PERFECT}", f"A:\n{PERFECT}\nB"])
def test_an_answer_of_several_lines_is_not_readable(answer):
    assert noted(answered(answer)) == [(Reason.UNPARSABLE, "more than one line")]


def test_line_breaks_and_quotation_marks_of_the_text_stay():
    broken = Record("雨だ。\n寒い。", "1", [], [])
    assert answered("It rains.\nIt is cold.", broken).record.text == "It rains.\nIt is cold."
    assert answered("It rains.\\nIt is cold.", broken).record.text == "It rains.\nIt is cold."
    said = Record("「雨だ。」", "1", [], [])
    assert answered("「It rains.」", said).record.text == "「It rains.」"
    assert answered('"Rain", he said, "is near"', Record("雨が近い", "1", [], [])).record.text[0] == '"'
