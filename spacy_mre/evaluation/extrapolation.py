"""What more training texts would bring: an inverse power law through the scores of a learning curve.

The curve is c - a * n ** -b for n texts, with a score c that is never exceeded (Figueroa, Zeng-Treitler, Kandula and
Ngo 2012, "Predicting sample size required for classification performance", BMC Medical Informatics and Decision Making
12:8). As there, a point counts in proportion to its number of texts, because the end of the curve predicts best how it
goes on. The interval is a bootstrap: test documents and seeds are sampled, the same ones for all points, and the curve
is fitted anew.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy

from .significance import Interval, PerSeed, Score, bounds, sample_scores

# A curve has three unknowns, so three points are on it whatever they are.
FEWEST_POINTS = 4
# The number of bootstrap samples, for each of which a curve is fitted.
SAMPLES = 2000
# For a given exponent the other two are a linear regression, so the exponents are tried one by one.
EXPONENTS = numpy.geomspace(0.05, 3.0, 60)


class Outlook(NamedTuple):
    """What a curve says of more training texts.

    texts (int): The number of texts of the largest training set.
    more (int): The number of additional texts.
    gain (Interval): By how much the score would rise.
    """

    texts: int
    more: int
    gain: Interval


class Curves(NamedTuple):
    """Inverse power laws. Each array has shape (curves,).

    limit (numpy.ndarray): The score that is never exceeded.
    distance (numpy.ndarray): How far below it the curve is at one text.
    exponent (numpy.ndarray): How fast it comes closer.
    """

    limit: numpy.ndarray
    distance: numpy.ndarray
    exponent: numpy.ndarray

    def at(self, texts: float) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The scores with so many training texts, shape (curves,)."""
        return self.limit - self.distance * texts**-self.exponent


def fit_curves(texts: Sequence[int], scores: numpy.ndarray) -> Curves:
    """Fit an inverse power law to each row of scores, by weighted least squares.

    texts (Sequence[int]): The numbers of training texts.
    scores (numpy.ndarray): Scores between 0 and 1, curves x points.
    RETURNS (Curves): They do not fall, and stay below 1.

    >>> curves = fit_curves([25, 50, 100, 200], 0.9 - 2 * numpy.array([[25, 50, 100, 200]]) ** -0.5)
    >>> round(float(curves.at(800)[0]), 2)
    0.83
    """
    numbers, scores = numpy.asarray(texts, dtype=float), numpy.asarray(scores, dtype=float)
    weights = numbers / numbers.sum()
    shrinking = numbers ** -EXPONENTS[:, None]  # exponents x points
    centre, mean = shrinking @ weights, scores @ weights
    deviation = shrinking - centre[:, None]
    covariance = (scores * weights) @ deviation.T  # curves x exponents
    distance = numpy.maximum(-covariance / (deviation**2 @ weights), 0.0)
    limit = mean[:, None] + distance * centre
    # Where the limit would be above 1, the best curve with the limit 1.
    capped = ((1 - scores) * weights) @ shrinking.T / (shrinking**2 @ weights)
    distance, limit = numpy.where(limit > 1, capped, distance), numpy.minimum(limit, 1.0)
    predicted = limit[:, :, None] - distance[:, :, None] * shrinking
    best = ((predicted - scores[:, None, :]) ** 2 @ weights).argmin(axis=1)
    rows = numpy.arange(len(scores))
    return Curves(limit[rows, best], distance[rows, best], EXPONENTS[best])


def predict_gain(counts: Mapping[int, PerSeed], score: Score, more: int) -> Outlook | None:
    """Predict how much the score rises with more training texts.

    counts (Mapping[int, PerSeed]): The counts of the runs, see `bootstrap`, by their number of training texts. All have
        the same test documents and number of seeds.
    score (Callable[[numpy.ndarray], numpy.ndarray]): Computes scores from summed counts, for example `f1` or `share`.
    more (int): How many texts more than in the largest run.
    RETURNS (Optional[Outlook]): None if there are fewer than four points.
    RAISES (ValueError): If the runs have different documents or numbers of seeds.
    """
    texts = sorted(counts)
    if len(texts) < FEWEST_POINTS:
        return None
    scores, sampled = sample_scores([counts[number] for number in texts], score, samples=SAMPLES)
    value = _gain(texts, scores[None], more)
    return Outlook(texts[-1], more, Interval(float(value[0]), *bounds(_gain(texts, sampled, more))))


def _gain(texts: Sequence[int], scores: numpy.ndarray, more: int) -> numpy.ndarray:
    """The gain of each curve. The last score may be above its curve, but no score rises above 1."""
    curves = fit_curves(texts, scores)
    return numpy.minimum(curves.at(texts[-1] + more) - curves.at(texts[-1]), 1 - scores[:, -1])
