import json

import pytest

from spacy_mre.corpora import CorpusError, EntityRecord, RelationRecord
from spacy_mre.corpora.record import Record
from spacy_mre.corpora.translation.label_table import LabelTable, read_label_table, read_label_words

NAMES = {
    "entities": {"person": {"ja": "人物", "en": "person"}, "city": {"ja": "都市", "en": "large city"}},
    "relations": {"lives_in": {"ja": "居住地", "symmetric": True}},
    "cats": {"news": {"ja": "報道"}},
}


@pytest.fixture
def write(tmp_path):
    def write(table):
        path = tmp_path / "labels.json"
        path.write_text(json.dumps(table), encoding="utf8")
        return path

    return write


def test_names_by_language_are_words_of_the_prompt(write):
    table = read_label_table(write(NAMES), "en")
    assert table == LabelTable(
        entities={"person": "person", "city": "city"},
        relations={"lives_in": "lives_in"},
        cats={"news": "news"},
        words={"person": "person", "city": "large city"},
    )


def test_one_name_is_the_label(write):
    table = read_label_table(write({"entities": {"人物": "person", "市": "place", "県": "place"}}), "en")
    assert table.entities == table.words == {"人物": "person", "市": "place", "県": "place"}
    assert table.reversed().entities == table.reversed().words == {"person": "人物", "place": "市"}


def test_white_space_around_names_is_left_out(write):
    path = write(
        {"entities": {"人物": " person"}, "relations": {"出身": "born_in\n"}, "cats": {"社会": {"en": " society"}}}
    )
    table = read_label_table(path, "en")
    assert table == LabelTable({"人物": "person"}, {"出身": "born_in"}, {"社会": "社会"}, words={"人物": "person"})
    words = {"entities": {"人物": "person"}, "relations": {"出身": "born_in"}, "cats": {"社会": "society"}}
    assert read_label_words(path, "en") == words


def test_words_of_all_labels_need_the_language(write):
    assert read_label_words(write(NAMES), "ja")["relations"] == {"lives_in": "居住地"}
    with pytest.raises(ValueError, match=r"M278.*'lives_in'.*'en'.*ja, symmetric"):
        read_label_words(write(NAMES), "en")


def test_apply():
    record = Record(
        "Ida",
        "1",
        [EntityRecord(0, 3, "人物", 0.5)],
        [RelationRecord(0, 0, "同一")],
        {"社会": 0.2, "政治": 1.0, "科学": 0.0},
        group="g",
    )
    cats = {"社会": "society", "政治": "society", "科学": "science"}
    changed = LabelTable({"人物": "person"}, {"同一": "same"}, cats).apply(record)
    assert changed.entities == [EntityRecord(0, 3, "person")] and changed.entities[0].score == 0.5
    assert changed.relations == [RelationRecord(0, 0, "same")]
    assert changed.cats == {"society": 1.0, "science": 0.0}
    assert (changed.text, changed.id, changed.group, record.entities[0].label) == ("Ida", "1", "g", "人物")
    assert LabelTable().apply(Record("Ida")) == Record("Ida")


def test_a_label_that_is_not_in_the_table():
    table = LabelTable(entities={"person": "person"})
    first = Record("Ida", entities=[EntityRecord(0, 3, "person")], origin="a.jsonl, line 1")
    second = Record("Ida", entities=[EntityRecord(0, 3, "dog")], cats={"news": 0.0, "diary": 1.0}, origin="line 2")
    table.check([first])
    with pytest.raises(ValueError, match=r"M277.*'dog' \(line 2\).*not in it: 2\..*'entities'"):
        table.check([first, second, second])
    with pytest.raises(ValueError, match="M277"):
        table.apply(second)


@pytest.mark.parametrize(
    "table, error, reason",
    [
        ([], CorpusError, "expected"),
        ({"entity": {}}, CorpusError, "expected"),
        ({"entities": []}, CorpusError, "must be of type dict"),
        ({"entities": {"person": 1}}, CorpusError, "'person' needs a name"),
        ({"cats": {"news": ""}}, CorpusError, "'news' needs a name"),
        ({"entities": {"person": {"en": " "}}}, CorpusError, "'person' in the language 'en'"),
        ({"entities": {"person": {"ja": "人物", "zh": "人物"}}}, ValueError, r"M278.*'person'.*'en'.*ja, zh"),
    ],
)
def test_malformed(write, table, error, reason):
    with pytest.raises(error, match=reason):
        read_label_table(write(table), "en")
