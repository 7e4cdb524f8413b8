import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.evaluation.calibration import compare_scores
from spacy_mre.evaluation.scaling import (
    Scaling,
    fit_scaling,
    fit_temperature,
    scale_exclusive,
    to_logits,
)


def sigmoid(logits):
    return 1 / (1 + numpy.exp(-logits))


def test_by_hand():
    """logit(0.9) = ln 9; half of it plus ln 2 is ln 6, whose sigmoid is 6 / 7."""
    assert Scaling(0.5, numpy.log(2)).apply(numpy.array([0.9]))[0] == pytest.approx(6 / 7)
    assert Scaling(0.5, numpy.log(2)).invert(6 / 7) == pytest.approx(0.9)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(0.05, 5.0), st.floats(-3, 3), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_the_order_stays_and_thresholds_come_back(slope, bias, scores):
    scaling, scores = Scaling(slope, bias), numpy.sort(numpy.array(scores))
    scaled = scaling.apply(scores)
    assert (numpy.diff(scaled) >= 0).all() and (scaled >= 0).all() and (scaled <= 1).all()
    for score in scores[(scores > 1e-3) & (scores < 1 - 1e-3)]:
        probability = float(scaling.apply(numpy.array(score)))
        if 1e-6 < probability < 1 - 1e-6:
            assert scaling.invert(probability) == pytest.approx(score, abs=1e-6)
    assert scaling.invert(0.0) == 0.0
    highest = float(scaling.apply(numpy.array(1.0)))
    assert scaling.invert(highest) <= 1.0
    if highest < 1.0:  # no score is so high
        assert scaling.invert((highest + 1.0) / 2) == scaling.invert(1.0) == numpy.inf


def test_what_made_the_scores_too_sure_is_undone():
    generator = numpy.random.default_rng(0)
    probabilities = generator.random(20_000)
    right = generator.random(20_000) < probabilities
    too_sure = sigmoid((to_logits(probabilities) + 0.6) / 0.4)
    scaling = fit_scaling(too_sure, right)
    assert scaling.slope == pytest.approx(0.4, abs=0.02) and scaling.bias == pytest.approx(-0.6, abs=0.06)
    assert compare_scores(too_sure, right).error > 0.15
    assert compare_scores(scaling.apply(too_sure), right).error < 0.02


def test_the_maximum_of_the_posterior():
    """Against a grid: the loss of `fit_scaling`, written plainly."""
    scores, right = numpy.array([0.9, 0.8, 0.95, 0.3, 0.6]), numpy.array([1, 0, 1, 0, 1])

    def loss(slope, bias):
        p = sigmoid(slope * numpy.log(scores / (1 - scores)) + bias)
        return -(right * numpy.log(p) + (1 - right) * numpy.log(1 - p)).sum() + (numpy.log(slope) ** 2 + bias**2) / 2

    grid = [
        (loss(slope, bias), slope, bias) for slope in numpy.arange(0.2, 2, 0.01) for bias in numpy.arange(-1, 1, 0.01)
    ]
    _, slope, bias = min(grid)
    assert fit_scaling(scores, right) == pytest.approx((slope, bias), abs=0.011)


def test_few_predictions_change_little():
    assert fit_scaling([], []) == Scaling()
    certain = fit_scaling([0.99] * 5, [True] * 5).apply(numpy.array([0.99]))[0]
    assert 0.98 < certain < 0.9999
    assert 0.5 < fit_scaling([0.99], [False]).apply(numpy.array([0.99]))[0] < 0.99


def test_scores_of_0_and_1_are_finite():
    scaling = fit_scaling([1.0] * 50 + [0.0] * 50, [True] * 45 + [False] * 55)
    assert numpy.isfinite(scaling).all() and scaling.apply(numpy.array([1.0]))[0] == pytest.approx(0.9, abs=0.03)


def test_exclusive_labels_keep_their_order_and_sum_to_1():
    probabilities = numpy.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    scaled = scale_exclusive(probabilities, Scaling(0.5))
    assert scaled.sum(axis=1) == pytest.approx([1, 1])
    roots = numpy.sqrt(probabilities[0])
    assert scaled[0] == pytest.approx(roots / roots.sum())


def test_temperature_of_exclusive_labels():
    generator = numpy.random.default_rng(1)
    logits = generator.normal(size=(10_000, 4)) * 2
    probabilities = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    gold = numpy.eye(4)[[generator.choice(4, p=row) for row in probabilities]]
    too_sure = scale_exclusive(probabilities, Scaling(3.0))
    assert fit_temperature(too_sure, gold, exclusive=True).slope == pytest.approx(1 / 3, abs=0.02)


def test_unknown_labels_do_not_count():
    generator = numpy.random.default_rng(2)
    probabilities = generator.random((5_000, 2))
    gold = (generator.random((5_000, 2)) < probabilities).astype(float)
    too_sure = sigmoid(2 * to_logits(probabilities))
    alone = fit_temperature(too_sure[:, :1], gold[:, :1], exclusive=False)
    gold[:, 1] = numpy.nan
    assert fit_temperature(too_sure, gold, exclusive=False) == alone
    assert alone.slope == pytest.approx(0.5, abs=0.05) and alone.bias == 0.0
