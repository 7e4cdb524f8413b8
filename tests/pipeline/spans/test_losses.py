import math
from functools import partial

import numpy
import pytest
import torch

from spacy_mre.pipeline.spans.losses import (
    identification_loss,
    iou_weights,
    ranking_loss,
    sigmoid_loss,
    softmax_loss,
    type_cross_entropy,
)
from tests.pipeline.spans.plain_losses import (
    plain_cross_entropy,
    plain_identification,
    plain_ranking,
    plain_sigmoid,
    plain_softmax,
    softplus,
)

RANKING = {"gamma": 2.0, "margin_right": 2.5, "margin_wrong": 0.5}
GOLD = numpy.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=bool)


def random(*shape, seed=0):
    return numpy.random.default_rng(seed).normal(size=shape)


def tensor(array):
    return torch.as_tensor(numpy.asarray(array))


def test_identification_by_hand():
    loss = identification_loss(tensor([0.0, 0.0, math.log(3)]), tensor([1.0, 0.0, 1.0]), tensor([1.0, 2.0, 1.0]))
    assert loss.item() == pytest.approx((math.log(2) + 2 * math.log(2) + math.log(4 / 3)) / 3)


def test_identification_in_float64():
    logits, targets, weights = random(7), (random(7, seed=1) > 0).astype(float), numpy.abs(random(7, seed=2))
    weighted = identification_loss(tensor(logits), tensor(targets), tensor(weights)).item()
    assert weighted == pytest.approx(plain_identification(logits, targets, weights), abs=1e-12)
    plain = identification_loss(tensor(logits), tensor(targets)).item()
    assert plain == pytest.approx(plain_identification(logits, targets, 1.0), abs=1e-12)


def test_iou_weights_by_hand():
    ious = tensor([0.0, 0.5, 1.0])
    assert iou_weights(ious, 2.0).tolist() == [1.0, 2.0, 3.0]
    assert iou_weights(ious, 0.0).tolist() == [1.0, 1.0, 1.0]


def test_ranking_by_hand():
    scores = tensor([[2.5, -0.5, -3.0], [9.0, 9.0, 9.0]])
    gold = tensor([[True, False, False], [False, False, False]])
    # Both scores are exactly on their margins: log 2 each. The row without gold is skipped, but counts in the division.
    assert ranking_loss(scores, gold, **RANKING).item() == pytest.approx(2 * math.log(2) / 2)


def test_ranking_in_float64():
    scores = random(4, 3) * 3
    settings = {"gamma": 1.5, "margin_right": 2.0, "margin_wrong": 0.25}
    found = ranking_loss(tensor(scores), tensor(GOLD), **settings).item()
    assert found == pytest.approx(plain_ranking(scores, GOLD, **settings), abs=1e-12)


def test_several_gold_labels_give_one_term_each_and_the_best_wrong_label_one():
    scores, gold = tensor([[1.0, 2.0, 3.0, -1.0]]), tensor([[True, True, False, False]])
    expected = softplus(2 * (2.5 - 1)) + softplus(2 * (2.5 - 2)) + softplus(2 * (0.5 + 3))
    assert ranking_loss(scores, gold, **RANKING).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_a_row_whose_labels_are_all_gold_has_no_wrong_term(dtype):
    scores = torch.tensor([[1.0, 2.0]], dtype=dtype, requires_grad=True)
    loss = ranking_loss(scores, torch.ones(1, 2, dtype=torch.bool), **RANKING)
    assert loss.item() == pytest.approx(softplus(2 * 1.5) + softplus(2 * 0.5), rel=2e-3)
    loss.backward()
    assert torch.isfinite(scores.grad).all() and (scores.grad < 0).all()


def test_cross_entropy_by_hand():
    scores = tensor([[0.0, 0.0], [5.0, 1.0]])
    assert type_cross_entropy(scores, tensor([[True, False], [False, False]])).item() == pytest.approx(math.log(2) / 2)


def test_cross_entropy_in_float64():
    scores = random(4, 3)
    found = type_cross_entropy(tensor(scores), tensor(GOLD)).item()
    assert found == pytest.approx(plain_cross_entropy(scores, GOLD), abs=1e-12)


def test_softmax_and_sigmoid_in_float64():
    logits, classes = random(5, 4), numpy.array([0, 3, 1, 0, 2])
    found = softmax_loss(tensor(logits), tensor(classes)).item()
    assert found == pytest.approx(plain_softmax(logits, classes), abs=1e-12)
    assert softmax_loss(torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64)).item() == pytest.approx(math.log(4))
    found = sigmoid_loss(tensor(random(4, 3)), tensor(GOLD)).item()
    assert found == pytest.approx(plain_sigmoid(random(4, 3), GOLD), abs=1e-12)
    assert sigmoid_loss(torch.zeros(4, 3), tensor(GOLD)).item() == pytest.approx(math.log(2))


LOSSES = {
    "identification": lambda scores: identification_loss(
        scores[:, 0], tensor([1.0, 0.0, 0.0, 1.0]), tensor([1.0, 1.5, 2.0, 1.0])
    ),
    "ranking": lambda scores: ranking_loss(scores, tensor(GOLD), **RANKING),
    "ranking, gamma 0.7": lambda scores: ranking_loss(scores, tensor(GOLD), **{**RANKING, "gamma": 0.7}),
    "cross-entropy": lambda scores: type_cross_entropy(scores, tensor(GOLD)),
    "softmax": lambda scores: softmax_loss(scores, tensor([0, 2, 1, 0])),
    "sigmoid": lambda scores: sigmoid_loss(scores, tensor(GOLD)),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_by_finite_differences(loss):
    scores = tensor(random(4, 3)).requires_grad_()
    assert torch.autograd.gradcheck(loss, scores)
    (gradient,) = torch.autograd.grad(loss(scores), scores)
    assert gradient.any()


@pytest.mark.parametrize("loss", [partial(ranking_loss, **RANKING), type_cross_entropy, sigmoid_loss])
@pytest.mark.parametrize("rows, labels", [(0, 3), (3, 0), (0, 0)])
def test_no_rows_or_no_labels_give_zero_and_a_gradient(loss, rows, labels):
    scores = torch.zeros(rows, labels, requires_grad=True)
    value = loss(scores, torch.zeros(rows, labels, dtype=torch.bool))
    value.backward()
    assert value.item() == 0.0
    assert scores.grad.shape == (rows, labels)


def test_identification_and_softmax_of_no_rows():
    assert identification_loss(torch.zeros(0), torch.zeros(0)).item() == 0.0
    assert softmax_loss(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)).item() == 0.0
    assert softmax_loss(torch.zeros(2, 1), torch.zeros(2, dtype=torch.int64)).item() == 0.0
