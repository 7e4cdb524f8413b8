import numpy
import pytest

from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.loss import SpertMTLogits, joint_loss
from spacy_mre.pipeline.spert_mt.settings import PRESETS
from spacy_mre.pipeline.spert_mt.targets import Targets
from tests.pipeline.spans.plain_losses import (
    plain_cross_entropy,
    plain_identification,
    plain_ranking,
    plain_sigmoid,
    plain_softmax,
)

GOLD = numpy.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=bool)
LABELS, IOUS = [0, 2, -1, -1, 1], [0.0, 0.0, 0.5, 0.25, 0.0]
GOLD_SPANS = numpy.eye(4, dtype=bool)[numpy.array(LABELS) + 1][:, 1:]


def random(*shape, seed=0):
    return numpy.random.default_rng(seed).normal(size=shape).astype("f")


def make_targets(labels, ious, relations):
    none = numpy.zeros(len(labels), dtype=numpy.int64)
    spans = Spans(none, none + 1, none, numpy.array(labels, dtype=numpy.int64))
    pairs = Pairs(numpy.zeros(len(relations), dtype=numpy.int64), numpy.zeros(len(relations), dtype=numpy.int64))
    return Targets(spans, numpy.array(ious, dtype=float), spans, pairs, relations)


def log_sum_exp(scores):
    return numpy.log(numpy.exp(scores).sum(axis=1))


def expected_loss(mode, entities, relations):
    """The formula of each preset, written out."""
    are_entities, are_related = numpy.array([1, 1, 0, 0, 1]), numpy.array([1, 1, 0, 1])
    hardness = 1 + 1.0 * numpy.array(IOUS)
    if mode == "spert":
        return plain_softmax(entities, numpy.array(LABELS) + 1) + plain_sigmoid(relations, GOLD)
    if mode == "paper":
        return (
            plain_identification(entities[:, 0], are_entities, hardness)
            + plain_ranking(entities[:, 1:], GOLD_SPANS)
            + plain_identification(relations[:, 0], are_related, 1.0)
            + plain_ranking(relations[:, 1:], GOLD)
        )
    return (
        plain_identification(entities[:, 0] + log_sum_exp(entities[:, 1:]), are_entities, hardness)
        + plain_cross_entropy(entities[:, 1:], GOLD_SPANS)
        + 0.2 * plain_identification(relations[:, 0] + log_sum_exp(relations[:, 1:]), are_related, 1.0)
        + 0.2 * plain_cross_entropy(relations[:, 1:], GOLD)
    )


@pytest.mark.parametrize("mode", PRESETS)
def test_the_joint_loss_is_the_weighted_sum_of_its_parts(mode):
    entities, relations = random(5, 4), random(4, 3 if mode == "spert" else 4, seed=1)
    targets = make_targets(LABELS, IOUS, GOLD)
    loss, gradient = joint_loss(SpertMTLogits(entities, relations), targets, PRESETS[mode])
    assert loss == pytest.approx(expected_loss(mode, entities, relations), rel=1e-5)
    # A few entries of the gradient against central differences.
    step = 1e-2
    for scores, found in ((entities, gradient.entities), (relations, gradient.relations)):
        assert found.shape == scores.shape
        for entry in [(0, 0), (1, 2), (2, 0), (3, 1)]:
            values = []
            for sign in (1, -1):
                moved = scores.copy()
                moved[entry] += sign * step
                logits = SpertMTLogits(moved, relations) if scores is entities else SpertMTLogits(entities, moved)
                values.append(joint_loss(logits, targets, PRESETS[mode])[0])
            assert found[entry] == pytest.approx((values[0] - values[1]) / (2 * step), abs=2e-3)


@pytest.mark.parametrize("mode", PRESETS)
def test_no_spans_and_no_pairs_give_zeros(mode):
    entities, relations = numpy.zeros((0, 4), "f"), numpy.zeros((0, 3 if mode == "spert" else 4), "f")
    targets = make_targets([], [], numpy.zeros((0, 3), bool))
    loss, gradient = joint_loss(SpertMTLogits(entities, relations), targets, PRESETS[mode])
    assert loss == 0.0
    assert (gradient.entities.shape, gradient.relations.shape) == (entities.shape, relations.shape)


@pytest.mark.parametrize("mode", ["spert_mt", "paper"])
def test_no_relation_labels_and_no_pairs(mode):
    entities, relations = random(5, 4), numpy.zeros((0, 1), "f")
    targets = make_targets(LABELS, IOUS, numpy.zeros((0, 0), bool))
    loss, gradient = joint_loss(SpertMTLogits(entities, relations), targets, PRESETS[mode])
    assert loss > 0 and gradient.entities.any() and gradient.relations.shape == (0, 1)
