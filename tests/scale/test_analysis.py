import pickle

import pytest
import spacy

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.pipeline.generative.formats import Analysis, ArgumentText, EventText, RelationText, Task
from spacy_mre.pipeline.generative.formats.anchoring import anchor
from spacy_mre.pipeline.generative.formats.from_docs import write_analysis
from spacy_mre.scale.analysis import make_reader, read_analysis

NLP = spacy.blank("en")


@pytest.fixture
def doc():
    """Words of several bytes, nested entities, and two labels at the same place."""
    doc = NLP("Zoë left the port of Oslo 🙂 for Lima")
    entities = [(0, 1, "person", 0.9), (2, 6, "site", 0.8), (5, 6, "place", 0.7), (5, 6, "town", 0.5), (8, 9, "place")]
    set_entities(doc, [(*entity, 1.0)[:4] for entity in entities])
    return doc


def relate(doc, *relations):
    set_relations(
        doc,
        [
            make_relation(head, tail, label, head_label=head_label, tail_label=tail_label, score=score)
            for head, head_label, label, tail, tail_label, score in relations
        ],
    )


def test_entities(doc):
    assert read_analysis(doc, "entities")["entities"] == [
        {"start": 0, "end": 3, "label": "person", "text": "Zoë", "score": 0.9},
        {"start": 9, "end": 25, "label": "site", "text": "the port of Oslo", "score": 0.8},
        {"start": 21, "end": 25, "label": "place", "text": "Oslo", "score": 0.7},
        {"start": 21, "end": 25, "label": "town", "text": "Oslo", "score": 0.5},
        {"start": 32, "end": 36, "label": "place", "text": "Lima", "score": 1.0},
    ]


def test_relations_have_indices_of_entities(doc):
    relate(
        doc,
        ((0, 1), "person", "left", (2, 6), "site", 0.5),
        ((2, 6), "site", "part_of", (5, 6), "town", 0.25),
        ((8, 9), "place", "far_from", (5, 6), "place", 1.0),
        ((8, 9), "place", "same", (8, 9), "place", 1.0),
    )
    assert read_analysis(doc, "entities")["relations"] == [
        {"head": 0, "tail": 1, "label": "left", "score": 0.5},
        {"head": 1, "tail": 3, "label": "part_of", "score": 0.25},
        {"head": 4, "tail": 2, "label": "far_from", "score": 1.0},
        {"head": 4, "tail": 4, "label": "same", "score": 1.0},
    ]


@pytest.mark.parametrize(
    "head, head_label, added, place",
    [
        ((1, 2), "person", {"start": 4, "end": 8, "label": "person", "text": "left"}, 1),
        ((1, 2), "", {"start": 4, "end": 8, "label": "entity", "text": "left"}, 1),
        ((0, 1), "place", {"start": 0, "end": 3, "label": "place", "text": "Zoë"}, 1),
        ((0, 2), "person", {"start": 0, "end": 8, "label": "person", "text": "Zoë left"}, 0),
    ],
    ids=["other words", "no label", "another label", "longer"],
)
def test_what_a_relation_joins_is_an_entity(doc, head, head_label, added, place):
    before = read_analysis(doc, "entities")["entities"]
    relate(doc, (head, head_label, "left", (2, 6), "site", 0.5), (head, head_label, "saw", (8, 9), "", 0.25))
    found = read_analysis(doc, "entities")
    assert found["entities"] == [*before[:place], {**added, "score": 0.5}, *before[place:]]
    assert found["relations"] == [
        {"head": place, "tail": 2, "label": "left", "score": 0.5},
        {"head": place, "tail": 5, "label": "saw", "score": 0.25},
    ]
    assert list(doc.spans) == ["entities"] and len(doc.spans["entities"]) == len(before)


def test_a_relation_without_labels_of_its_ends(doc):
    relate(doc, ((0, 1), "", "left", (5, 6), "", 0.5), ((8, 9), "place", "far_from", (2, 6), "", 0.25))
    assert read_analysis(doc, "entities")["relations"] == [
        {"head": 0, "tail": 2, "label": "left", "score": 0.5},
        {"head": 4, "tail": 1, "label": "far_from", "score": 0.25},
    ]


def test_relations_without_any_entities():
    doc = NLP("Zoë left Oslo")
    relate(doc, ((2, 3), "", "after", (1, 2), "", 0.5), ((0, 1), "person", "is", (1, 2), "verb", 0.25))
    doc.cats = {"travel": 1.0}
    assert read_analysis(doc, "entities") == {
        "entities": [
            {"start": 0, "end": 3, "label": "person", "text": "Zoë", "score": 0.25},
            {"start": 4, "end": 8, "label": "verb", "text": "left", "score": 0.25},
            {"start": 9, "end": 13, "label": "entity", "text": "Oslo", "score": 0.5},
        ],
        "relations": [
            {"head": 2, "tail": 1, "label": "after", "score": 0.5},
            {"head": 0, "tail": 1, "label": "is", "score": 0.25},
        ],
        "cats": {"travel": 1.0},
    }


IDA, MERGER = RelationText("Ida", "born in", "Lima"), ArgumentText("subject", "Alpha")


@pytest.mark.parametrize(
    "name, text, item, entities, relation",
    [
        ("TCREE:RE", "Ida is from Lima", IDA, [("entity", "Ida"), ("entity", "Lima")], (0, "born in", 1)),
        (
            "TCREE:EE",
            "Alpha will merge soon",
            EventText("merger", "merge", (MERGER,)),
            [("entity", "Alpha"), ("merger", "merge")],
            (1, "subject", 0),
        ),
    ],
)
def test_tasks_of_relations_and_events_alone(name, text, item, entities, relation):
    doc = NLP(text)
    task = Task.of_labels(name, "en", classes=[], labels=["born in" if name == "TCREE:RE" else "merger"])
    write_analysis(doc, anchor(text, Analysis(None, (item,))), task, source="slg", scores=[0.5])
    found = read_analysis(doc, "entities")
    assert [(one["label"], one["text"]) for one in found["entities"]] == entities
    assert [(one["head"], one["label"], one["tail"]) for one in found["relations"]] == [relation]


def test_text_labels(doc):
    doc.cats = {"travel": 0.875, "news": 0.0}
    cats = read_analysis(doc, "entities")["cats"]
    assert cats == {"travel": 0.875, "news": 0.0} and list(cats) == ["travel", "news"]
    assert cats is not doc.cats


def test_a_text_label_that_is_not_a_string(doc):
    doc.cats = {"travel": 1.0, 5: 0.5}
    with pytest.raises(ValueError, match=rf"\[M733\] .* of '{doc.text[:40]}.*' is not a string: 5\. Use"):
        read_analysis(doc, "entities")


def test_what_is_absent_is_not_empty():
    doc = NLP("It rained")
    assert read_analysis(doc, "entities") == {"entities": None, "relations": None, "cats": None}
    set_entities(doc, [])
    set_relations(doc, [])
    assert read_analysis(doc, "entities") == {"entities": [], "relations": [], "cats": None}
    other = NLP("It rained")
    set_relations(other, [])
    assert read_analysis(other, "entities") == {"entities": [], "relations": [], "cats": None}


def test_entities_of_spacy_components():
    doc = NLP("Ida lives in Lima")
    doc.set_ents([doc.char_span(13, 17, label="GPE")])
    assert read_analysis(doc, "entities")["entities"] == [
        {"start": 13, "end": 17, "label": "GPE", "text": "Lima", "score": 1.0}
    ]
    assert read_analysis(doc, "entities")["relations"] is None


def test_another_span_group(doc):
    doc.spans["mentions"] = [doc[0:1]]
    found = read_analysis(doc, "mentions")["entities"]
    assert [(entity["start"], entity["end"], entity["text"], entity["label"]) for entity in found] == [
        (0, 3, "Zoë", "")
    ]


def test_the_reader_reads_what_is_selected(doc):
    doc.cats = {"news": 1.0}
    assert list(make_reader("entities")(5, doc)) == ["entities", "relations", "cats"]
    assert make_reader("entities", ["cats", "relations"])(5, doc) == {"relations": None, "cats": {"news": 1.0}}
    assert make_reader("entities", [])(5, doc) == {}


def test_the_analysis_does_not_refer_to_the_document(doc):
    relate(doc, ((0, 1), "person", "left", (2, 6), "site", 0.5))
    found = read_analysis(doc, "entities")
    before = pickle.dumps(found)
    doc._.relations[0]["label"] = "changed"
    set_entities(doc, [])
    assert pickle.dumps(found) == before
    assert pickle.loads(before) == found


class Watched:
    """A document that counts how often its whole text is made."""

    def __init__(self, doc):
        self._doc = doc
        self.made = 0

    def __getattr__(self, name):
        self.made += name == "text"
        return getattr(self._doc, name)

    def __getitem__(self, place):
        return self._doc[place]


def test_the_text_is_not_made_for_each_entity(doc):
    watched = Watched(doc)
    assert read_analysis(watched, "entities") == read_analysis(doc, "entities")
    assert watched.made <= 1
