import math

import numpy
import pytest
import torch

from spacy_mre.pipeline.spans.losses import (
    balanced_weights,
    focal_factor,
    identification_loss,
    iou_weights,
    ranking_loss,
    row_weights,
    sigmoid_loss,
    softmax_loss,
    type_cross_entropy,
)
from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.model import Logits, build_spert_mt, joint_loss
from spacy_mre.pipeline.spert_mt.targets import Targets

ONES = [1.0] * 10
GOLD = numpy.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=bool)


def random(*shape, seed=0):
    return numpy.random.default_rng(seed).normal(size=shape)


def softplus(x):
    return numpy.logaddexp(0, x)


def tensor(array):
    return torch.as_tensor(numpy.asarray(array))


# The same losses once more, row by row


def plain_identification(logits, targets, weights):
    probabilities = 1 / (1 + numpy.exp(-logits))
    return -(weights * (targets * numpy.log(probabilities) + (1 - targets) * numpy.log(1 - probabilities))).sum() / max(
        len(logits), 1
    )


def plain_ranking(scores, gold, weights=ONES, gamma=2.0, margin_right=2.5, margin_wrong=0.5, negatives=False):
    total = 0.0
    for row, right, weight in zip(scores, gold, weights):
        if not right.any() and not negatives:
            continue
        total += weight * softplus(gamma * (margin_right - row[right])).sum()
        if not right.all():
            total += weight * softplus(gamma * (margin_wrong + row[~right].max()))
    return total / max(len(scores), 1)


def plain_cross_entropy(scores, gold, weights=ONES):
    total = 0.0
    for row, right, weight in zip(scores, gold, weights):
        if right.any():
            total -= weight * (row[right] - numpy.log(numpy.exp(row).sum())).mean()
    return total / max(len(scores), 1)


def plain_softmax(logits, classes, weights=ONES, gamma=0.0):
    rights = [numpy.exp(row[place]) / numpy.exp(row).sum() for row, place in zip(logits, classes)]
    return -sum(weight * (1 - right) ** gamma * numpy.log(right) for right, weight in zip(rights, weights)) / max(
        len(classes), 1
    )


def plain_sigmoid(logits, gold, weights=ONES, gamma=0.0):
    misses = numpy.where(gold, 1 - 1 / (1 + numpy.exp(-logits)), 1 / (1 + numpy.exp(-logits)))
    losses = misses**gamma * numpy.where(gold, softplus(-logits), softplus(logits))
    return (losses * numpy.array(weights[: len(losses)])[:, None]).mean() if logits.size else 0.0


def plain_focal(logits, targets, weights=ONES, gamma=0.0):
    probabilities = 1 / (1 + numpy.exp(-logits))
    losses = -(targets * numpy.log(probabilities) + (1 - targets) * numpy.log(1 - probabilities))
    return (numpy.array(weights[: len(losses)]) * numpy.abs(targets - probabilities) ** gamma * losses).sum() / len(
        losses
    )


def test_identification_by_hand():
    loss = identification_loss(tensor([0.0, 0.0, math.log(3)]), tensor([1.0, 0.0, 1.0]), tensor([1.0, 2.0, 1.0]))
    assert loss.item() == pytest.approx((math.log(2) + 2 * math.log(2) + math.log(4 / 3)) / 3)


def test_identification_in_float64():
    logits, targets, weights = random(7), (random(7, seed=1) > 0).astype(float), numpy.abs(random(7, seed=2))
    assert identification_loss(tensor(logits), tensor(targets), tensor(weights)).item() == pytest.approx(
        plain_identification(logits, targets, weights), abs=1e-12
    )
    assert identification_loss(tensor(logits), tensor(targets)).item() == pytest.approx(
        plain_identification(logits, targets, 1.0), abs=1e-12
    )


def test_iou_weights_by_hand():
    ious = tensor([0.0, 0.5, 1.0])
    assert iou_weights(ious, 2.0).tolist() == [1.0, 2.0, 3.0]
    assert iou_weights(ious, 2.0, "power").tolist() == pytest.approx([1.0, 2.25, 4.0])
    for form in ("linear", "power"):
        assert iou_weights(ious, 0.0, form).tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match=r"\[M001\].*iou_form"):
        iou_weights(ious, 1.0, "cubic")


def test_ranking_by_hand():
    scores = tensor([[2.5, -0.5, -3.0], [9.0, 9.0, 9.0]])
    gold = tensor([[True, False, False], [False, False, False]])
    # Right and wrong stand exactly on their margins: log 2 each; the row without gold is left out, but counts in the division.
    assert ranking_loss(scores, gold).item() == pytest.approx(2 * math.log(2) / 2)
    with_negatives = (2 * math.log(2) + math.log1p(math.exp(2 * 9.5))) / 2
    assert ranking_loss(scores, gold, negatives=True).item() == pytest.approx(with_negatives)


@pytest.mark.parametrize("negatives", [False, True])
def test_ranking_in_float64(negatives):
    scores = random(4, 3) * 3
    settings = {"gamma": 1.5, "margin_right": 2.0, "margin_wrong": 0.25, "negatives": negatives}
    assert ranking_loss(tensor(scores), tensor(GOLD), **settings).item() == pytest.approx(
        plain_ranking(scores, GOLD, **settings), abs=1e-12
    )


def test_several_gold_labels_give_a_term_each_and_the_best_wrong_one_once():
    scores, gold = tensor([[1.0, 2.0, 3.0, -1.0]]), tensor([[True, True, False, False]])
    expected = softplus(2 * (2.5 - 1)) + softplus(2 * (2.5 - 2)) + softplus(2 * (0.5 + 3))
    assert ranking_loss(scores, gold).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_a_row_whose_labels_are_all_gold_has_no_wrong_term(dtype):
    scores = torch.tensor([[1.0, 2.0]], dtype=dtype, requires_grad=True)
    loss = ranking_loss(scores, torch.ones(1, 2, dtype=torch.bool))
    assert loss.item() == pytest.approx(softplus(2 * 1.5) + softplus(2 * 0.5), rel=2e-3)
    loss.backward()
    assert torch.isfinite(scores.grad).all() and (scores.grad < 0).all()


def test_cross_entropy_by_hand():
    scores = tensor([[0.0, 0.0], [5.0, 1.0]])
    assert type_cross_entropy(scores, tensor([[True, False], [False, False]])).item() == pytest.approx(math.log(2) / 2)


def test_cross_entropy_in_float64():
    scores = random(4, 3)
    assert type_cross_entropy(tensor(scores), tensor(GOLD)).item() == pytest.approx(
        plain_cross_entropy(scores, GOLD), abs=1e-12
    )


def test_softmax_and_sigmoid_in_float64():
    logits, classes = random(5, 4), numpy.array([0, 3, 1, 0, 2])
    assert softmax_loss(tensor(logits), tensor(classes)).item() == pytest.approx(
        plain_softmax(logits, classes), abs=1e-12
    )
    assert softmax_loss(torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64)).item() == pytest.approx(math.log(4))
    assert sigmoid_loss(tensor(random(4, 3)), tensor(GOLD)).item() == pytest.approx(
        plain_sigmoid(random(4, 3), GOLD), abs=1e-12
    )
    assert sigmoid_loss(torch.zeros(4, 3), tensor(GOLD)).item() == pytest.approx(math.log(2))


# Controls: the focal loss, and weights by class


def test_focal_by_hand():
    # Probability 1/4 of what is right, twice, and 3/4: (3/4)^2 log 4 each, and (1/4)^2 log 4/3.
    logits, targets = tensor([-math.log(3), math.log(3), math.log(3)]), tensor([1.0, 0.0, 1.0])
    wrong, right = 9 / 16 * math.log(4), 1 / 16 * math.log(4 / 3)
    assert identification_loss(logits, targets, gamma=2.0).item() == pytest.approx((2 * wrong + right) / 3)
    assert sigmoid_loss(logits[:, None], targets[:, None].bool(), gamma=2.0).item() == pytest.approx(
        (2 * wrong + right) / 3
    )
    as_softmax = torch.stack([torch.zeros(3), logits], dim=1)
    assert softmax_loss(as_softmax, targets.long(), gamma=2.0).item() == pytest.approx((2 * wrong + right) / 3)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_and_weighted_losses_in_float64(gamma):
    logits, targets, weights = random(4), numpy.array([1.0, 0.0, 0.3, 0.9]), numpy.abs(random(4, seed=2))
    found = identification_loss(tensor(logits), tensor(targets), tensor(weights), gamma=gamma)
    assert found.item() == pytest.approx(plain_focal(logits, targets, weights, gamma), abs=1e-12)
    scores, classes = random(4, 3), numpy.array([0, 2, 1, 0])
    found = softmax_loss(tensor(scores), tensor(classes), tensor(weights), gamma=gamma)
    assert found.item() == pytest.approx(plain_softmax(scores, classes, weights, gamma), abs=1e-12)
    found = sigmoid_loss(tensor(scores), tensor(GOLD), tensor(weights), gamma=gamma)
    assert found.item() == pytest.approx(plain_sigmoid(scores, GOLD, weights, gamma), abs=1e-12)
    found = ranking_loss(tensor(scores), tensor(GOLD), tensor(weights), negatives=True)
    assert found.item() == pytest.approx(plain_ranking(scores, GOLD, weights, negatives=True), abs=1e-12)
    found = type_cross_entropy(tensor(scores), tensor(GOLD), tensor(weights))
    assert found.item() == pytest.approx(plain_cross_entropy(scores, GOLD, weights), abs=1e-12)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("size", [3.0, 1000.0])
def test_what_is_surely_right_has_a_focal_gradient_of_nothing(gamma, size):
    logits = torch.tensor([size, -size], requires_grad=True)
    losses = (
        identification_loss(logits, torch.tensor([1.0, 0.0]), gamma=gamma),
        sigmoid_loss(logits[None], torch.tensor([[True, False]]), gamma=gamma),
        softmax_loss(logits[None], torch.tensor([0]), gamma=gamma),
    )
    for loss in losses:
        (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
        assert torch.isfinite(gradient).all() and (size < 10 or not gradient.any())


def test_the_focal_factor_by_hand():
    assert focal_factor(torch.tensor([0.0, 0.5, 1.0]), 2.0).tolist() == pytest.approx([0.0, 0.25, 1.0])


def test_balanced_weights_by_hand():
    # Effective numbers of 1, 2 and 3 examples with beta 1/2: 1, 3/2 and 7/4.
    shares = [1, 2 / 3, 4 / 7]
    assert balanced_weights([1, 2, 3], 0.5) == pytest.approx([3 * share / sum(shares) for share in shares])
    assert balanced_weights([7, 100, 0], 0.0) == [1.0, 1.0, 1.0]
    assert balanced_weights([0, 1], 0.9) == [1.0, 1.0]
    many = balanced_weights([10**6, 2 * 10**6, 10], 1 - 1e-9)
    assert many[0] / many[1] == pytest.approx(2, rel=1e-2) and many[2] / many[0] == pytest.approx(10**5, rel=1e-2)


def test_the_weight_of_a_row_is_that_of_its_labels():
    found = row_weights(tensor(GOLD), tensor([0.5, 1.0, 2.0, 6.0]))
    assert found.tolist() == [1.0, 4.0, 0.5, 3.0]
    assert row_weights(torch.zeros(2, 0, dtype=torch.bool), tensor([0.5])).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "loss",
    [
        lambda scores: identification_loss(scores[:, 0], tensor([1.0, 0.0, 0.0, 1.0]), tensor([1.0, 1.5, 2.0, 1.0])),
        lambda scores: identification_loss(
            scores[:, 0], tensor([1.0, 0.0, 0.3, 0.9]), tensor([1.0, 1.5, 2.0, 1.0]), gamma=2.0
        ),
        lambda scores: softmax_loss(scores, tensor([0, 2, 1, 0]), tensor([1.0, 1.5, 2.0, 1.0]), gamma=2.0),
        lambda scores: sigmoid_loss(scores, tensor(GOLD), tensor([1.0, 1.5, 2.0, 1.0]), gamma=1.5),
        lambda scores: ranking_loss(scores, tensor(GOLD), tensor([1.0, 1.5, 2.0, 1.0]), negatives=True),
        lambda scores: ranking_loss(scores, tensor(GOLD)),
        lambda scores: ranking_loss(scores, tensor(GOLD), negatives=True, gamma=0.7),
        lambda scores: type_cross_entropy(scores, tensor(GOLD)),
        lambda scores: softmax_loss(scores, tensor([0, 2, 1, 0])),
        lambda scores: sigmoid_loss(scores, tensor(GOLD)),
    ],
    ids=[
        "identification",
        "focal",
        "focal softmax",
        "focal sigmoid",
        "weighted ranking",
        "ranking",
        "ranking with negatives",
        "cross-entropy",
        "softmax",
        "sigmoid",
    ],
)
def test_gradients_by_finite_differences(loss):
    scores = tensor(random(4, 3)).requires_grad_()
    assert torch.autograd.gradcheck(loss, scores)
    (gradient,) = torch.autograd.grad(loss(scores), scores)
    assert gradient.any()


@pytest.mark.parametrize("rows, labels", [(0, 3), (3, 0), (0, 0)])
def test_no_rows_or_no_labels_cost_nothing_and_still_give_a_gradient(rows, labels):
    gold = torch.zeros(rows, labels, dtype=torch.bool)
    for loss in (
        lambda scores: ranking_loss(scores, gold),
        lambda scores: ranking_loss(scores, gold, negatives=True),
        lambda scores: type_cross_entropy(scores, gold),
        lambda scores: sigmoid_loss(scores, gold),
    ):
        scores = torch.zeros(rows, labels, requires_grad=True)
        value = loss(scores)
        value.backward()
        assert value.item() == 0.0
        assert scores.grad.shape == (rows, labels)


def test_identification_and_softmax_of_nothing():
    assert identification_loss(torch.zeros(0), torch.zeros(0)).item() == 0.0
    assert softmax_loss(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)).item() == 0.0
    assert softmax_loss(torch.zeros(2, 1), torch.zeros(2, dtype=torch.int64)).item() == 0.0


# The joint loss


def make_targets(labels, ious, relations):
    none = numpy.zeros(len(labels), dtype=numpy.int64)
    spans = Spans(none, none + 1, none, numpy.array(labels, dtype=numpy.int64))
    pairs = Pairs(numpy.zeros(len(relations), dtype=numpy.int64), numpy.zeros(len(relations), dtype=numpy.int64))
    return Targets(spans, numpy.array(ious, dtype=float), spans, pairs, relations)


def heads_attrs(**settings):
    return build_spert_mt(no_encoder(), **settings).get_ref("heads").attrs


def no_encoder():
    from thinc.api import Model

    return Model("encoder", lambda model, X, is_train: (X, lambda d: d))


WEIGHTS = {
    "entity_identification_weight": 0.5,
    "entity_classification_weight": 2.0,
    "relation_identification_weight": 3.0,
    "relation_classification_weight": 0.25,
}
LABELS, IOUS = [0, 2, -1, -1, 1], [0.0, 0.0, 0.5, 0.25, 0.0]


@pytest.mark.parametrize("form", ["linear", "power"])
@pytest.mark.parametrize("classification", ["ranking", "cross_entropy"])
@pytest.mark.parametrize("identification", ["tied", "separate"])
def test_the_joint_loss_is_the_weighted_sum_of_its_parts(identification, classification, form):
    settings = {
        "identification": identification,
        "classification": classification,
        "ranking_negatives": True,
        "ranking_gamma": 1.0,
    }
    attrs = heads_attrs(iou_delta=1.5, iou_form=form, **settings, **WEIGHTS)
    entities, relations = random(5, 4).astype("f"), random(4, 4, seed=1).astype("f")
    loss, gradient = joint_loss(
        Logits(entities, relations), make_targets(LABELS, IOUS, GOLD), attrs["config"], attrs["loss"]
    )

    gold_spans = numpy.eye(4, dtype=bool)[numpy.array(LABELS) + 1][:, 1:]
    ious = numpy.array(IOUS)
    hardness = 1 + 1.5 * ious if form == "linear" else (1 + ious) ** 1.5
    if classification == "ranking":
        kind = lambda scores, gold: plain_ranking(scores, gold, gamma=1.0, negatives=True)  # noqa: E731
    else:
        kind = plain_cross_entropy
    one_at_all = [
        scores[:, 0] + (identification == "tied") * numpy.log(numpy.exp(scores[:, 1:]).sum(axis=1))
        for scores in (entities, relations)
    ]
    expected = (
        0.5 * plain_identification(one_at_all[0], numpy.array([1, 1, 0, 0, 1]), hardness)
        + 2.0 * kind(entities[:, 1:], gold_spans)
        + 3.0 * plain_identification(one_at_all[1], numpy.array([1, 1, 0, 1]), 1.0)
        + 0.25 * kind(relations[:, 1:], GOLD)
    )
    assert loss == pytest.approx(expected, rel=1e-5)
    same_by_differences(entities, relations, gradient, make_targets(LABELS, IOUS, GOLD), attrs)


def test_the_joint_loss_of_the_baseline_is_softmax_and_sigmoid():
    attrs = heads_attrs(mode="spert", entity_features="none", **WEIGHTS)
    entities, relations = random(5, 4).astype("f"), random(4, 3, seed=1).astype("f")
    targets = make_targets(LABELS, IOUS, GOLD)
    loss, gradient = joint_loss(Logits(entities, relations), targets, attrs["config"], attrs["loss"])
    expected = 0.5 * plain_softmax(entities, numpy.array(LABELS) + 1) + 3.0 * plain_sigmoid(relations, GOLD)
    assert loss == pytest.approx(expected, rel=1e-5)
    same_by_differences(entities, relations, gradient, targets, attrs)


CLASS_WEIGHTS = {"entities": [0.4, 1.6, 0.8, 1.2], "relations": [0.6, 1.0, 0.5, 1.9]}


@pytest.mark.parametrize("classification", ["ranking", "cross_entropy"])
def test_the_joint_loss_with_all_controls(classification):
    attrs = heads_attrs(
        identification="separate",
        classification=classification,
        identification_loss="focal",
        class_weights="balanced",
        **WEIGHTS,
    )
    assert attrs["loss"]["class_weights"] is None  # nothing was counted yet
    attrs["loss"]["class_weights"] = CLASS_WEIGHTS
    entities, relations = random(5, 4).astype("f"), random(4, 4, seed=1).astype("f")
    targets = make_targets(LABELS, IOUS, GOLD)
    targets.smoothed = numpy.array([0.9, 1.0, 0.05, 0.0, 0.8])
    loss, gradient = joint_loss(Logits(entities, relations), targets, attrs["config"], attrs["loss"])
    by_span, by_pair = numpy.array([1.6, 1.2, 0.4, 0.4, 0.8]), numpy.array([1.0, 1.2, 0.6, 3.4 / 3])
    gold_spans = numpy.eye(4, dtype=bool)[numpy.array(LABELS) + 1][:, 1:]
    kind = plain_ranking if classification == "ranking" else plain_cross_entropy
    expected = (
        0.5 * plain_focal(entities[:, 0], targets.smoothed, by_span * (1 + numpy.array(IOUS)), 2.0)
        + 2.0 * kind(entities[:, 1:], gold_spans, by_span)
        + 3.0 * plain_focal(relations[:, 0], numpy.array([1, 1, 0, 1]), by_pair, 2.0)
        + 0.25 * kind(relations[:, 1:], GOLD, by_pair)
    )
    assert loss == pytest.approx(expected, rel=1e-5)
    same_by_differences(entities, relations, gradient, targets, attrs)


def test_the_joint_loss_of_the_baseline_with_all_controls():
    attrs = heads_attrs(mode="spert", entity_features="none", identification_loss="focal", focal_gamma=1.5, **WEIGHTS)
    attrs["loss"]["class_weights"] = CLASS_WEIGHTS
    entities, relations = random(5, 4).astype("f"), random(4, 3, seed=1).astype("f")
    targets = make_targets(LABELS, IOUS, GOLD)
    loss, gradient = joint_loss(Logits(entities, relations), targets, attrs["config"], attrs["loss"])
    expected = 0.5 * plain_softmax(entities, numpy.array(LABELS) + 1, [1.6, 1.2, 0.4, 0.4, 0.8], 1.5)
    expected += 3.0 * plain_sigmoid(relations, GOLD, [1.0, 1.2, 0.6, 3.4 / 3], 1.5)
    assert loss == pytest.approx(expected, rel=1e-5)
    same_by_differences(entities, relations, gradient, targets, attrs)


def test_a_focal_gamma_of_nothing_is_cross_entropy():
    results = []
    for settings in ({}, {"identification_loss": "focal", "focal_gamma": 0.0}):
        attrs = heads_attrs(**settings)
        logits = Logits(random(5, 4).astype("f"), random(4, 4, seed=1).astype("f"))
        results.append(joint_loss(logits, make_targets(LABELS, IOUS, GOLD), attrs["config"], attrs["loss"])[0])
    assert results[0] == results[1]


def same_by_differences(entities, relations, gradient, targets, attrs, step=1e-2):
    """A few entries of the gradient against central differences."""
    for scores, found in ((entities, gradient.entities), (relations, gradient.relations)):
        assert found.shape == scores.shape
        for place in [(0, 0), (1, 2), (2, 0), (3, 1)]:
            values = []
            for sign in (1, -1):
                moved = scores.copy()
                moved[place] += sign * step
                logits = Logits(moved, relations) if scores is entities else Logits(entities, moved)
                values.append(joint_loss(logits, targets, attrs["config"], attrs["loss"])[0])
            assert found[place] == pytest.approx((values[0] - values[1]) / (2 * step), abs=2e-3)


@pytest.mark.parametrize("mode", ["spert_mt", "spert"])
def test_nothing_to_learn_gives_zeros(mode):
    attrs = heads_attrs(mode=mode)
    entities, relations = numpy.zeros((0, 4), "f"), numpy.zeros((0, 3 + (mode == "spert_mt")), "f")
    loss, gradient = joint_loss(
        Logits(entities, relations), make_targets([], [], numpy.zeros((0, 3), bool)), attrs["config"], attrs["loss"]
    )
    assert loss == 0.0
    assert (gradient.entities.shape, gradient.relations.shape) == (entities.shape, relations.shape)


@pytest.mark.parametrize("classification", ["ranking", "cross_entropy"])
def test_no_relation_labels_and_no_pairs(classification):
    attrs = heads_attrs(classification=classification)
    entities, relations = random(5, 4).astype("f"), numpy.zeros((0, 1), "f")
    loss, gradient = joint_loss(
        Logits(entities, relations),
        make_targets(LABELS, IOUS, numpy.zeros((0, 0), bool)),
        attrs["config"],
        attrs["loss"],
    )
    assert loss > 0 and gradient.entities.any() and gradient.relations.shape == (0, 1)
