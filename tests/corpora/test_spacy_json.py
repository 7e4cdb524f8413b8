"""The JSON of spaCy: that of `Doc.to_json` and `spacy_mre.to_json`, and the older one for training."""

import json

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import docs_to_json

from spacy_mre import from_json, to_json
from spacy_mre.annotations.entities import set_entities
from spacy_mre.corpora import WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.corpora.recognise import recognise
from spacy_mre.corpora.spacy_json import read_spacy_json
from spacy_mre.corpora.spacy_json_writer import write_records

TEXT = "🙂 Ada Fox  met ｶﾞﾝ。It\nrained."
ADA, FOX = EntityRecord(2, 9, "person"), EntityRecord(6, 9, "name")
TOKENS = [(0, 1), (2, 5), (6, 9), (10, 11), (11, 14), (15, 18), (18, 19), (19, 21), (21, 22), (22, 28), (28, 29)]


@pytest.fixture
def doc():
    nlp = spacy.blank("en")
    words = [TEXT[start:end] for start, end in TOKENS]
    spaces = [TEXT[end : end + 1] == " " for _, end in TOKENS]
    doc = Doc(nlp.vocab, words, spaces, sent_starts=[i == 7 for i in range(len(words))])
    assert doc.text == TEXT
    return doc


@pytest.fixture
def read(tmp_path):
    def run(content):
        path = tmp_path / "docs.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf8")
        report = Report()
        return list(read_spacy_json(path, report=report)), report

    return run


def test_what_spacy_writes(doc, read):
    doc.ents = [doc.char_span(2, 9, label="person"), doc.char_span(15, 18, label="person")]
    doc.cats = {"diary": 0.8, "news": 0.2}
    (record,), report = read([doc.to_json()])
    assert (record.text, record.tokens, record.id, record.relations) == (TEXT, TOKENS, "docs-1", None)
    assert record.entities == [ADA, EntityRecord(15, 18, "person")]
    assert record.cats == {"diary": 0.8, "news": 0.2}
    assert not report.lost and not report.noted
    doc.spans["sc"] = [doc.char_span(6, 9, label="name")]
    assert read([doc.to_json()])[0][0].entities == [FOX]
    plain = spacy.blank("en")("Rain.").to_json()
    (record,), _ = read([plain])
    assert (record.entities, record.relations, record.cats, record.tokens) == (None, None, None, [(0, 4), (4, 5)])


def test_ours_keeps_scores_relations_and_nested_entities(doc, read, tmp_path):
    set_entities(doc, [(1, 3, "person", 0.9), (2, 3, "name", 1.0), (5, 6, "person", 1.0)])
    doc._.relations = [
        {"head": (1, 3), "tail": (5, 6), "label": "met", "head_label": "person", "tail_label": "person", "score": 0.7}
    ]
    doc.cats = {"diary": 1.0}
    (record,), report = read([to_json(doc)])
    assert record.entities == [ADA, FOX, EntityRecord(15, 18, "person")]
    assert [entity.score for entity in record.entities] == [0.9, 1.0, 1.0]
    assert record.relations == [RelationRecord(0, 2, "met")] and record.relations[0].score == 0.7
    assert not report.lost and not report.noted

    written = Report()
    assert WRITERS["spacyjson"]([doc], tmp_path / "out.jsonl", report=written) == 1
    assert not written.lost
    (line,) = (tmp_path / "out.jsonl").read_text(encoding="utf8").splitlines()
    ours, theirs = json.loads(line), to_json(doc)
    for key in ("sources", "in_ents"):  # gold has none
        del theirs["span_attrs"]["entities"][key]
    del theirs["sents"], theirs["relation_sources"]
    assert {key: ours[key] for key in theirs} == theirs
    assert from_json(ours)._.relations == doc._.relations
    assert to_json(from_json(ours))["spans"] == theirs["spans"]
    Doc(doc.vocab).from_json(json.loads(line), validate=True)


def test_ids_groups_and_metadata_come_back(tmp_path):
    records = [
        Record("Ada", "7", group="g", meta={"page": 3, "by": ["x"]}),
        Record("", "8", [], [], tokens=[]),
        Record("  Ada \n Fox", "9", [EntityRecord(2, 5, "person")]),
    ]
    report = Report()
    assert write_records(records, tmp_path / "a", report) == 3
    assert not report.lost
    back = list(read_spacy_json(tmp_path / "a"))
    assert [(r.id, r.group, r.meta) for r in back] == [(r.id, r.group, r.meta) for r in records]
    assert [(r.text, r.entities, r.relations) for r in back] == [(r.text, r.entities, r.relations) for r in records]
    assert [record.tokens for record in back] == [[(0, 3)], [], [(0, 2), (2, 5), (6, 8), (8, 11)]]
    for line in (tmp_path / "a").read_text().splitlines():
        assert from_json(json.loads(line)).text == json.loads(line)["text"]


def test_entities_off_the_tokens_are_lost(tmp_path):
    entities = [EntityRecord(0, 3, "x"), EntityRecord(0, 2, "x")]
    report = Report()
    write_records([Record("Ada", "7", entities, [RelationRecord(0, 1, "r")])], tmp_path / "a", report)
    assert report.lost == {"entity off the token grid": 1, "relation with a lost argument": 1}
    (record,) = read_spacy_json(tmp_path / "a")
    assert (record.entities, record.relations) == (entities[:1], [])


@pytest.mark.parametrize("kind", ["list", "lines", "one line", "one object"])
def test_lists_lines_and_single_objects(doc, read, kind, tmp_path):
    doc.ents = [doc.char_span(2, 9, label="person")]
    item = doc.to_json()
    records, _ = read(
        {
            "list": json.dumps([item, item], indent=2),
            "lines": f"{json.dumps(item)}\n{json.dumps(item)}\n",
            "one line": json.dumps(item),
            "one object": json.dumps(item, indent=2),
        }[kind]
    )
    assert [record.entities for record in records] == [[ADA]] * (2 if kind in ("list", "lines") else 1)
    assert recognise(tmp_path / "docs.json") == "spacyjson"


def test_what_records_cannot_represent(read):
    item = {
        "text": "Ada Fox",
        "ents": [{"start": 0, "end": 7, "label": "person"}, {"start": 0, "end": 3, "label": "name", "id": "ruler-1"}],
        "spans": {"entities": [{"start": 0, "end": 7, "label": "person", "kb_id": "Q7"}], "sc": [], "x": []},
        "relations": [
            {"head": [0, 2], "tail": [0, 1], "label": "is"},
            {"head": [0, 2], "tail": [0, 2], "label": "is", "colour": "red"},
        ],
        "tokens": [{"id": 0, "start": 0, "end": 3}, {"id": 1, "start": 4, "end": 7}],
        "_": {"page": 3},
        "cat": {"x": 1},
    }
    (record,), report = read([item])
    assert record.entities == [EntityRecord(0, 7, "person")]
    assert record.relations == [RelationRecord(0, 0, "is")]
    assert report.lost == {
        "unknown key 'cat' of a document, not read (did you mean 'cats'?)": 1,
        "custom attributes ('_')": 1,
        "'id' of an entity": 1,
        "'kb_id' of an entity": 1,
        "relation whose head or tail is not an entity": 1,
        "unknown key 'colour' of a relation, not read": 1,
    }
    assert report.noted == {
        "entity of 'ents' that is not in the span group, not read": 1,
        "span group 'sc' that is not read": 1,
        "span group 'x' that is not read": 1,
    }


def test_json_for_training_as_spacy_writes_it(doc, read, tmp_path):
    doc.ents = [doc.char_span(2, 9, label="person"), doc.char_span(15, 18, label="person")]
    doc.cats = {"diary": 1.0}
    (record,), report = read([docs_to_json([doc])])
    assert (record.text, record.tokens, record.id, record.group) == (TEXT, TOKENS, "0", "")
    assert (record.entities, record.cats) == ([ADA, EntityRecord(15, 18, "person")], {"diary": 1.0})
    assert not report.lost and not report.noted
    assert recognise(tmp_path / "docs.json") == "spacyjson"
    (converted,) = make_docs([record], spacy.blank("en"))
    assert [ent.text for ent in converted.ents] == ["Ada Fox", "ｶﾞﾝ"]
    # Two texts are two paragraphs of one document.
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    records, _ = read([docs_to_json([doc, nlp("Rain.")], doc_id=5)])
    assert [(r.id, r.group) for r in records] == [("5-1", "5"), ("5-2", "5")]
    assert (records[1].text, records[1].entities, records[1].cats) == ("Rain.", None, None)


def training(raw, tokens, **others):
    sentences = [{"tokens": [{"orth": orth, **({"ner": ner} if ner else {})} for orth, ner in tokens]}]
    return {"id": 3, "paragraphs": [{"raw": raw, "sentences": sentences, **others}]}


@pytest.mark.parametrize(
    "raw, tokens, text, places",
    [
        ("Ada\n  Fox", ["Ada", "Fox"], "Ada\n  Fox", [(0, 3), (6, 9)]),
        (" Ada\n\nFox ", ["Ada", "\n\n", "Fox"], " Ada\n\nFox ", [(1, 4), (4, 6), (6, 9)]),
        (None, ["Ada", "Fox"], "Ada Fox", [(0, 3), (4, 7)]),
        (None, ["東京", "だ"], "東京だ", [(0, 2), (2, 3)]),
    ],
)
def test_texts_of_json_for_training(read, raw, tokens, text, places):
    (record,), _ = read([training(raw, [(token, "O") for token in tokens])])
    assert (record.text, record.tokens, record.entities, record.id) == (text, places, [], "3")


def test_tags_of_json_for_training(read):
    (record,), report = read([training("Ada Fox met", [("Ada", "B-person"), ("Fox", "I-person"), ("met", "-")])])
    assert record.entities == [EntityRecord(0, 7, "person")]
    assert report.lost == {"missing tag of a token, read as O": 1, "malformed tag sequence (repaired)": 1}
    for given in (
        training("Ada Fox", [("Ada", "-"), ("Fox", None)], entities=[[0, 7, "person"]]),
        {"paragraphs": [{"raw": "Ada Fox", "entities": [[0, 7, "person"]]}]},
    ):
        (record,), report = read([given])
        assert record.entities == [EntityRecord(0, 7, "person")]
        assert not report.lost


@pytest.mark.parametrize(
    "item, reason",
    [
        ({"ents": []}, "the key 'text' is missing"),
        ({"text": "Ada", "ents": [{"start": 0, "end": 4, "label": "x"}]}, "the entity 'x' goes from 0 to 4"),
        ({"text": "Ada", "ents": [{"start": 0, "end": 3}]}, "the key 'label' is missing"),
        ({"text": "Ada", "ents": {}}, "'ents' must be of type list"),
        ({"text": "Ada", "spans": []}, "'spans' must be of type dict"),
        ({"text": "Ada", "tokens": [{"start": 0}]}, "the key 'end' is missing"),
        ({"text": "Ada", "tokens": [{"start": 0, "end": 2}, {"start": 1, "end": 3}]}, "token 1 begins before the end"),
        ({"text": "Ada", "spans": {"entities": []}, "span_attrs": {"entities": []}}, "'entities' must be of type dict"),
        (
            {"text": "Ada", "ents": [], "relations": [{"label": "x", "head": [0, 1], "tail": [0, 1]}]},
            "the head of a relation goes from 0 to 1, which is not a valid span",
        ),
        (
            {"text": "Ada", "relations": [{"label": "x", "head_char": [0], "tail_char": [0, 1]}]},
            r"'head_char' must be \[start, end\]",
        ),
        (
            {"text": "Ada", "relations": [{"label": "x", "head_char": [0, 3], "head_text": "Bo", "tail": [0, 1]}]},
            "the head of a relation is 'Bo', but",
        ),
        ({"text": "Ada", "cats": {"x": 2}}, "'cats' must be"),
        ({"paragraphs": [3]}, "a paragraph must be a JSON object"),
        ({"paragraphs": [{}]}, "a paragraph needs 'raw', 'sentences' or both"),
        (training("Ada", [("Bo", "O")]), "the token 'Bo' is not in the raw text at 0"),
        (training("Ada", [("Ada", "person")]), "invalid tag 'person'"),
        (training("Ada", [("", "O")]), "must be a string of one character or more"),
        (training("Ada", [], entities=[[0, 3]]), r"an entity must be \[start, end, label\]"),
        (training("Ada", [], cats=[{"label": "x"}]), "the key 'value' is missing"),
        (training("Ada", [], cats=[{"label": "x", "value": 1}] * 2), "the category 'x' is there twice"),
        ({"paragraphs": [{"sentences": [{"tokens": [{"orth": "a", "space": 1}]}]}]}, "'space' of a token must be"),
    ],
)
def test_malformed(read, item, reason):
    with pytest.raises(CorpusError, match=rf"docs\.json.*record 2: .*{reason}"):
        read([{"text": "", "tokens": []}, item])


def test_the_span_group_is_that_of_the_whole_file(read):
    ada, fox = ({"start": 0, "end": 3, "label": label} for label in ("person", "np"))
    first = {"text": "Ada", "ents": [ada], "spans": {"sc": [fox]}}
    records, report = read([first, {"text": "Ada", "ents": [ada]}])
    assert [record.entities for record in records] == [[EntityRecord(0, 3, "person")]] * 2
    assert report.noted == {"span group 'sc' that is not read": 1}
    records, report = read([first, {"text": "Ada", "spans": {"sc": []}}])
    assert [record.entities for record in records] == [[EntityRecord(0, 3, "np")], []]
    assert report.noted == {"entity of 'ents' that is not in the span group, not read": 1}


def test_reports_are_in_the_order_of_the_file(read):
    names = [f"k{i}" for i in range(20)]
    labels = [{"start": 0, "end": 3, "label": name} for name in names]
    groups = {name: [] for name in names}
    item = {"text": "Ada", "ents": labels, "spans": {**groups, "entities": []}, **dict.fromkeys(names, 1)}
    _, report = read([item])
    assert list(report.lost) == [f"unknown key '{name}' of a document, not read" for name in names]
    assert list(report.noted)[:20] == [f"span group '{name}' that is not read" for name in names]
    reason = "entity of 'ents' that is not in the span group, not read"
    assert report.examples[reason] == [f"docs.json, record 1: {name}" for name in names[:3]]
