"""Agreement of two annotators, against values that were computed by hand."""

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre import make_relation
from spacy_mre.annotations.entities import set_entities
from spacy_mre.evaluation.agreement import (
    as_annotations,
    cohens_kappa,
    find_disagreements,
    measure_agreement,
    pair_docs,
)
from tests.robustness.effort import scale

NLP = spacy.blank("en")


def doc(text, entities=None, relations=None, cats=None, id=None):
    """A text with entities as (start, end, label), and relations between entities as (head, tail, label)."""
    made = NLP(text)
    if id is not None:
        made.user_data["id"] = id
    if entities is not None:
        set_entities(made, [(*entity, 1.0) for entity in entities])
    if relations is not None:
        made._.relations = []
        for head, tail, label in relations:
            (*first, head_label), (*second, tail_label) = entities[head], entities[tail]
            arguments = {"head_label": head_label, "tail_label": tail_label}
            made._.relations.append(make_relation(tuple(first), tuple(second), label, **arguments))
    made.cats = cats or {}
    return made


def one(label):
    return {name: float(name == label) for name in "xyz"}


@pytest.mark.parametrize(
    "table, kappa",
    [
        # Rows: A, columns: B. po = 35/50, pe = (25 * 30 + 25 * 20) / 50**2 = 0.5.
        ([[20, 5], [10, 15]], 0.4),
        # po = 60/100, pe = (60 * 70 + 40 * 30) / 100**2 = 0.54.
        ([[45, 15], [25, 15]], 0.06 / 0.46),
        # Three categories: po = 7/10, pe = (4 * 4 + 3 * 4 + 3 * 2) / 10**2 = 0.34.
        ([[3, 1, 0], [1, 2, 0], [0, 1, 2]], 0.36 / 0.66),
        # Always different: po = 0, pe = 0.5.
        ([[0, 2], [2, 0]], -1.0),
        ([[3, 0], [0, 2]], 1.0),
        # One gives all texts the same label: po = pe.
        ([[3, 0], [2, 0]], 0.0),
        # Both do: 0 / 0.
        ([[5, 0], [0, 0]], None),
        ([], None),
    ],
)
def test_kappa_of_a_table(table, kappa):
    pairs = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    found = cohens_kappa([i for i, _ in pairs], [j for _, j in pairs])
    assert found == (None if kappa is None else pytest.approx(kappa))


@settings(max_examples=scale(50), deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("xyz")), min_size=1))
def test_kappa_is_symmetric_and_at_most_one(pairs):
    a, b = zip(*pairs)
    kappa = cohens_kappa(a, b)
    assert kappa == cohens_kappa(b, a)
    assert kappa is None or -1 <= kappa <= 1
    assert (kappa == 1) == (a == b and kappa is not None)


def test_entities_and_relations():
    text = "Ada met Bo in Lima ."
    a = doc(text, [(0, 1, "person"), (2, 3, "person"), (4, 5, "place")], [(0, 1, "met"), (0, 2, "in")])
    b = doc(text, [(0, 1, "person"), (2, 3, "animal"), (3, 5, "place")], [(0, 1, "met"), (1, 0, "met")])
    scores = measure_agreement(pair_docs([a], [b]).both)
    # One of three entities is the same.
    entities = scores["entities"]
    assert {key: entities[key] for key in ("f1", "a", "b", "both", "texts")} == {
        "f1": pytest.approx(1 / 3),
        "a": 3,
        "b": 3,
        "both": 1,
        "texts": 1,
    }
    assert entities["per_label"]["person"] == {"f1": pytest.approx(2 / 3), "a": 2, "b": 1, "both": 1}
    assert entities["per_label"]["animal"] == {"f1": 0.0, "a": 0, "b": 1, "both": 0}
    # Ada met Bo is the same relation, but not strictly: Bo is a person in A and an animal in B.
    assert scores["relations"]["f1"] == pytest.approx(0.5)
    assert scores["relations"]["per_label"]["met"] == {"f1": pytest.approx(2 / 3), "a": 1, "b": 2, "both": 1}
    assert scores["relations"]["per_label"]["in"] == {"f1": 0.0, "a": 1, "b": 0, "both": 0}
    assert scores["strict_relations"]["f1"] == 0.0
    # Without direction, the two relations of B are one.
    loose = measure_agreement(pair_docs([a], [b]).both, symmetric=["met"])["relations"]
    assert loose["per_label"]["met"]["both"] == 1
    assert "cats" not in scores


def test_text_labels():
    pairs = [("x", "x"), ("x", "x"), ("x", "y"), ("y", "y"), ("y", "z")]
    a = [doc(f"Text {n}", cats=one(label)) for n, (label, _) in enumerate(pairs)]
    b = [doc(f"Text {n}", cats=one(label)) for n, (_, label) in enumerate(pairs)]
    cats = measure_agreement(pair_docs(a, b).both)["cats"]
    # po = 3/5, pe = (3 * 2 + 2 * 2 + 0 * 1) / 25 = 0.4.
    assert (cats["observed"], cats["texts"]) == (0.6, 5)
    assert cats["kappa"] == pytest.approx((0.6 - 0.4) / 0.6)
    # x: po = 4/5, pe = (3 * 2 + 2 * 3) / 25. z: A never gives it, so that po = pe.
    assert cats["per_label"]["x"] == {"kappa": pytest.approx((0.8 - 0.48) / 0.52), "a": 3, "b": 2, "both": 2}
    assert cats["per_label"]["z"] == {"kappa": pytest.approx(0.0), "a": 0, "b": 1, "both": 0}


def test_a_pipeline_is_compared_by_what_it_decides():
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt", config={"spans_key": "mentions"})
    found = doc("Old Lima fell.", cats={"x": 0.4, "y": 0.35, "z": 0.25})
    found.spans["mentions"] = [found[0:2]]
    other = doc("Old Lima fell.", cats={"x": 0.9, "y": 0.1})
    other.ents = [found.char_span(0, 8, label="place")]
    (made,) = as_annotations(nlp, [found], spans_key="spans")
    assert made.cats == {"x": 1.0, "y": 0.0, "z": 0.0}
    assert [(span.text, span.label_) for span in made.spans["spans"]] == [("Old Lima", "")]
    (decided,) = as_annotations(spacy.blank("en"), [other], spans_key="spans")
    (text,) = find_disagreements(pair_docs([made], [decided]).both, spans_key="spans")
    assert [(mistake.level, mistake.label) for mistake in text.mistakes] == [("entities", ""), ("entities", "place")]


def test_a_label_that_one_file_does_not_have_does_not_hold():
    a = [doc("One", cats={"x": 1.0}), doc("Two", cats={"x": 1.0})]
    b = [doc("One", cats={"x": 1.0, "y": 0.0}), doc("Two", cats={"x": 0.0, "y": 1.0})]
    pairs = pair_docs(a, b)
    assert measure_agreement(pairs.both)["cats"]["per_label"]["y"] == {"kappa": 0.0, "a": 0, "b": 1, "both": 0}
    assert [len(text.mistakes) for text in find_disagreements(pairs.both)] == [0, 2]
    assert a[0].cats == {"x": 1.0}, "the documents of the caller are not changed"


def test_several_labels_are_compared_as_a_set():
    a = [doc("One", cats={"x": 1.0, "y": 1.0}), doc("Two", cats={"x": 1.0, "y": 0.0})]
    b = [doc("One", cats={"x": 1.0, "y": 0.0}), doc("Two", cats={"x": 1.0, "y": 0.0})]
    cats = measure_agreement(pair_docs(a, b).both)["cats"]
    assert (cats["observed"], cats["kappa"]) == (0.5, 0.0)
    assert cats["per_label"]["x"]["kappa"] is None


def test_what_one_has_not_annotated_is_left_out():
    a = [doc("Ada", [(0, 1, "x")], []), doc("Bo", [(0, 1, "x")], []), doc("Cy", cats={"x": 1.0})]
    b = [doc("Ada", [(0, 1, "x")]), doc("Bo"), doc("Cy", [(0, 1, "x")])]
    pairs = pair_docs(a, b)
    scores = measure_agreement(pairs.both)
    assert scores.keys() == {"entities"}
    assert (scores["entities"]["texts"], scores["entities"]["f1"]) == (1, 1.0)
    assert [text.mistakes for text in find_disagreements(pairs.both)] == [[], [], []]


def test_no_annotation_is_no_agreement():
    (pair,) = pair_docs([doc("Ada", [])], [doc("Ada", [])]).both
    assert measure_agreement([pair])["entities"] == {
        "f1": None,
        "a": 0,
        "b": 0,
        "both": 0,
        "texts": 1,
        "per_label": {},
    }


def test_pairs():
    a = [doc("Rain", id="1"), doc("Rain", id="2"), doc("Ada  met Bo", id="3"), doc("Old", id="4"), doc("Sun", id="5")]
    b = [doc("New", id="4"), doc("Ada met Bo", id="7"), doc("Rain", id="2"), doc("Rain", id="9"), doc("Rain", id="8")]
    pairs = pair_docs(a, b)
    ids = [(eg.reference.user_data["id"], eg.predicted.user_data["id"]) for eg in pairs.both]
    # By id and text, then by the text alone; the same id with another text is no pair.
    assert ids == [("1", "9"), ("2", "2"), ("3", "7")]
    assert (pairs.only_a, pairs.only_b) == (2, 2)


def test_disagreements():
    a = doc("Ada met Bo", [(0, 1, "person"), (2, 3, "person")], id="t")
    b = doc("Ada met Bo", [(0, 1, "person"), (2, 3, "place")], id="t")
    (text,) = find_disagreements(pair_docs([a], [b]).both)
    assert [(m.what, m.kind, m.label, m.score) for m in text.mistakes] == [
        ("missed", "type", "person", None),
        ("wrong", "type", "place", None),
    ]


def test_a_text_without_tokens():
    """A pipeline that is sure of nothing predicts no label, and spaCy says that its entities are set."""
    nlp = spacy.blank("en")
    (found,) = as_annotations(nlp, [doc("", cats={"x": 0.0, "y": 0.0})])
    assert found.cats == {"x": 0.0, "y": 0.0}
    labelled = [doc("", cats=one("x")), doc("Rain", cats=one("y"))]
    pairs = pair_docs(labelled, [doc("", cats=one("x")), doc("Rain", cats=one("y"))]).both
    assert "entities" not in measure_agreement(pairs)
