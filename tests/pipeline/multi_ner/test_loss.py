"""The loss, compared with its formula."""

import math

import numpy
import pytest
import torch

from spacy_mre.annotations.alignment import Losses
from spacy_mre.pipeline.multi_ner.boundaries import Boundaries
from spacy_mre.pipeline.multi_ner.loss import MultiNERLogits, boundary_loss
from spacy_mre.pipeline.spans.losses import sigmoid_loss
from spacy_mre.pipeline.spans.spans import Spans


def make_targets(*spans, known):
    columns = [numpy.array(column, dtype=numpy.int64) for column in zip(*spans)] or [
        numpy.zeros(0, dtype=numpy.int64)
    ] * 4
    return Boundaries(Spans(*columns), numpy.array(known, dtype=bool), Losses())


def test_loss_by_hand():
    targets = make_targets((0, 2, 0, 1), known=[True, True, False])
    starts, ends = numpy.array([[0.5, -1, 9], [2, 0, 9]], dtype="f"), numpy.array([[0, 0, 9], [-1, 3, 9]], dtype="f")
    spans, gold = numpy.array([0.7, -0.2], dtype="f"), numpy.array([True, False])

    def bce(logit, right):
        probability = 1 / (1 + math.exp(-logit))
        return -math.log(probability if right else 1 - probability)

    of_starts = (bce(0.5, False) + bce(-1, False) + bce(2, True) + bce(0, False)) / 4
    of_ends = (bce(0, False) + bce(0, False) + bce(-1, False) + bce(3, True)) / 4
    of_spans = (bce(0.7, True) + bce(-0.2, False)) / 2
    loss, gradient = boundary_loss(MultiNERLogits(starts, ends, spans, None, gold), targets)
    assert loss == pytest.approx((of_starts + of_ends + 0.1 * of_spans) / 2.1, rel=1e-5)
    assert not gradient.starts[:, 2].any() and not gradient.ends[:, 2].any()
    assert gradient.starts[1, 0] == pytest.approx((1 / (1 + math.exp(-2)) - 1) / 4 / 2.1, rel=1e-5)
    assert gradient.spans[1] == pytest.approx(0.1 * (1 / (1 + math.exp(0.2))) / 2 / 2.1, rel=1e-5)


def test_no_gold_has_no_loss():
    zeros = numpy.zeros((2, 3), dtype="f")
    logits = MultiNERLogits(zeros, zeros, numpy.zeros(0, dtype="f"), None, numpy.zeros(0, dtype=bool))
    loss, gradient = boundary_loss(logits, make_targets(known=[False] * 3))
    assert loss == 0.0
    assert gradient.starts.shape == (2, 3) and gradient.spans.shape == (0,)
    assert not gradient.starts.any() and not gradient.ends.any()


def test_the_three_losses_are_means():
    """The loss of a batch with each row twice is the same."""
    logits = torch.randn(2, 4)
    gold = torch.rand(2, 4) < 0.5
    assert sigmoid_loss(torch.cat([logits, logits], dim=1), torch.cat([gold, gold], dim=1)) == pytest.approx(
        float(sigmoid_loss(logits, gold))
    )
