import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.evaluation.extrapolation import EXPONENTS, fit_curves, predict_gain
from spacy_mre.evaluation.significance import f1, share

SIZES = [25, 50, 100, 200, 400]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0.4, 1.0), st.floats(0.0, 3.0), st.floats(0.1, 2.0))
def test_a_power_law_is_continued(limit, distance, exponent):
    def curve(texts):
        return limit - distance * numpy.asarray(texts, dtype=float) ** -exponent

    fitted = fit_curves(SIZES, curve(SIZES)[None])
    assert fitted.at(400)[0] == pytest.approx(curve(400), abs=0.002)
    assert fitted.at(500)[0] == pytest.approx(curve(500), abs=0.004)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_no_other_curve_is_nearer(scores):
    """Against a search over limits and distances for each exponent."""
    weights = numpy.array(SIZES) / sum(SIZES)

    def error(limit, distance, exponent):
        curve = limit - distance * numpy.array(SIZES, dtype=float) ** -exponent
        return weights @ (curve - scores) ** 2

    fitted = fit_curves(SIZES, numpy.array([scores]))
    limit, distance, exponent = (float(column[0]) for column in fitted)
    assert distance >= 0 and limit <= 1
    found = error(limit, distance, exponent)
    for other_limit in numpy.linspace(0, 1, 41):
        for other_distance in numpy.linspace(0, 20, 41):
            for other_exponent in EXPONENTS[::6]:
                assert found <= error(other_limit, other_distance, other_exponent) + 1e-9


def test_curves_neither_fall_nor_exceed_one():
    falling, steep = fit_curves(SIZES, numpy.array([[0.9, 0.8, 0.7, 0.6, 0.5], [0.1, 0.3, 0.5, 0.7, 0.9]])).at(1e6)
    assert falling == pytest.approx(numpy.average([0.9, 0.8, 0.7, 0.6, 0.5], weights=SIZES))
    assert 0.9 < steep <= 1.0


def counts_of_shares(*shares, documents=400, seed=0):
    generator = numpy.random.default_rng(seed)
    ones = numpy.ones(documents, dtype=int)
    return [numpy.stack([(generator.random(documents) < right).astype(int), ones], axis=1) for right in shares]


def test_the_gain_of_more_texts():
    shares = 0.9 - 2 * numpy.array(SIZES) ** -0.5
    outlook = predict_gain(dict(zip(SIZES, counts_of_shares(*shares, documents=4000))), share, 100)
    assert (outlook.texts, outlook.more) == (400, 100)
    expected = 2 * 400**-0.5 - 2 * 500**-0.5
    assert outlook.gain.value == pytest.approx(expected, abs=0.006)
    assert outlook.gain.low < expected < outlook.gain.high
    assert outlook.gain.high - outlook.gain.low < 0.02
    few = predict_gain(dict(zip(SIZES, counts_of_shares(*shares, documents=100))), share, 100)
    assert few.gain.high - few.gain.low > outlook.gain.high - outlook.gain.low


def test_documents_that_do_not_differ_have_no_interval():
    counts = {size: numpy.tile([right, 10 - right, 10 - right], (20, 1)) for size, right in zip(SIZES, (3, 5, 6, 7, 8))}
    outlook = predict_gain(counts, f1, 100)
    assert outlook.gain.low == pytest.approx(outlook.gain.value) == pytest.approx(outlook.gain.high)
    assert 0 < outlook.gain.value < 0.05


def test_the_mean_over_seeds_is_continued():
    one, other = counts_of_shares(0.2, 0.4, 0.5, 0.6, 0.65), counts_of_shares(0.3, 0.5, 0.6, 0.7, 0.75, seed=1)
    both = {size: pair for size, *pair in zip(SIZES, one, other)}
    alone = {size: [counts] for size, counts in zip(SIZES, one)}
    assert predict_gain(both, share, 100).gain.value != predict_gain(alone, share, 100).gain.value


def test_three_points_predict_nothing():
    counts = dict(zip(SIZES, counts_of_shares(0.2, 0.4, 0.5)))
    assert predict_gain(counts, share, 100) is None


def test_other_documents_are_m511():
    counts = dict(zip(SIZES, counts_of_shares(0.2, 0.4, 0.5, 0.6)))
    counts[400] = counts_of_shares(0.7, documents=10)[0]
    with pytest.raises(ValueError, match="M511"):
        predict_gain(counts, share, 100)
