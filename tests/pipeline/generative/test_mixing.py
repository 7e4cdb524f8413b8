"""Mixing of corpora by temperature."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.pipeline.generative.mixing import mix, mixed_counts

SIZES = st.lists(st.integers(0, 300), min_size=1, max_size=6)
TEMPERATURES = st.sampled_from([1.0, 1.5, 2.0, 3.3, 10.0, 1e6])
SETTINGS = settings(max_examples=100, deadline=None, derandomize=True)


def test_counts_by_hand():
    # The square roots are 30, 20 and 10, so that the shares are 1/2, 1/3 and 1/6 of 1,400.
    assert mixed_counts([900, 400, 100], 2.0) == [700, 467, 233]
    assert mixed_counts([8, 1], 3.0) == [6, 3]  # the cube roots are 2 and 1
    assert mixed_counts([5, 0, 3], 1.0) == [5, 0, 3]
    assert mixed_counts([0, 0], 2.0) == [0, 0]


@SETTINGS
@given(SIZES, TEMPERATURES)
def test_counts_follow_the_formula(sizes, temperature):
    counts = mixed_counts(sizes, temperature)
    weights = [size ** (1 / temperature) if size else 0.0 for size in sizes]
    assert sum(counts) == sum(sizes)
    for count, size, weight in zip(counts, sizes, weights):
        share = sum(sizes) * weight / sum(weights) if size else 0.0
        assert abs(count - share) < 1 + 1e-6 and (count == 0 if size == 0 else True)
    # A larger corpus never gets fewer rows, and a higher temperature brings the counts together.
    in_order = sorted(zip(sizes, counts))
    assert all(two[1] >= one[1] - 1 for one, two in pairwise(in_order))
    if temperature == 1.0:
        assert counts == sizes


@SETTINGS
@given(SIZES, TEMPERATURES, st.integers(0, 5))
def test_rows_are_repeated_evenly_and_by_the_seed(sizes, temperature, seed):
    corpora = [[(number, row) for row in range(size)] for number, size in enumerate(sizes)]
    rows = mix(corpora, temperature, seed)
    assert rows == mix(corpora, temperature, seed)
    counted = Counter(rows)
    for number, (corpus, count) in enumerate(zip(corpora, mixed_counts(sizes, temperature))):
        times = [counted[row] for row in corpus]
        assert sum(times) == count == sum(1 for row in rows if row[0] == number)
        assert not times or max(times) - min(times) <= 1


def test_the_seed_chooses_rows_and_order():
    corpora = [list(range(100)), list("ab")]
    one, two = (mix(corpora, 2.0, seed) for seed in (0, 1))
    assert one != two and Counter(map(type, one)) == Counter(map(type, two)) == {int: 89, str: 13}
    assert {row for row in one if row in range(100)} != {row for row in two if row in range(100)}
    assert one != sorted(one, key=str)


@pytest.mark.parametrize("temperature", [0.5, 0.0, -1.0, float("nan")])
def test_temperatures_below_one_are_refused(temperature):
    with pytest.raises(ValueError, match=r"M002.*temperature"):
        mixed_counts([3], temperature)
