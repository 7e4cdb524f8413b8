import numpy
import pytest
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.calibration import measure_calibration
from spacy_mre.evaluation.cats import score_cats
from spacy_mre.evaluation.counts import count_documents
from spacy_mre.evaluation.scorers import score_joint
from spacy_mre.evaluation.significance import f1
from spacy_mre.evaluation.text_mistakes import find_text_mistakes

VOCAB = Vocab()
WORDS = ["Ada", "met", "Bo", "in", "Cairo"]
ADA, BO, CAIRO = (0, 1, "person"), (2, 3, "person"), (4, 5, "place")


def make_doc(entities=None, relations=None, cats=None):
    doc = Doc(VOCAB, words=WORDS)
    if entities is not None:
        set_entities(doc, [(*entity, 1.0) for entity in entities])
    if relations is not None:
        set_relations(
            doc, [make_relation(h[:2], t[:2], label, head_label=h[2], tail_label=t[2]) for h, t, label in relations]
        )
    doc.cats = dict(cats or {})
    return doc


def test_counts_by_hand():
    gold = make_doc([ADA, BO, CAIRO], [(ADA, BO, "met"), (BO, CAIRO, "in")], {"trip": 1.0, "work": 0.0})
    perfect = make_doc([ADA, BO, CAIRO], [(ADA, BO, "met"), (BO, CAIRO, "in")], {"trip": 0.6, "work": 0.4})
    place = (0, 1, "place")
    poor = make_doc([place, CAIRO], [(place, BO, "met"), (place, CAIRO, "in")], {"trip": 0.3, "work": 0.7})
    counts = count_documents([Example(perfect, gold), Example(poor, gold)])
    assert counts["entities"].tolist() == [[3, 0, 0], [1, 1, 2]]
    assert counts["whole_entities"].tolist() == [[1, 1], [0, 1]]
    assert counts["relations"].tolist() == [[2, 0, 0], [1, 1, 1]]
    assert counts["strict_relations"].tolist() == [[2, 0, 0], [0, 2, 2]]
    assert counts["texts"].tolist() == [[1, 1], [0, 1]]


def test_sums_agree_with_the_scorers():
    generator = numpy.random.default_rng(0)
    examples = []
    for _ in range(20):
        sides = []
        for _ in range(2):
            entities = [entity for entity in (ADA, BO, CAIRO, (0, 3, "group")) if generator.random() < 0.7]
            pairs = [
                (h, t, str(generator.choice(["met", "in"])))
                for h in entities
                for t in entities
                if h != t and generator.random() < 0.5
            ]
            sides.append(make_doc(entities, pairs))
        examples.append(Example(*sides))
    scores = score_joint(examples, symmetric=["met"])
    counts = count_documents(examples, symmetric=["met"])
    for layer, key in (("entities", "spans_entities_f"), ("relations", "rel_f"), ("strict_relations", "rel_strict_f")):
        assert f1(counts[layer].sum(axis=0)) == pytest.approx(scores[key])


def test_a_document_without_gold_counts_for_nothing():
    predicted = {"entities": [ADA], "relations": [(ADA, CAIRO, "in")], "cats": {"trip": 1.0, "work": 0.0}}
    known = make_doc([ADA], [], {"trip": 1.0, "work": 0.0})
    counts = count_documents([Example(make_doc(**predicted), known), Example(make_doc(**predicted), make_doc())])
    assert counts["entities"].tolist() == [[1, 0, 0], [0, 0, 0]]
    assert counts["whole_entities"].tolist() == counts["texts"].tolist() == [[1, 1], [0, 0]]
    assert counts["relations"].tolist() == [[0, 1, 0], [0, 0, 0]]


def test_a_layer_without_predictions_is_left_out():
    gold = make_doc([ADA], [], {"trip": 1.0, "work": 0.0})
    assert set(count_documents([Example(make_doc(), gold)])) == set()
    assert set(count_documents([Example(make_doc([]), gold)])) == {"entities", "whole_entities"}
    assert set(count_documents([Example(make_doc(cats={"trip": 0.1, "work": 0.9}), gold)])) == {"texts"}
    # An empty prediction of one of several documents is a prediction.
    counts = count_documents([Example(make_doc([]), gold), Example(make_doc([ADA]), gold)])
    assert counts["entities"].tolist() == [[0, 0, 1], [1, 0, 0]]


def test_several_text_labels():
    gold = make_doc(cats={"trip": 1.0, "work": 1.0, "home": 0.0})
    rows = [{"trip": 0.6, "work": 0.5, "home": 0.1}, {"trip": 0.9, "work": 0.3, "home": 0.1}]
    examples = [Example(make_doc(cats=row), gold) for row in rows]
    assert count_documents(examples, multi_label=True)["texts"].tolist() == [[1, 1], [0, 1]]
    assert count_documents(examples, multi_label=True, threshold=0.3)["texts"].tolist() == [[1, 1], [1, 1]]


def test_a_text_label_that_gold_does_not_name_is_unknown():
    gold = make_doc(cats={"trip": 1.0, "home": 0.0})
    predicted = make_doc(cats={"trip": 0.9, "work": 0.8, "home": 0.1})
    wrong = make_doc(cats={"trip": 0.9, "work": 0.1, "home": 0.8})
    examples = [Example(predicted, gold), Example(wrong, gold)]
    assert count_documents(examples, multi_label=True)["texts"].tolist() == [[1, 1], [0, 1]]
    # The other measures say the same.
    assert score_cats(examples[:1], multi_label=True)["cats_micro_f"] == 1.0
    assert find_text_mistakes(examples, multi_label=True)[0].mistakes == []
    assert measure_calibration(examples, multi_label=True)["cats"].bins[8].predictions == 1  # "home" of the second
    # Exactly one label holds: then another one is wrong, whether gold names it or not.
    assert count_documents([Example(make_doc(cats={"work": 0.9, "trip": 0.1}), gold)])["texts"].tolist() == [[0, 1]]


def test_an_empty_text_has_no_entities():
    """spaCy says of it that its entities are set."""
    empty = Example(Doc(VOCAB), Doc(VOCAB))
    labelled = Example(make_doc(cats={"trip": 0.9, "work": 0.1}), make_doc([ADA], cats={"trip": 1.0, "work": 0.0}))
    assert set(count_documents([labelled, empty])) == {"texts"}
    found = Example(make_doc([ADA]), make_doc([ADA]))
    assert count_documents([found, empty])["whole_entities"].tolist() == [[1, 1], [0, 0]]


def test_relations_without_entities():
    """Those of a component that writes nothing else."""
    gold = make_doc([ADA, BO], [(ADA, BO, "met")])
    examples = [Example(make_doc(relations=[(ADA, BO, "met")]), gold)]
    counts = count_documents(examples)
    assert counts["relations"].tolist() == counts["strict_relations"].tolist() == [[1, 0, 0]]
    assert set(counts) == {"relations", "strict_relations"}
    without = make_doc(relations=[(ADA, BO, "met")])
    assert (
        measure_calibration([Example(make_doc(relations=[(ADA, BO, "met")]), without)])["relations"].bins[9].right == 1
    )
