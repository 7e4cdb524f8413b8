"""Entities decided together with their relations: a doubtful span may stay where a sure entity is surely related to it."""

import numpy

from ..spans.overlap import resolve_overlaps
from ..spans.spans import Pairs, Spans

# Spans below this share of the threshold are no candidates: without a bound every span would be paired with every other.
CANDIDATES_FROM = 0.5


def rescore(scores: numpy.ndarray, pairs: Pairs, relation_scores: numpy.ndarray) -> numpy.ndarray:
    """The score of each candidate in the light of the best relation that it would enter: the mean of its own probability and that of the
    relation times that of the other end; or its own, where that is larger. (Our own rule.)

    scores (numpy.ndarray): The probability of each candidate to be an entity, shape (candidates,).
    pairs (Pairs): The relations that were found between them.
    relation_scores (numpy.ndarray): Their probabilities, shape (relations,).
    RETURNS (numpy.ndarray): Shape (candidates,).
    """
    best = numpy.zeros(len(scores))
    numpy.maximum.at(best, pairs.heads, relation_scores * scores[pairs.tails])
    numpy.maximum.at(best, pairs.tails, relation_scores * scores[pairs.heads])
    return numpy.maximum(scores, (scores + best) / 2)


def choose(
    spans: Spans, scores: numpy.ndarray, pairs: Pairs, *, threshold: float, overlap: str
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Which candidates are entities, and which relations then still have both ends.

    spans (Spans): The candidates.
    scores (numpy.ndarray): As `rescore` gives them, shape (candidates,).
    pairs (Pairs): The relations between them.
    threshold (float): The least score of an entity.
    overlap (str): The overlap policy.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): bool, shape (candidates,) and (relations,).
    """
    stays = scores >= threshold
    stays[stays] = resolve_overlaps(spans.starts[stays], spans.ends[stays], scores[stays], overlap)
    return stays, stays[pairs.heads] & stays[pairs.tails]
