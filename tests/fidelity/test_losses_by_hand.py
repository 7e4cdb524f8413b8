"""From gold to the loss, by hand: one text of four words, one entity, all other spans of up to two words as
negatives, and heads that say nothing."""

import math

import numpy
import pytest

from spacy_mre.annotations.alignment import Gold, Losses
from spacy_mre.annotations.entities import EntitySpan
from spacy_mre.pipeline.spert_mt.model import Logits, build_spert_mt, joint_loss
from spacy_mre.pipeline.spert_mt.targets import Sampler

LOG_2 = math.log(2)
# (0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (2, 4) beside the entity (1, 3): two words of three, or one of two, or none
# are shared.
IOUS = {(0, 1): 0, (1, 2): 1 / 2, (2, 3): 1 / 2, (3, 4): 0, (0, 2): 1 / 3, (2, 4): 1 / 3, (1, 3): 0}


def targets():
    golds = [Gold([EntitySpan(1, 3, "a"), EntitySpan(0, 1, "b")], 1, [(0, 1, "r")], Losses())]
    sampler = Sampler(-1, -1, 2, numpy.random.default_rng(0))
    return sampler.make_targets(golds, numpy.array([4]), {"a": 0, "b": 1}, {"r": 0, "s": 1})


def loss_of(**settings):
    from thinc.api import Model

    encoder = Model("encoder", lambda model, X, is_train: (X, lambda d: d))
    attrs = build_spert_mt(encoder, identification="separate", max_width=2, **settings).get_ref("heads").attrs
    columns = 2 if attrs["config"]["mode"] == "spert" else 3
    silent = Logits(numpy.zeros((7, 3), "f"), numpy.zeros((2, columns), "f"))
    return joint_loss(silent, targets(), attrs["config"], attrs["loss"])[0]


def only(name):
    weights = {
        f"{level}_{task}_weight": 0.0
        for level in ("entity", "relation")
        for task in ("identification", "classification")
    }
    return {**weights, f"{name}_weight": 1.0}


def test_the_overlap_of_every_span_with_gold():
    found = targets()
    ious = dict(zip(zip(found.spans.starts.tolist(), found.spans.ends.tolist()), found.ious.tolist()))
    assert ious == pytest.approx(IOUS)


@pytest.mark.parametrize(
    "delta, form, total",
    [
        (0.0, "linear", 7),
        (1.0, "linear", 1 + 1 + 1 + 3 / 2 + 3 / 2 + 4 / 3 + 4 / 3),
        (2.0, "linear", 1 + 1 + 1 + 2 + 2 + 5 / 3 + 5 / 3),
        (2.0, "power", 1 + 1 + 1 + 9 / 4 + 9 / 4 + 16 / 9 + 16 / 9),
    ],
)
def test_identification_of_entities(delta, form, total):
    # Every span costs log 2 times its weight; the entity weighs 1.
    assert loss_of(iou_delta=delta, iou_form=form, **only("entity_identification")) == pytest.approx(LOG_2 * total / 7)


def test_classification_of_entities():
    # One positive of seven spans: the right score 0 misses 2.5, the wrong one 0 misses -0.5, both times gamma 2.
    ranking = (math.log(1 + math.exp(2 * 2.5)) + math.log(1 + math.exp(2 * 0.5))) / 7
    assert loss_of(classification="ranking", **only("entity_classification")) == pytest.approx(ranking)
    assert loss_of(classification="cross_entropy", **only("entity_classification")) == pytest.approx(LOG_2 / 7)


def test_the_losses_of_relations():
    # Two ordered pairs, one of them related.
    assert loss_of(**only("relation_identification")) == pytest.approx(LOG_2)
    ranking = (math.log(1 + math.exp(2 * 2.5)) + math.log(1 + math.exp(2 * 0.5))) / 2
    assert loss_of(classification="ranking", **only("relation_classification")) == pytest.approx(ranking)
    assert loss_of(classification="cross_entropy", **only("relation_classification")) == pytest.approx(LOG_2 / 2)


def test_the_losses_of_the_baseline():
    # Three classes with None; two sigmoids for each of two pairs.
    assert loss_of(mode="spert", **only("entity_identification")) == pytest.approx(math.log(3))
    assert loss_of(mode="spert", **only("relation_identification")) == pytest.approx(LOG_2)
    both = loss_of(mode="spert", **{**only("entity_identification"), "relation_identification_weight": 0.5})
    assert both == pytest.approx(math.log(3) + LOG_2 / 2)
