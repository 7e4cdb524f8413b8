import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.evaluation.significance import Difference, bootstrap, f1, paired_bootstrap, share


def random_counts(documents=60, seed=0, right=0.6):
    generator = numpy.random.default_rng(seed)
    found = generator.binomial(4, right, size=documents)
    return numpy.stack([found, generator.poisson(0.8, size=documents), 4 - found], axis=1)


def test_scores_by_hand():
    assert f1(numpy.array([3, 1, 2])) == pytest.approx(6 / 9)
    assert f1(numpy.array([[0, 0, 0], [2, 0, 0]])).tolist() == [0.0, 1.0]
    assert share(numpy.array([[3, 4], [0, 0]])).tolist() == [0.75, 0.0]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=20))
def test_f1_agrees_with_precision_and_recall(rows):
    right, wrong, missed = numpy.sum(rows, axis=0)
    precision = right / (right + wrong) if right + wrong else 0.0
    recall = right / (right + missed) if right + missed else 0.0
    expected = 2 * precision * recall / (precision + recall) if right else 0.0
    assert f1(numpy.sum(rows, axis=0)) == pytest.approx(expected)


def test_the_interval_of_a_share_agrees_with_the_binomial():
    generator = numpy.random.default_rng(0)
    right = (generator.random(400) < 0.7).astype(int)
    found = bootstrap(numpy.stack([right, numpy.ones(400, dtype=int)], axis=1), share)
    deviation = numpy.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert found.value == pytest.approx(right.mean())
    assert found.low == pytest.approx(right.mean() - 1.96 * deviation, abs=0.005)
    assert found.high == pytest.approx(right.mean() + 1.96 * deviation, abs=0.005)


def test_the_interval_of_a_difference_agrees_with_scipy():
    scipy = pytest.importorskip("scipy.stats")
    ours, theirs = random_counts(seed=1, right=0.7), random_counts(seed=2)
    rows = numpy.arange(len(ours))

    def difference(drawn, axis):
        return f1(ours[drawn].sum(axis=axis - 1)) - f1(theirs[drawn].sum(axis=axis - 1))

    expected = scipy.bootstrap(
        (rows,), difference, n_resamples=9_999, method="percentile", vectorized=True, rng=numpy.random.default_rng(0)
    ).confidence_interval
    found = paired_bootstrap(ours, theirs)
    assert found.value == pytest.approx(f1(ours.sum(axis=0)) - f1(theirs.sum(axis=0)))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.005)


def test_pairing_finds_differences_that_separate_intervals_hide():
    theirs = random_counts()
    ours = theirs.copy()
    ours[:12, 2] -= numpy.minimum(ours[:12, 2], 1)  # a few documents have one missed item less
    ours[:12, 0] += theirs[:12, 2] - ours[:12, 2]
    assert bootstrap(ours).low < bootstrap(theirs).high  # the separate intervals overlap
    found = paired_bootstrap(ours, theirs)
    assert found.low > 0 and found.p < 0.01 and found.verdict == "better"
    back = paired_bootstrap(theirs, ours)
    assert back.value == -found.value and back.verdict == "worse"
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_no_difference():
    same = paired_bootstrap(random_counts(), random_counts())
    assert same == Difference(0.0, 0.0, 0.0, 1.0) and same.verdict == "undecided"
    # Systems of the same quality: about 5 % of the intervals do not contain 0.
    pairs = [
        paired_bootstrap(random_counts(seed=seed), random_counts(seed=seed + 1000), samples=500) for seed in range(100)
    ]
    assert 1 <= sum(found.verdict != "undecided" for found in pairs) <= 10
    assert all((found.verdict == "undecided") == (found.p > 0.05) for found in pairs if abs(found.p - 0.05) > 0.02)


def test_the_seeds_widen_the_interval():
    """A difference that only one of two seeds has is undecided."""
    base, better = random_counts(documents=500), random_counts(documents=500, right=0.9)
    by_seed = paired_bootstrap([better, base], [base, base])
    one_seed = paired_bootstrap(better, base)
    assert by_seed.value == pytest.approx(one_seed.value / 2)
    assert by_seed.high - by_seed.low > 5 * (one_seed.high - one_seed.low)
    assert by_seed.verdict == "undecided" and one_seed.verdict == "better"


def test_another_score():
    def precision(totals):
        return totals[..., 0] / (totals[..., 0] + totals[..., 1])

    counts = random_counts()
    assert bootstrap(counts, precision).value == pytest.approx(precision(counts.sum(axis=0)))


def test_draws_are_seeded_and_chunks_change_little(monkeypatch):
    ours, theirs = random_counts(seed=1), random_counts(seed=2)
    found = paired_bootstrap(ours, theirs, samples=2000)
    assert found == paired_bootstrap(ours, theirs, samples=2000)
    assert found != paired_bootstrap(ours, theirs, samples=2000, seed=1)
    monkeypatch.setattr("spacy_mre.evaluation.significance.CHUNK", 60 * 300)
    in_chunks = paired_bootstrap(ours, theirs, samples=2000)
    assert in_chunks[:3] == pytest.approx(found[:3], abs=0.01)


@pytest.mark.parametrize(
    "ours, theirs, code",
    [
        (random_counts(), random_counts(documents=59), "M511"),
        ([random_counts()] * 2, [random_counts()], "M511"),
        ([random_counts(), random_counts(documents=59)], [random_counts()] * 2, "M518"),
        (numpy.zeros((0, 3)), numpy.zeros((0, 3)), "M518"),
    ],
    ids=["other documents", "other seeds", "documents differ by seed", "no documents"],
)
def test_invalid_counts_are_refused(ours, theirs, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        paired_bootstrap(ours, theirs)
