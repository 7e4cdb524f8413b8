"""DocRED and PubTator: relations between entities with several mentions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_mre.corpora import CorpusError, EntityRecord, Record, RelationRecord, Report, docred_writer, pubtator_writer
from spacy_mre.corpora.docred import read_docred
from spacy_mre.corpora.mentions import relations_between
from spacy_mre.corpora.pubtator import read_pubtator
from tests.robustness.strategies import SAMPLES

# As in Re-DocRED, which adds global_pos and index.
LARK = {
    "title": "Lark Force",
    "sents": [
        ["Lark", "Force", "was", "an", "Army", "formation", "."],
        ["In", "March", "1941", ",", "Lark", "Force", "left", "."],
    ],
    "vertexSet": [
        [
            {"name": "Lark Force", "pos": [0, 2], "sent_id": 0, "type": "ORG", "global_pos": [0, 0], "index": "0_0"},
            {"name": "Lark Force", "pos": [4, 6], "sent_id": 1, "type": "ORG", "global_pos": [11, 11], "index": "0_1"},
        ],
        [{"name": "Army", "pos": [4, 5], "sent_id": 0, "type": "ORG", "global_pos": [4, 4], "index": "1_0"}],
        [{"name": "March 1941", "pos": [1, 3], "sent_id": 1, "type": "TIME", "global_pos": [8, 8], "index": "2_0"}],
        [],
    ],
    "labels": [
        {"h": 0, "t": 1, "r": "P607", "evidence": [0]},
        {"h": 2, "t": 0, "r": "P585", "evidence": []},
        {"h": 0, "t": 0, "r": "P460", "evidence": []},
        {"h": 3, "t": 0, "r": "P1", "evidence": []},
    ],
}
# As BioRED and CDR write it: a composite mention, a mention without a concept, and a further column.
PUBTATOR = (
    "227508|t|Naloxone reverses clonidine in 𝒙 rats.\n"
    "227508|a|Nalozone and clonidine bind; naloxone not.\n"
    "227508\t0\t8\tNaloxone\tChemical\tD009270\n"
    "227508\t18\t27\tclonidine\tChemical\tMESH:D003000;D009270\n"
    "227508\t39\t47\tNalozone\tChemical\t-1\n"
    "227508\t52\t61\tclonidine\tChemical\tD003000\n"
    "227508\t68\t76\tnaloxone\tChemical\tD009270\n"
    "227508\tAssociation\tD003000\tD009270\tNovel\n"
    "227508\tCID\tD003000\tD999\n\n"
    "12|t|Rain\n12|a|\n\n"
)


def write(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf8", newline="")
    return path


def read(reader, tmp_path, content, **options):
    report = Report()
    return list(reader(write(tmp_path, content), report=report, **options)), report


def words(record):
    return [(record.text[e.start : e.end], e.label) for e in record.entities]


def test_the_nearest_mentions_are_those_with_the_least_text_between_them():
    entities = [EntityRecord(*place, "x") for place in ((0, 3), (10, 13), (5, 7), (20, 24), (11, 12))]
    assert relations_between([0, 1], [3], "r", entities, "nearest") == [RelationRecord(1, 3, "r")]
    # Equally near: the first ones.
    assert relations_between([3, 0, 1], [2], "r", [*entities[:2], EntityRecord(6, 7, "x"), entities[3]], "nearest") == [
        RelationRecord(0, 2, "r")
    ]
    # One inside the other has no distance.
    assert relations_between([0, 1], [2, 4], "r", entities, "nearest") == [RelationRecord(1, 4, "r")]
    assert len(relations_between([0, 1], [2, 3], "r", entities, "all")) == 4
    assert relations_between([0, 1], [0, 1], "r", entities, "all") == [
        RelationRecord(0, 1, "r"),
        RelationRecord(1, 0, "r"),
    ]
    assert relations_between([0], [0], "r", entities, "nearest") == [RelationRecord(0, 0, "r")]
    assert relations_between([], [0], "r", entities, "all") == []


def test_docred(tmp_path):
    (record,), report = read(read_docred, tmp_path, [LARK])
    assert record.text == "Lark Force was an Army formation . In March 1941 , Lark Force left ."
    assert words(record) == [("Lark Force", "ORG"), ("Lark Force", "ORG"), ("Army", "ORG"), ("March 1941", "TIME")]
    assert record.relations == [
        RelationRecord(0, 2, "P607"),
        RelationRecord(3, 1, "P585"),
        RelationRecord(0, 1, "P460"),
    ]
    assert report.lost == {
        "which mentions belong to the same entity": 1,
        "evidence of a relation": 1,
        "relation of an entity without a mention": 1,
    }
    (record,), _ = read(read_docred, tmp_path, [LARK], pairs="all")
    assert len(record.relations) == 2 + 2 + 2


def test_docred_without_labels_and_with_repeated_titles_and_mentions(tmp_path):
    item = {"title": "東京", "sents": [["東京", "は", "晴れ"]], "vertexSet": [[]], "label": [], "labels": None}
    item["vertexSet"][0] = [{"name": "東京", "sent_id": 0, "pos": [0, 1], "type": "地名"}] * 2
    (first, second), report = read(read_docred, tmp_path, "\n".join([json.dumps(item)] * 2))
    assert (first.text, first.entities, first.relations) == ("東京は晴れ", [EntityRecord(0, 2, "地名")], None)
    assert (first.id, second.id) == ("東京", "東京-2")
    assert report.lost["duplicate mention"] == 2
    assert report.lost["unknown key 'label' of a record, not read (did you mean 'labels'?)"] == 2


@pytest.mark.parametrize(
    "change, error",
    [
        (lambda d: d.pop("vertexSet"), "'vertexSet' is missing"),
        (lambda d: d.pop("sents"), "'sents' is missing"),
        (lambda d: d["sents"].__setitem__(0, [""]), "token 0 of 'sents' must be"),
        (lambda d: d.__setitem__("vertexSet", [1]), "list of lists of mentions"),
        (lambda d: d["vertexSet"][1][0].__setitem__("sent_id", 2), "sentence or place of a mention 'ORG' is invalid"),
        (lambda d: d["vertexSet"][1][0].__setitem__("pos", [4]), "sentence or place of a mention 'ORG' is invalid"),
        (lambda d: d["vertexSet"][1][0].__setitem__("pos", [4, 8]), "from 4 to 8, which is not a valid span"),
        (lambda d: d["labels"][0].__setitem__("t", 4), "'t' of 'P607' is 4, but there are 4 entities"),
        (lambda d: d["labels"][0].__setitem__("h", True), "'h' must be of type int"),
    ],
)
def test_malformed_docred(change, error, tmp_path):
    item = json.loads(json.dumps(LARK))
    change(item)
    with pytest.raises(CorpusError, match=rf"a\.txt: record 1: .*{error}|a\.txt.*record 1.*{error}"):
        read(read_docred, tmp_path, [item])


def test_docred_is_written(tmp_path):
    record = Record(
        "Ada  met Bo",
        id="x",
        entities=[EntityRecord(0, 3, "p"), EntityRecord(9, 11, "p"), EntityRecord(1, 3, "p")],
        relations=[RelationRecord(0, 1, "met"), RelationRecord(0, 2, "met")],
        tokens=[(0, 3), (4, 5), (5, 8), (9, 11)],
    )
    report = Report()
    docred_writer.write_records([record], tmp_path / "out.json", report)
    assert json.loads((tmp_path / "out.json").read_text()) == [
        {
            "title": "x",
            "sents": [["Ada", "met", "Bo"]],
            "vertexSet": [
                [{"name": "Ada", "sent_id": 0, "pos": [0, 1], "type": "p"}],
                [{"name": "Bo", "sent_id": 0, "pos": [2, 3], "type": "p"}],
            ],
            "labels": [{"h": 0, "t": 1, "r": "met", "evidence": []}],
        }
    ]
    assert report.lost == {
        "white space of a text (DocRED has tokens only)": 1,
        "entity off the token grid": 1,
        "relation with a lost argument": 1,
    }


def test_pubtator(tmp_path):
    (record, rain), report = read(read_pubtator, tmp_path, PUBTATOR)
    assert record.text == "Naloxone reverses clonidine in 𝒙 rats.\nNalozone and clonidine bind; naloxone not."
    assert [word for word, _ in words(record)] == ["Naloxone", "clonidine", "Nalozone", "clonidine", "naloxone"]
    # The composite mention is one of both concepts, but not related to itself.
    assert record.relations == [RelationRecord(3, 4, "Association")]
    assert (record.id, rain.id, rain.text, rain.entities, rain.relations) == ("227508", "12", "Rain", [], [])
    assert report.lost == {
        "concept of a mention (its entry in a database)": 4,
        "further column of a mention or relation": 1,
        "relation of a concept without a mention": 1,
    }
    (record, _), _ = read(read_pubtator, tmp_path, PUBTATOR, pairs="all")
    assert len(record.relations) == 3


def test_pubtator_in_utf16_and_with_other_line_ends(tmp_path):
    content = "1|t|𝒙 rats\n1|a|Ada\n1\t3\t7\trats\tspecies\n1\t8\t11\tAda\tperson\n"
    (record,), _ = read(read_pubtator, tmp_path, content.replace("\n", "\r\n"))
    assert words(record) == [("rats", "species"), ("Ada", "person")]
    assert record.relations is None


@pytest.mark.parametrize(
    "content, line, error",
    [
        ("1|a|x\n", 1, "expected a title"),
        ("1|t|x\n", 1, "there is no abstract"),
        ("1|t|x\n1|a|\n1|a|\n", 3, "the abstract must follow"),
        ("1|t|x\n1|a|\n2\t0\t1\tx\ty\n", 3, "expected a title"),
        ("1|t|x\n1|a|\n1\t0\t1\tx\n", 3, "expected ID, START, END"),
        ("1|t|x\n1|a|\n1\t0\t1\ty\tz\n", 3, "a mention is 'y', but the text"),
        ("1|t|x\n1|a|\n1\t0\t3\tx\tz\n", 3, "not a valid span"),
        ("\n1|t|x\n1|a|\nx\n", 4, "expected a title"),
    ],
)
def test_malformed_pubtator(content, line, error, tmp_path):
    with pytest.raises(CorpusError, match=rf"a\.txt.*line {line}.*{error}"):
        read(read_pubtator, tmp_path, content)


def test_pubtator_is_written(tmp_path):
    records = [
        Record(
            "Ada\nmet\r\nBo \0|t|\n",
            id="a|b",
            entities=[EntityRecord(0, 7, "p"), EntityRecord(9, 11, "q/r: s"), EntityRecord(8, 9, "x")],
            relations=[RelationRecord(1, 0, "by"), RelationRecord(2, 0, "by"), RelationRecord(0, 1, "12")],
        ),
        Record("Rain\n", id="2"),
    ]
    report = Report()
    pubtator_writer.write_records(records, tmp_path / "out", report)
    assert (tmp_path / "out").read_text(encoding="utf8").split("\n") == [
        "text-000001|t|Ada",
        "text-000001|a|met  Bo  |t| ",
        "text-000001\t0\t7\tAda met\tp\tT1",
        "text-000001\t9\t11\tBo\tq/r: s\tT2",
        "text-000001\tby\tT2\tT1",
        "",
        "2|t|Rain",
        "2|a|",
        "",
    ]
    assert report.lost == {
        "missing annotation of entities (PubTator cannot tell it from an empty one)": 1,
        "missing annotation of relations (PubTator cannot tell it from an empty one)": 1,
        "id that is empty or contains |, a tab or a line end": 1,
        "NUL character (written as a space)": 1,
        "line end (written as a space)": 3,
        "line end at the end of a text": 1,
        "entity of white space only": 1,
        "relation with a lost argument": 1,
        "label that is empty, a number, or contains a tab, line end or NUL": 1,
    }
    first, _ = read_pubtator(tmp_path / "out")
    assert first.entities == records[0].entities[:2] and first.relations == records[0].relations[:1]


def test_the_samples_have_the_relations_of_the_rule(tmp_path):
    (first, _), _ = read(read_docred, tmp_path, SAMPLES["docred"]["dev.json"])
    assert first.relations == [RelationRecord(0, 1, "P26"), RelationRecord(2, 3, "P551")]


def test_our_numbers_are_no_concepts(tmp_path):
    entities = [EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")]
    record = Record("Ada met Bo", "7", entities, [RelationRecord(1, 0, "met")])
    pubtator_writer.write_records([record], tmp_path / "a")
    report = Report()
    (back,) = read_pubtator(tmp_path / "a", report=report)
    assert (back.entities, back.relations) == (record.entities, record.relations)
    assert not report.lost
    # Types of UMLS look like them, but several mentions may have the same one.
    content = (tmp_path / "a").read_text().replace("T2", "T1")
    _, report = read(read_pubtator, tmp_path, content)
    assert report.lost == {"concept of a mention (its entry in a database)": 2}


def brute_force(heads, tails, entities):
    pairs = [(head, tail) for head in heads for tail in tails if head != tail or len(heads) == len(tails) == 1]

    def distance(pair):
        head, tail = (entities[i] for i in pair)
        return max(max(head.start, tail.start) - min(head.end, tail.end), 0), max(head.end, tail.end)

    return sorted(pairs, key=distance)[:1]


@given(st.data())
def test_the_nearest_mentions_are_those_of_all_pairs(data):
    places = data.draw(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), min_size=1, max_size=8))
    entities = [EntityRecord(start, start + length, "person") for start, length in places]
    some = st.lists(st.integers(0, len(entities) - 1), max_size=8)
    heads, tails = data.draw(some), data.draw(some)
    found = relations_between(heads, tails, "knows", entities, "nearest")
    assert [(relation.head, relation.tail) for relation in found] == brute_force(heads, tails, entities)
