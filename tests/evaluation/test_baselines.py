import pytest
import spacy
from spacy.tokens import Doc

from spacy_mre import make_relation
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import set_relations
from spacy_mre.evaluation.baselines import Baseline
from spacy_mre.evaluation.items import predicted_cats


def make_doc(nlp, text, entities=None, relations=None, cats=None):
    """Entities are {text: label}, relations (head text, label, tail text)."""
    doc = nlp(text)
    offsets = {}
    for part in entities or {}:
        span = doc.char_span(text.index(part), text.index(part) + len(part))
        offsets[part] = (span.start, span.end)
    if entities is not None:
        set_entities(doc, [(*offsets[part], label, 1.0) for part, label in entities.items()])
    if relations is not None:
        made = [
            make_relation(offsets[head], offsets[tail], label, head_label=entities[head], tail_label=entities[tail])
            for head, label, tail in relations
        ]
        set_relations(doc, made)
    doc.cats = dict(cats or {})
    return doc


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def train_docs(nlp):
    return [
        make_doc(
            nlp,
            "Ada left Lake Port .",
            {"Ada": "person", "Lake Port": "place"},
            [("Ada", "left", "Lake Port")],
            {"travel": 1.0, "art": 0.0},
        ),
        make_doc(
            nlp,
            "Bo left Lake .",
            {"Bo": "person", "Lake": "place"},
            [("Bo", "left", "Lake")],
            {"travel": 1.0, "art": 0.0},
        ),
        make_doc(nlp, "Ada drew Lake .", {"Ada": "person", "Lake": "painting"}, [], {"travel": 0.0, "art": 1.0}),
        make_doc(nlp, "Ada saw Lake .", {"Ada": "person", "Lake": "place"}, [("Ada", "saw", "Lake")], {}),
    ]


def test_counts_by_hand(train_docs):
    baseline = Baseline.train(train_docs)
    # "Lake" is a place twice and a painting once.
    assert baseline.entities == {"Ada": "person", "Bo": "person", "Lake Port": "place", "Lake": "place"}
    # person -> place: 3 pairs, all related, twice by "left". place -> person and person -> painting: never.
    assert baseline.relations == {("person", "place"): ("left", 1.0)}
    assert baseline.cats == {"art": pytest.approx(1 / 3), "travel": 1.0}


def test_the_most_frequent_text_label_holds_although_most_texts_lack_it(nlp):
    """Any number of labels may hold. "art" holds in 2 of 5 texts, so it is right in 2 of 5 predictions."""
    golds = [{"art": 1.0}, {"art": 1.0, "travel": 1.0}, {"travel": 0.0}, {"art": 0.0}, {"travel": 0.0}]
    docs = [make_doc(nlp, "Ada .", {}, [], cats) for cats in golds]
    baseline = Baseline.train(docs)
    assert baseline.cats == {"art": 1.0, "travel": pytest.approx(0.2)}
    (doc,) = baseline.predict([nlp("Bo .")])
    assert predicted_cats(doc, True, 0.5) == {"art": 1.0}


def test_half_of_the_pairs_are_not_a_majority(nlp):
    related = make_doc(nlp, "Ada left Lake .", {"Ada": "person", "Lake": "place"}, [("Ada", "left", "Lake")])
    unrelated = make_doc(nlp, "Ada likes Lake .", {"Ada": "person", "Lake": "place"}, [])
    assert Baseline.train([related, unrelated]).relations == {}
    assert Baseline.train([related, unrelated, related]).relations == {
        ("person", "place"): ("left", pytest.approx(2 / 3))
    }


def test_predict(nlp, train_docs):
    baseline = Baseline.train(train_docs)
    (doc,) = baseline.predict([nlp("Bo likes Lake Port and Lake but not Portland")])
    assert [(span.text, span.label_) for span in doc.spans["entities"]] == [
        ("Bo", "person"),
        ("Lake Port", "place"),
        ("Lake", "place"),
    ]
    assert [ent.text for ent in doc.ents] == ["Bo", "Lake Port", "Lake"]
    assert [(head.text, label, tail.text) for head, label, tail, _ in doc._.triples] == [
        ("Bo", "left", "Lake Port"),
        ("Bo", "left", "Lake"),
    ]
    assert max(doc.cats, key=doc.cats.get) == "travel"


def test_matches_inside_tokens_are_counted(nlp, train_docs):
    baseline = Baseline.train(train_docs)
    (doc,) = baseline.predict([nlp("Adam saw Lakes")])
    assert not doc.ents
    assert baseline.lost.counts == {"match inside of a token": 2}
    assert "'Ada' in 'Adam saw Lake'" in str(baseline.lost)


def test_a_shorter_match_is_used_if_the_longer_one_is_not_a_span(nlp, train_docs):
    baseline = Baseline.train(train_docs)
    (doc,) = baseline.predict([nlp("Lake Portland")])
    assert [ent.text for ent in doc.ents] == ["Lake"]
    assert baseline.lost.counts == {"match inside of a token": 1}


def test_text_without_word_boundaries(nlp):
    train = Doc(nlp.vocab, words=["青葉", "市", "の", "湖"], spaces=[False] * 4)
    set_entities(train, [(0, 2, "place", 1.0), (3, 4, "lake", 1.0)])
    test = Doc(nlp.vocab, words=["湖", "は", "青葉市", "だ"], spaces=[False] * 4)
    Baseline.train([train]).predict([test])
    assert [(ent.text, ent.label_) for ent in test.ents] == [("湖", "lake"), ("青葉市", "place")]


def test_layers_without_gold_are_not_predicted(nlp):
    baseline = Baseline.train([make_doc(nlp, "Ada left .")])
    assert (baseline.entities, baseline.relations, baseline.cats) == (None, None, None)
    (doc,) = baseline.predict([nlp("Ada left .")])
    assert "entities" not in doc.spans
    assert doc._.relations is None
    assert doc.cats == {}


def test_empty_layers_are_predicted_as_empty(nlp):
    baseline = Baseline.train([make_doc(nlp, "Ada left .", {}, [])])
    (doc,) = baseline.predict([nlp("Ada left .")])
    assert list(doc.spans["entities"]) == []
    assert doc._.relations == []


def test_another_span_group(nlp):
    train = nlp("Ada left")
    set_entities(train, [(0, 1, "person", 1.0)], key="mine")
    doc = nlp("so Ada left")
    Baseline.train([train], spans_key="mine").predict([doc])
    assert [span.text for span in doc.spans["mine"]] == ["Ada"]


def test_relations_without_direction(nlp):
    """Annotated in one direction, of the two that are counted."""
    entities, relations = {"Ada": "person", "Bo": "person"}, [("Ada", "knows", "Bo")]
    train = [make_doc(nlp, "Ada met Bo .", entities, relations)] * 3
    assert Baseline.train(train).relations == {}
    baseline = Baseline.train([*train, make_doc(nlp, "Ada met Bo .", entities, [])], symmetric=["knows"])
    assert baseline.relations == {("person", "person"): ("knows", 3 / 4)}
    (doc,) = baseline.predict([nlp("so Bo saw Ada")])
    assert [(head.text, label, tail.text) for head, label, tail, _ in doc._.triples] == [("Bo", "knows", "Ada")]
    mixed = make_doc(nlp, "Ada met Lake .", {"Ada": "person", "Lake": "place"}, [("Lake", "knows", "Ada")])
    baseline = Baseline.train([mixed], symmetric=["knows"])
    assert baseline.relations == {("person", "place"): ("knows", 1.0), ("place", "person"): ("knows", 1.0)}


def test_relations_without_labels_of_their_arguments_are_counted(nlp):
    doc = make_doc(nlp, "Ada left Port .", {"Ada": "person", "Port": "place"})
    set_relations(doc, [make_relation((0, 1), (2, 3), "left")])
    assert Baseline.train([doc]).relations == {("person", "place"): ("left", 1.0)}
