"""Confidence intervals and significance of scores, by bootstrap over test documents and over seeds.

Micro F1 is not a mean over documents, so documents are sampled and F1 is computed from their summed counts (Efron and
Tibshirani 1993; for two systems Berg-Kirkpatrick, Burkett and Klein 2012). Two systems are scored on the same sampled
documents. With several seeds, the score is the mean over the seeds, and the seeds are sampled too, so that the interval
holds for a new training run on new documents of the same kind. Three seeds are few: the interval then underestimates
the variance between runs.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy

from ..errors import Errors

Score = Callable[[numpy.ndarray], numpy.ndarray]
PerSeed = numpy.ndarray | Sequence[numpy.ndarray]

# The number of bootstrap samples.
SAMPLES = 10_000
# The ends of an interval: its confidence level is 0.95.
PERCENTILES = (2.5, 97.5)
# How many samples x documents are in memory at once.
CHUNK = 2_000_000


class Interval(NamedTuple):
    """A score and the bounds of its confidence interval."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """The difference between two systems.

    value (float): The score of the first minus that of the second.
    low (float): Lower bound of the confidence interval.
    high (float): Upper bound of the confidence interval.
    p (float): Two-sided p-value.
    """

    value: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> str:
        """RETURNS (str): "better", "worse", or "undecided" if the interval contains 0."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "undecided"


def f1(totals: numpy.ndarray) -> numpy.ndarray:
    """Compute micro F1.

    totals (numpy.ndarray): Shape (..., 3): correct, wrong, missed.
    RETURNS (numpy.ndarray): Shape (...,). 0 if there is nothing to count.

    >>> float(f1([3, 1, 1]))
    0.75
    """
    correct, wrong, missed = numpy.moveaxis(numpy.asarray(totals, dtype=float), -1, 0)
    return 2 * correct / numpy.maximum(2 * correct + wrong + missed, 1)


def share(totals: numpy.ndarray) -> numpy.ndarray:
    """Compute the share of correct items.

    totals (numpy.ndarray): Shape (..., 2): correct, all.
    RETURNS (numpy.ndarray): Shape (...,). 0 if there is nothing to count.
    """
    correct, everything = numpy.moveaxis(numpy.asarray(totals, dtype=float), -1, 0)
    return correct / numpy.maximum(everything, 1)


def bootstrap(counts: PerSeed, score: Score = f1) -> Interval:
    """Compute the score of one system, as the mean over its seeds, with a percentile interval.

    counts (numpy.ndarray | Sequence[numpy.ndarray]): Shape (documents, counts), or one such array per seed.
    score (Callable[[numpy.ndarray], numpy.ndarray]): Computes scores from summed counts, for example `f1` or `share`.
    RETURNS (Interval): The score and its interval.
    RAISES (ValueError): If there are no documents, or the seeds have different documents.

    >>> documents = numpy.array([[3, 1, 0], [2, 0, 1], [4, 0, 0], [0, 2, 2]])
    >>> interval = bootstrap(documents)
    >>> round(interval.value, 2), interval.low < interval.value < interval.high
    (0.75, True)
    """
    per_seed = _stack(counts)
    sampled = [_mean_over_seeds(score(totals), seeds) for (totals,), seeds in _sample([per_seed], SAMPLES)]
    return Interval(float(score(per_seed.sum(axis=1)).mean()), *bounds(numpy.concatenate(sampled)))


def paired_bootstrap(
    ours: PerSeed, theirs: PerSeed, score: Score = f1, *, samples: int = SAMPLES, seed: int = 0
) -> Difference:
    """Compute the difference between two systems on the same documents, with a percentile interval.

    ours (numpy.ndarray | Sequence[numpy.ndarray]): Shape (documents, counts), or one such array per seed.
    theirs (numpy.ndarray | Sequence[numpy.ndarray]): The same of the other system, with the documents in the same order
        and the same number of seeds. Seeds at the same position are paired.
    score (Callable[[numpy.ndarray], numpy.ndarray]): Computes scores from summed counts, for example `f1` or `share`.
    samples (int): Number of bootstrap samples.
    seed (int): Seed of the sampling.
    RETURNS (Difference): Ours minus theirs.
    RAISES (ValueError): If the two systems have different documents or numbers of seeds.
    """
    both = [_stack(counts) for counts in (ours, theirs)]
    if both[0].shape != both[1].shape:
        raise ValueError(Errors.M511.format(ours=both[0].shape, theirs=both[1].shape))
    sampled = numpy.concatenate(
        [
            _mean_over_seeds(score(our_totals) - score(their_totals), seeds)
            for (our_totals, their_totals), seeds in _sample(both, samples, seed)
        ]
    )
    value = float((score(both[0].sum(axis=1)) - score(both[1].sum(axis=1))).mean())
    # The documents themselves count as one more sample, so that p is never 0.
    tail = int(min((sampled <= 0).sum(), (sampled >= 0).sum()))
    return Difference(value, *bounds(sampled), p=min(1.0, 2 * (tail + 1) / (samples + 1)))


def sample_scores(systems: Sequence[PerSeed], score: Score, *, samples: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Compute the scores of several systems, and those of bootstrap samples. A sample has the same documents and seeds
    for all systems.

    systems (Sequence[PerSeed]): For each system an array of shape (documents, counts), or one such array per seed.
    score (Callable[[numpy.ndarray], numpy.ndarray]): Computes scores from summed counts, for example `f1` or `share`.
    samples (int): Number of bootstrap samples.
    RETURNS (tuple[numpy.ndarray, numpy.ndarray]): The scores, shape (systems,), and shape (samples, systems).
    RAISES (ValueError): If the systems have different documents or numbers of seeds.
    """
    stacked = [_stack(counts) for counts in systems]
    for other in stacked[1:]:
        if other.shape != stacked[0].shape:
            raise ValueError(Errors.M511.format(ours=stacked[0].shape, theirs=other.shape))
    sampled = [
        numpy.stack([_mean_over_seeds(score(totals), seeds) for totals in of_systems], axis=1)
        for of_systems, seeds in _sample(stacked, samples)
    ]
    return numpy.array([score(counts.sum(axis=1)).mean() for counts in stacked]), numpy.concatenate(sampled)


def bounds(sampled: numpy.ndarray) -> tuple[float, float]:
    """RETURNS (tuple[float, float]): The ends of the interval of sampled values."""
    low, high = numpy.percentile(sampled, PERCENTILES)
    return float(low), float(high)


def _stack(counts: PerSeed) -> numpy.ndarray:
    """Seeds x documents x counts."""
    per_seed = [counts] if isinstance(counts, numpy.ndarray) and counts.ndim == 2 else counts
    arrays = [numpy.asarray(array) for array in per_seed]
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) != 1 or len(shapes[0]) != 2 or not shapes[0][0]:
        raise ValueError(Errors.M518.format(shapes=shapes))
    return numpy.stack(arrays).astype(float)


def _sample(
    systems: list[numpy.ndarray], samples: int, seed: int = 0
) -> Iterator[tuple[list[numpy.ndarray], numpy.ndarray]]:
    """Sample documents and seeds in chunks.

    Yields the summed counts of each system, samples x seeds x counts, and the indices of the seeds, samples x seeds.
    """
    generator = numpy.random.default_rng(seed)
    seeds, documents, _ = systems[0].shape
    chunk = max(1, CHUNK // documents)
    for first in range(0, samples, chunk):
        size = min(chunk, samples - first)
        weights = generator.multinomial(documents, numpy.full(documents, 1 / documents), size=size).astype(float)
        totals = [numpy.einsum("nd,sdc->nsc", weights, counts, optimize=True) for counts in systems]
        yield totals, generator.integers(seeds, size=(size, seeds))


def _mean_over_seeds(scores: numpy.ndarray, seeds: numpy.ndarray) -> numpy.ndarray:
    return numpy.take_along_axis(scores, seeds, axis=1).mean(axis=1)
