import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.arrays import expand_ranges
from spacy_mre.pipeline.spans.overlap import POLICIES, Nesting, resolve_overlaps, wider_policy
from spacy_mre.pipeline.spans.pooling import context_ranges
from spacy_mre.pipeline.spert_mt.decoding import allowed_types, candidate_pairs

spans = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 6), st.integers(0, 2), st.sampled_from([0.1, 0.5, 0.5, 0.9])),
    max_size=15,
    unique_by=lambda s: s[:2],
)


def greedy(starts, ends, labels, scores, policy):
    """One pass over the sorted spans."""
    kept = []
    rows = list(zip(starts, ends, labels))
    for i in sorted(range(len(starts)), key=lambda i: (-scores[i], starts[i], -ends[i])):
        if policy == "any" or not any(conflict(*rows[i], *rows[j], policy) for j in kept):
            kept.append(i)
    return sorted(kept)


def conflict(start, end, label, other_start, other_end, other_label, policy):
    one, other = set(range(start, end)), set(range(other_start, other_end))
    if policy == "flat" or (policy == "flat_by_label" and label == other_label):
        return bool(one & other)
    return bool(one & other) and not (one <= other or other <= one)


OUTER, INNER, INNER_ALIKE = ((0, 3), "company"), ((0, 1), "place"), ((0, 1), "company")


@pytest.mark.parametrize(
    "nested, alike, flat, policy",
    [
        (0, 0, 0, "flat"),
        (0, 0, 9, "flat"),
        (1, 0, 18, "flat_by_label"),
        (1, 0, 19, "flat"),
        (0, 1, 18, "nested"),
        (0, 1, 19, "flat"),
        (1, 1, 16, "nested"),
        (1, 1, 17, "flat_by_label"),
    ],
)
def test_the_policy_is_that_of_the_training_data(nested, alike, flat, policy):
    nesting = Nesting()
    for text in [[OUTER, INNER]] * nested + [[OUTER, INNER_ALIKE]] * alike + [[OUTER]] * flat:
        nesting.add(text)
    assert nesting.policy == policy


def test_the_wider_of_two_policies():
    assert POLICIES == ("flat", "flat_by_label", "nested", "any")
    assert wider_policy("flat", "flat_by_label") == wider_policy("flat_by_label", "flat") == "flat_by_label"
    assert wider_policy("nested", "flat_by_label") == wider_policy("nested", "nested") == "nested"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(spans, st.sampled_from(POLICIES))
def test_resolving_overlaps_is_greedy_by_score_start_and_length(case, policy):
    starts, widths, labels = (numpy.array([row[i] for row in case], dtype=numpy.int64) for i in range(3))
    columns = starts, starts + widths, labels, numpy.array([score for *_, score in case])
    assert numpy.flatnonzero(resolve_overlaps(*columns, policy)).tolist() == greedy(*columns, policy)


@pytest.mark.parametrize(
    "policy, kept",
    [
        ("flat", [False, True, False, True, True]),
        ("flat_by_label", [True, True, False, False, True]),
        ("nested", [True, True, False, True, True]),
        ("any", [True, True, True, True, True]),
    ],
)
def test_the_four_policies(policy, kept):
    starts, ends, labels = numpy.array([0, 1, 1, 3, 5]), numpy.array([4, 3, 5, 4, 6]), numpy.array([0, 1, 1, 0, 0])
    scores = numpy.array([0.6, 0.9, 0.5, 0.4, 0.1])
    assert resolve_overlaps(starts, ends, labels, scores, policy).tolist() == kept


def test_a_span_that_is_removed_removes_no_other():
    # The second is inside the first, of the same label, and crosses the third.
    starts, ends, labels = numpy.array([0, 1, 2]), numpy.array([4, 3, 4]), numpy.array([0, 0, 1])
    scores = numpy.array([0.5, 0.4, 0.3])
    assert resolve_overlaps(starts, ends, labels, scores, "flat_by_label").tolist() == [True, False, True]


def test_many_spans_are_resolved_as_one_by_one():
    generator = numpy.random.default_rng(0)
    starts = generator.integers(0, 300, 1500)
    ends = starts + generator.integers(1, 11, 1500)
    starts, ends = numpy.unique(numpy.stack([starts, ends]), axis=1)
    columns = starts, ends, generator.integers(0, 3, len(starts)), generator.random(len(starts)).round(2)
    for policy in ("flat", "flat_by_label", "nested"):
        assert numpy.flatnonzero(resolve_overlaps(*columns, policy)).tolist() == greedy(*columns, policy)


@st.composite
def texts_of_spans(draw):
    starts, texts, scores = [], [], []
    n_texts = draw(st.integers(1, 3))
    for text in range(n_texts):
        of_text = sorted(draw(st.lists(st.integers(0, 9), max_size=7)))
        starts += [10 * text + start for start in of_text]
        texts += [text] * len(of_text)
    scores = draw(st.permutations([(i + 1) / 32 for i in range(len(starts))]))
    return numpy.array(starts, dtype=numpy.int64), numpy.array(texts, dtype=numpy.int64), numpy.array(scores), n_texts


def all_pairs(starts, texts, max_distance):
    n = len(starts)
    same_text = [(i, j) for i in range(n) for j in range(n) if i != j and texts[i] == texts[j]]
    near = [(i, j) for i, j in same_text if not max_distance or abs(int(starts[i] - starts[j])) <= max_distance]
    return near, len(same_text) - len(near)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(texts_of_spans(), st.integers(0, 6))
def test_all_ordered_pairs_of_the_same_text_within_the_distance(case, max_distance):
    starts, texts, scores, n_texts = case
    heads, tails, left_out = candidate_pairs(
        starts, texts, scores, numpy.full(n_texts, 10_000), max_distance=max_distance
    )
    near, far = all_pairs(starts, texts, max_distance)
    found = list(zip(heads.tolist(), tails.tolist()))
    assert sorted(found) == near
    assert left_out == {"distance": far, "budget": 0}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(texts_of_spans(), st.integers(0, 6), st.integers(0, 12))
def test_the_budget_takes_the_highest_products_of_scores(case, max_distance, budget):
    starts, texts, scores, n_texts = case
    heads, tails, left_out = candidate_pairs(
        starts, texts, scores, numpy.full(n_texts, budget), max_distance=max_distance
    )
    near, far = all_pairs(starts, texts, max_distance)
    found = set(zip(heads.tolist(), tails.tolist()))
    assert len(found) == len(heads) and found <= set(near)
    assert left_out["distance"] == far
    assert len(found) + left_out["budget"] == len(near)
    for text in range(n_texts):
        of_text = [pair for pair in near if texts[pair[0]] == text]
        chosen = [pair for pair in found if texts[pair[0]] == text]
        assert len(chosen) <= budget
        if len(of_text) <= 4 * budget:  # with more, whole spans are left out first
            assert len(chosen) == min(budget, len(of_text))
            best = sorted((scores[i] * scores[j] for i, j in of_text), reverse=True)[:budget]
            assert sorted((scores[i] * scores[j] for i, j in chosen), reverse=True) == pytest.approx(best)


def test_each_text_has_a_budget_of_its_own():
    starts, texts = numpy.array([0, 1, 2, 10, 11, 12]), numpy.array([0, 0, 0, 2, 2, 2])
    heads, _, left_out = candidate_pairs(starts, texts, numpy.full(6, 0.5), numpy.array([6, 0, 2]))
    assert numpy.bincount(texts[heads], minlength=3).tolist() == [6, 0, 2]
    assert left_out == {"distance": 0, "budget": 4}


def test_far_beyond_the_budget_the_better_spans_are_paired():
    n = 400
    scores = numpy.random.default_rng(0).permutation(n) / n
    heads, tails, left_out = candidate_pairs(numpy.arange(n), numpy.zeros(n, dtype=int), scores, numpy.array([200]))
    assert 0 < len(heads) <= 200
    assert len(heads) + left_out["budget"] == n * (n - 1)
    assert scores[numpy.unique([heads, tails])].min() > 0.9
    assert len(set(zip(heads.tolist(), tails.tolist()))) == len(heads)


def test_of_equal_scores_the_nearest_pairs_are_taken_in_both_directions():
    for n, budget in ((20, 100), (400, 2000)):  # less and more than four times the budget
        starts = 5 * numpy.arange(n)
        heads, tails, left_out = candidate_pairs(
            starts, numpy.zeros(n, dtype=int), numpy.full(n, 1.0), numpy.array([budget])
        )
        found = set(zip(heads.tolist(), tails.tolist()))
        assert len(found) == len(heads) == budget and left_out["budget"] == n * (n - 1) - budget
        assert found == {(tail, head) for head, tail in found}
        assert abs(starts[heads] - starts[tails]).max() <= 15
        assert set(heads.tolist()) == set(range(n))


def test_far_beyond_the_budget_equal_scores_stay_together():
    # Of the best ones there are few, half of all, or more than half.
    for best, lowest_taken in ((5, 0.5), (100, 1.0), (150, 1.0)):
        scores = numpy.where(numpy.arange(200) < best, 1.0, 0.5)
        heads, tails, _ = candidate_pairs(
            3 * numpy.arange(200), numpy.zeros(200, dtype=int), scores, numpy.array([1000])
        )
        assert len(heads) == 1000
        assert numpy.minimum(scores[heads], scores[tails]).min() == lowest_taken
        assert set(range(best)) <= set(heads.tolist())


def test_no_spans_give_no_pairs():
    none = numpy.zeros(0, dtype=numpy.int64)
    heads, tails, left_out = candidate_pairs(none, none, none.astype(float), numpy.array([5, 5]))
    assert (len(heads), len(tails), left_out) == (0, 0, {"distance": 0, "budget": 0})


def test_expanded_ranges():
    assert expand_ranges(numpy.array([3, 0, 7]), numpy.array([2, 0, 3])).tolist() == [3, 4, 7, 8, 9]
    assert expand_ranges(numpy.zeros(0, dtype=int), numpy.zeros(0, dtype=int)).tolist() == []


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=8))
def test_expanded_ranges_are_those_of_python(ranges):
    firsts, counts = (numpy.array([row[i] for row in ranges], dtype=numpy.int64) for i in (0, 1))
    assert expand_ranges(firsts, counts).tolist() == [
        number for first, count in ranges for number in range(first, first + count)
    ]


@pytest.mark.parametrize(
    "one, other, between",
    [
        ((0, 2), (4, 6), [2, 3]),
        ((0, 2), (2, 4), []),
        ((0, 3), (2, 5), []),
        ((0, 6), (2, 3), []),
        ((1, 2), (1, 4), []),
        ((1, 4), (2, 4), []),
    ],
    ids=["apart", "side by side", "overlapping", "nested", "same start", "same end"],
)
def test_the_context_is_what_lies_strictly_between(one, other, between):
    starts, ends = numpy.array([one, other]).T
    for heads, tails in (([0], [1]), ([1], [0])):
        (begin,), (end,) = context_ranges(starts, ends, numpy.array(heads), numpy.array(tails))
        assert list(range(begin, end)) == between
        assert begin <= end


def test_allowed_types():
    allowed = allowed_types(
        {"lives": [["person", "place"], ["unknown", "place"]], "never": []},
        ["lives", "never", "free"],
        ["person", "place"],
    )
    assert allowed.shape == (3, 3, 3)
    assert allowed[:2, :2, 0].tolist() == [[False, True], [False, False]]
    assert not allowed[:2, :2, 1].any()
    assert allowed[:, :, 2].all()
    # No constraint speaks of types that the model does not know: label -1 finds the last row.
    assert allowed[-1].all() and allowed[:, -1].all()


def test_no_constraints_allow_everything():
    assert allowed_types({}, ["a", "b"], ["x"]).all()
    assert allowed_types({}, [], []).shape == (1, 1, 0)
