"""Gold with labels that the training data lacks counts as missed, also in the scores during training."""

import pytest

from spacy_mre.evaluation.evaluate import evaluate
from tests.conftest import TEXTS
from tests.pipeline.generative import test_component as generative
from tests.pipeline.multi_ner import pipelines as multi_ner

DEV = [
    TEXTS[1],
    ("Bo orbits Mars .", [(0, 1, "robot"), (2, 3, "planet")], [(0, 1, "orbits")], {"space": 1.0}),
]


def per_type(scores, key, label):
    return scores[f"{key}_per_type"][label]


def test_entities_and_relations(make_nlp, make_examples, fit):
    nlp = make_nlp("spert_mt")
    fit(nlp, make_examples(nlp))
    known = nlp.evaluate(make_examples(nlp, DEV[:1]))
    assert known["spans_entities_r"] == known["ents_r"] == known["rel_r"] == known["rel_strict_r"] == 1.0
    for scores in (nlp.evaluate(make_examples(nlp, DEV)), evaluate(nlp, make_examples(nlp, DEV))):
        assert scores["spans_entities_r"] == scores["ents_r"] == scores["rel_r"] == scores["rel_strict_r"] == 0.5
        for key, label in (
            ("spans_entities", "robot"),
            ("ents", "planet"),
            ("rel", "orbits"),
            ("rel_strict", "orbits"),
        ):
            found = per_type(scores, key, label)
            assert (found["r"], found["support"]) == (0.0, 1)


@pytest.mark.parametrize("multi_label", [False, True])
def test_text_labels(multi_label, make_nlp, make_examples, fit):
    nlp = make_nlp("mre_textcat", multi_label=multi_label, loss_weight=1.0)
    fit(nlp, make_examples(nlp))
    assert nlp.evaluate(make_examples(nlp, DEV[:1]))["cats_micro_r"] == 1.0
    for scores in (nlp.evaluate(make_examples(nlp, DEV)), evaluate(nlp, make_examples(nlp, DEV))):
        assert scores["cats_micro_r"] == 0.5
        assert scores["cats_f_per_type"]["space"] == {"p": 0.0, "r": 0.0, "f": 0.0}
        assert scores["cats_macro_f"] < 1.0


def test_types_of_multi_ner():
    nlp = multi_ner.make_nlp()
    multi_ner.fit(nlp, steps=80)
    texts = [multi_ner.TEXTS[0], ("Bo orbits Mars .", [(0, 1, "robot")])]
    scores = nlp.evaluate(multi_ner.make_examples(nlp, texts))
    assert per_type(scores, "spans_entities", "robot")["support"] == 1
    assert scores["spans_entities_r"] == pytest.approx(2 / 3)


@pytest.mark.filterwarnings("ignore:.W930")
def test_generated_labels(make_examples):
    nlp = generative.make_nlp("slg")
    texts = [("play Foo", [(1, 2, "album")], [], {"music": 1.0}), ("it rains", [], [], {"weather": 1.0})]
    nlp.initialize(lambda: make_examples(nlp, texts))
    dev = [("Bo orbits Mars", [(0, 1, "robot")], [], {"space": 1.0})]
    scores = nlp.evaluate(make_examples(nlp, dev))
    assert per_type(scores, "spans_entities", "robot")["support"] == 1 and scores["spans_entities_r"] == 0.0
    assert scores["cats_f_per_type"]["space"]["r"] == 0.0 and scores["cats_micro_r"] == 0.0
