import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import EntityRecord
from spacy_mre.corpora.marks import Mark
from spacy_mre.corpora.record import Record
from spacy_mre.corpora.translation.label_table import LabelTable
from spacy_mre.corpora.translation.marking import mark, read_marks
from spacy_mre.corpora.translation.projection import project

TEXTS = st.one_of(st.text(min_size=1), st.text(alphabet="ab [:|]\\\n\rnr地", min_size=1))


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Texts with entities anywhere: nested, crossing, and with the same offsets."""
    text = draw(TEXTS)
    offsets = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).filter(lambda pair: pair[0] != pair[1])
    labels = st.one_of(st.sampled_from(["place", "人 物"]), st.text(alphabet="a[]|:\\\n "))
    found = draw(st.lists(st.tuples(offsets, labels), max_size=30))
    return Record(text, entities=[EntityRecord(min(pair), max(pair), label) for pair, label in found])


@settings(max_examples=300, deadline=None)
@given(records())
def test_marks_are_read_as_they_are_written(record):
    marked = mark(record)
    assert "\n" not in marked.line and "\r" not in marked.line
    text, marks = read_marks(marked.line)
    assert text == record.text
    found = {mark.key: (mark.start, mark.end) for mark in marks}
    assert len(found) == len(marks)
    assert found.keys() == marked.keys.keys() - marked.others.keys()
    for key, (start, end) in found.items():
        entity = record.entities[marked.keys[key]]
        assert (start, end) == (entity.start, entity.end)
    assert {mark.key: mark.word for mark in marks} == {key: marked.words[key] for key in found}
    assert sorted(marked.keys.values()) == list(range(len(record.entities)))
    for key, index in marked.others.items():
        start, end = record.entities[index].start, record.entities[index].end
        assert any(s < start < e < end or start < s < end < e for s, e in found.values()), key


@settings(max_examples=200, deadline=None)
@given(records())
def test_the_line_itself_is_a_perfect_answer(record):
    """But for entities that cross, which have no mark, and white space at the ends of entities and of the text."""
    marked = mark(record)
    if marked.others or record.text != record.text.strip() or not record.text:
        return
    labels = {entity.label: entity.label for entity in record.entities}
    row = project(record, marked, marked.line, LabelTable(entities=labels))
    if all(text == text.strip() for text in marked.strings.values()):
        assert (row.reasons, row.record) == ([], record)
        assert set(row.methods) <= {"marker"}


def test_keys_are_letters_in_the_order_of_position():
    record = Record("x" * 60, entities=[EntityRecord(i, i + 1, "x") for i in reversed(range(60))])
    keys = list(mark(record).keys)
    assert keys[:3] + keys[25:28] + keys[51:54] == ["a", "b", "c", "z", "aa", "ab", "az", "ba", "bb"]
    assert list(mark(record).keys.values()) == list(reversed(range(60)))


def test_crossing_entities_have_no_mark():
    record = Record("a b c", entities=[EntityRecord(2, 5, "y"), EntityRecord(0, 3, "x"), EntityRecord(0, 3, "z")])
    marked = mark(record, {"x": "an: x"})
    assert marked.line == "[an  x:a|[z:b|a b]] c"
    assert (marked.others, marked.strings) == ({"c": 0}, {"a": "a b", "b": "a b", "c": "b c"})


def test_answers_may_repeat_keys():
    text, marks = read_marks(r"[a b:a|Lima] and \[[地名:a|Oslo]\]\n")
    assert text == "Lima and [Oslo]\n"
    assert marks == [Mark("a b", "a", 0, 4), Mark("地名", "a", 10, 14)]


@pytest.mark.parametrize("line", ["[place:a|Lima", "Lima]", "[Lima]", "[place|Lima]", "[place:1|Lima]", "Lima\\"])
def test_brackets_that_do_not_match(line):
    with pytest.raises(ValueError, match=r"closed|closes|invalid entity|escapes nothing"):
        read_marks(line)
