"""Is the difference between two systems more than chance? Bootstrap over test documents, and over the seeds of the training runs.

A micro F1 is no mean over documents, so the documents are drawn, and their counts summed and scored again (Efron and Tibshirani 1993; for
systems on the same test set Berg-Kirkpatrick, Burkett and Klein 2012). The draws are paired: both systems are scored on the same
documents. With several seeds, the seeds are drawn too, so that the interval holds for a new training run on new documents of the kind, and the score is
the mean over the seeds. Three seeds are few: the interval then knows little of the spread between runs.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Union

import numpy

from ..errors import Errors

Score = Callable[[numpy.ndarray], numpy.ndarray]
PerSeed = Union[numpy.ndarray, Sequence[numpy.ndarray]]

# So many samples x documents are in memory at once.
CHUNK = 2_000_000


class Interval(NamedTuple):
    """A score and its confidence interval."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """How much better the first system is, the confidence interval, and how often chance alone would show as much (two-sided)."""

    value: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> str:
        """RETURNS (str): "better", "worse", or "undecided" where 0 lies in the interval."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "undecided"


def f1(totals: numpy.ndarray) -> numpy.ndarray:
    """Micro F1.

    totals (numpy.ndarray): Shape (..., 3): right, wrong, missed.
    RETURNS (numpy.ndarray): Shape (...,); 0 where there is nothing.
    """
    right, wrong, missed = numpy.moveaxis(numpy.asarray(totals, dtype=float), -1, 0)
    return 2 * right / numpy.maximum(2 * right + wrong + missed, 1)


def share(totals: numpy.ndarray) -> numpy.ndarray:
    """The share of right ones.

    totals (numpy.ndarray): Shape (..., 2): right, all.
    RETURNS (numpy.ndarray): Shape (...,); 0 where there is nothing.
    """
    right, everything = numpy.moveaxis(numpy.asarray(totals, dtype=float), -1, 0)
    return right / numpy.maximum(everything, 1)


def bootstrap(
    counts: PerSeed, score: Score = f1, *, samples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """The score of one system, as the mean over its seeds, with a percentile interval.

    counts (Union[numpy.ndarray, Sequence[numpy.ndarray]]): Documents x counts, or one such array per seed.
    score (Callable[[numpy.ndarray], numpy.ndarray]): Summed counts -> score: `f1`, `share` or one's own.
    samples (int): Bootstrap samples.
    confidence (float): Of the interval.
    seed (int): Of the draws.
    RETURNS (Interval): The score and the ends of the interval.
    RAISES (ValueError): Seeds with different documents, or no documents.
    """
    per_seed = _stacked(counts)
    drawn = numpy.concatenate(
        [_mean_of(score(totals), seeds) for (totals,), seeds in _draws([per_seed], samples, seed)]
    )
    return Interval(float(score(per_seed.sum(axis=1)).mean()), *_ends(drawn, confidence))


def paired_bootstrap(
    ours: PerSeed, theirs: PerSeed, score: Score = f1, *, samples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> Difference:
    """The difference of two systems on the same documents, with a percentile interval.

    ours, theirs (Union[numpy.ndarray, Sequence[numpy.ndarray]]): Documents x counts, or one such array per seed; the documents in the same
        order, and as many seeds on both sides, of which those at the same place belong together.
    score (Callable[[numpy.ndarray], numpy.ndarray]): Summed counts -> score: `f1`, `share` or one's own.
    samples (int): Bootstrap samples.
    confidence (float): Of the interval.
    seed (int): Of the draws.
    RETURNS (Difference): Ours minus theirs.
    RAISES (ValueError): Other documents or seeds on one side than on the other.
    """
    both = [_stacked(counts) for counts in (ours, theirs)]
    if both[0].shape != both[1].shape:
        raise ValueError(Errors.M511.format(ours=both[0].shape, theirs=both[1].shape))
    drawn = numpy.concatenate(
        [
            _mean_of(score(our_totals) - score(their_totals), seeds)
            for (our_totals, their_totals), seeds in _draws(both, samples, seed)
        ]
    )
    value = float((score(both[0].sum(axis=1)) - score(both[1].sum(axis=1))).mean())
    # The sample itself counts as one more draw, so that p is never 0.
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    return Difference(value, *_ends(drawn, confidence), p=min(1.0, 2 * (int(tail) + 1) / (samples + 1)))


def _stacked(counts: PerSeed) -> numpy.ndarray:
    """Seeds x documents x counts."""
    arrays = (
        [counts]
        if isinstance(counts, numpy.ndarray) and counts.ndim == 2
        else [numpy.asarray(array) for array in counts]
    )
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) != 1 or len(shapes[0]) != 2 or not shapes[0][0]:
        raise ValueError(
            Errors.M511.format(
                ours=shapes, theirs="documents x counts, the same for each seed, and at least one document"
            )
        )
    return numpy.stack(arrays).astype(float)


def _draws(
    systems: list[numpy.ndarray], samples: int, seed: int
) -> Iterator[tuple[list[numpy.ndarray], numpy.ndarray]]:
    """Draw documents and seeds, in chunks: the summed counts of each system (samples x seeds x counts), and the places of the seeds drawn."""
    generator = numpy.random.default_rng(seed)
    seeds, documents, _ = systems[0].shape
    chunk = max(1, CHUNK // documents)
    for first in range(0, samples, chunk):
        size = min(chunk, samples - first)
        how_often = generator.multinomial(documents, numpy.full(documents, 1 / documents), size=size).astype(float)
        yield (
            [numpy.einsum("nd,sdc->nsc", how_often, counts, optimize=True) for counts in systems],
            generator.integers(seeds, size=(size, seeds)),
        )


def _mean_of(scores: numpy.ndarray, seeds: numpy.ndarray) -> numpy.ndarray:
    return numpy.take_along_axis(scores, seeds, axis=1).mean(axis=1)


def _ends(drawn: numpy.ndarray, confidence: float) -> tuple[float, float]:
    tail = 100 * (1 - confidence) / 2
    low, high = numpy.percentile(drawn, [tail, 100 - tail])
    return float(low), float(high)
