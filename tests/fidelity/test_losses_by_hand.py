"""From gold to the loss, by hand: one text of four words, one entity, one mention that only relations use, all
other spans of up to two words as negatives, and scores of 0 everywhere."""

import math
from dataclasses import replace

import numpy
import pytest

from spacy_mre.annotations.alignment import Gold, Losses
from spacy_mre.annotations.entities import EntitySpan
from spacy_mre.pipeline.spert_mt.loss import SpertMTLogits, joint_loss
from spacy_mre.pipeline.spert_mt.settings import PRESETS
from spacy_mre.pipeline.spert_mt.targets import Sampler

LOG_2 = math.log(2)
# The other spans against the entity (1, 3): one word of three is shared, or one of two, or none. The entity has 0.
IOUS = {(0, 1): 0, (1, 2): 1 / 2, (2, 3): 1 / 2, (3, 4): 0, (0, 2): 1 / 3, (2, 4): 1 / 3, (1, 3): 0}


def targets():
    golds = [Gold([EntitySpan(1, 3, "a"), EntitySpan(0, 1, "b")], 1, [(0, 1, "r")], Losses())]
    sampler = Sampler(negatives=-1, max_width=2, generator=numpy.random.default_rng(0))
    return sampler.make_targets(golds, numpy.array([4]), {"a": 0, "b": 1}, {"r": 0, "s": 1})


def loss_of(mode, **changes):
    zeros = SpertMTLogits(numpy.zeros((7, 3), "f"), numpy.zeros((2, 2 if mode == "spert" else 3), "f"))
    return joint_loss(zeros, targets(), replace(PRESETS[mode], **changes))[0]


def only(task):
    tasks = ["entity identification", "entity classification", "relation identification", "relation classification"]
    return {"loss_weights": tuple(float(task == other) for other in tasks)}


def test_the_overlap_of_every_span_with_gold():
    found = targets()
    ious = dict(zip(zip(found.spans.starts.tolist(), found.spans.ends.tolist()), found.ious.tolist()))
    assert ious == pytest.approx(IOUS)


@pytest.mark.parametrize(
    "delta, total",
    [(0.0, 7), (1.0, 1 + 1 + 1 + 3 / 2 + 3 / 2 + 4 / 3 + 4 / 3), (2.0, 1 + 1 + 1 + 2 + 2 + 5 / 3 + 5 / 3)],
)
def test_identification_of_entities(delta, total):
    # Every span costs log 2 times its weight; the entity weighs 1.
    found = loss_of("paper", iou_delta=delta, **only("entity identification"))
    assert found == pytest.approx(LOG_2 * total / 7)


def test_identification_with_tied_scores():
    # Two labels with the score 0 raise the identification score to log 2, a probability of 2/3.
    negatives = 1 + 1 + 3 / 2 + 3 / 2 + 4 / 3 + 4 / 3
    expected = (math.log(3 / 2) + negatives * math.log(3)) / 7
    assert loss_of("spert_mt", **only("entity identification")) == pytest.approx(expected)
    # One related pair and one unrelated.
    assert loss_of("spert_mt", **only("relation identification")) == pytest.approx((math.log(3 / 2) + math.log(3)) / 2)


def test_classification_of_entities():
    # One positive of seven spans: the right score 0 misses 2.5, the wrong one 0 misses -0.5, both times gamma 2.
    ranking = (math.log(1 + math.exp(2 * 2.5)) + math.log(1 + math.exp(2 * 0.5))) / 7
    assert loss_of("paper", **only("entity classification")) == pytest.approx(ranking)
    assert loss_of("spert_mt", **only("entity classification")) == pytest.approx(LOG_2 / 7)


def test_the_losses_of_relations():
    # Two ordered pairs, one of them related.
    assert loss_of("paper", **only("relation identification")) == pytest.approx(LOG_2)
    ranking = (math.log(1 + math.exp(2 * 2.5)) + math.log(1 + math.exp(2 * 0.5))) / 2
    assert loss_of("paper", **only("relation classification")) == pytest.approx(ranking)
    assert loss_of("spert_mt", **only("relation classification")) == pytest.approx(LOG_2 / 2)


def test_the_losses_of_the_baseline():
    # Three classes with None; two sigmoids for each of two pairs.
    assert loss_of("spert", **only("entity identification")) == pytest.approx(math.log(3))
    assert loss_of("spert", **only("relation identification")) == pytest.approx(LOG_2)
    assert loss_of("spert", loss_weights=(1.0, 0.0, 0.5, 0.0)) == pytest.approx(math.log(3) + LOG_2 / 2)


def test_the_sum_of_the_four_losses():
    tasks = ["entity identification", "entity classification", "relation identification", "relation classification"]
    parts = [loss_of("spert_mt", **only(task)) for task in tasks]
    assert loss_of("spert_mt") == pytest.approx(numpy.dot([1.0, 1.0, 0.2, 0.2], parts))
