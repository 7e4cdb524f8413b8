"""Calibration of the two thresholds of `spert_mt` for the best F1, from one prediction of held-out documents.

A lower threshold only adds predictions with lower scores: overlaps are resolved from the best score downwards, and each
pair is scored independently. So the predictions at any threshold are those at the lowest threshold that have a high
enough score. This assumes that the pair budget is not exceeded at the lowest threshold.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ..annotations.entities import Offsets, get_entities
from ..annotations.relations import arguments, get_relations
from ..errors import Errors
from .items import entity_items, relation_items
from .pipeline_settings import get_spans_key
from .runs import predict

# A finer grid would overfit the held-out documents.
CANDIDATES = tuple(round(0.05 * step, 2) for step in range(1, 20))


class _Predictions(NamedTuple):
    """All predictions at the lowest threshold: their scores, whether each is correct, and the size of the gold."""

    scores: numpy.ndarray
    correct: numpy.ndarray
    gold: int

    def f1(self, kept: numpy.ndarray) -> float:
        return 2 * (kept & self.correct).sum() / max(kept.sum() + self.gold, 1)


def calibrate(nlp: Language, examples: Sequence[Example]) -> dict[str, float]:
    """Choose the entity threshold by F1 of entities, then the relation threshold by F1 of strict relations. Set both.

    nlp (Language): The pipeline. The thresholds are set in its first component that has the setting `entity_threshold`.
    examples (Sequence[Example]): Held-out gold, and documents without annotations, which are not changed.
    RETURNS (dict[str, float]): "entity_threshold" and "relation_threshold". Of several best ones, the nearest to the
        threshold that was set before.
    RAISES (ValueError): If no component has the thresholds.
    """
    component = _find_component(nlp)
    options = component.options()
    with _lowest_thresholds(component):
        predicted = predict(nlp, examples)
    entities, entity_scores = _entity_predictions(predicted, get_spans_key(nlp))
    by_threshold = {threshold: entities.f1(entities.scores >= threshold) for threshold in CANDIDATES}
    component.entity_threshold = _best(by_threshold, options.entity_threshold)
    relations, argument_scores = _relation_predictions(predicted, entity_scores, component.symmetric)
    possible = argument_scores >= component.entity_threshold
    by_threshold = {t: relations.f1(possible & (relations.scores >= t)) for t in CANDIDATES}
    component.relation_threshold = _best(by_threshold, options.relation_threshold)
    return {
        "entity_threshold": component.entity_threshold,
        "relation_threshold": component.relation_threshold,
    }


def cross_predict(nlp: Language, examples: Sequence[Example]) -> list[Example]:
    """Predict each half of the documents with the thresholds that are calibrated on the other half.

    nlp (Language): The pipeline. Its thresholds are restored afterwards.
    examples (Sequence[Example]): Gold, and documents without annotations, which are not changed. The halves are every
        other document.
    RETURNS (list[Example]): Gold and predictions, in the same order.
    RAISES (ValueError): If no component has the thresholds.
    """
    component = _find_component(nlp)
    before = component.entity_threshold, component.relation_threshold
    predicted = list(examples)
    for half in (0, 1):
        component.entity_threshold, component.relation_threshold = before
        calibrate(nlp, examples[1 - half :: 2])
        predicted[half::2] = predict(nlp, examples[half::2])
    component.entity_threshold, component.relation_threshold = before
    return predicted


def _find_component(nlp: Language) -> Any:
    for _, pipe in nlp.pipeline:
        if hasattr(pipe, "entity_threshold"):
            return pipe
    raise ValueError(Errors.M516.format(names=", ".join(nlp.pipe_names)))


@contextmanager
def _lowest_thresholds(component: Any) -> Iterator[None]:
    before = component.entity_threshold, component.relation_threshold
    component.entity_threshold = component.relation_threshold = CANDIDATES[0]
    try:
        yield
    finally:
        component.entity_threshold, component.relation_threshold = before


def _best(scores: dict[float, float], current: float) -> float:
    return max(scores, key=lambda threshold: (scores[threshold], -abs(threshold - current)))


def _entity_predictions(examples: Sequence[Example], key: str) -> tuple[_Predictions, list[dict[Offsets, float]]]:
    """The entities, and for each document the score of each entity."""
    rows: list[tuple[float, bool]] = []
    scores = []
    n_gold = 0
    for eg in examples:
        predicted = get_entities(eg.predicted, key) or []
        scores.append({entity.offsets: entity.score for entity in predicted})
        gold = get_entities(eg.reference, key)
        if gold is not None:
            gold_items = set(entity_items(eg.reference, gold))
            n_gold += len(gold_items)
            for entity, item in zip(predicted, entity_items(eg.predicted, predicted)):
                rows.append((entity.score, item in gold_items))
    return _make_predictions(rows, n_gold), scores


def _relation_predictions(
    examples: Sequence[Example], entity_scores: Sequence[dict[Offsets, float]], symmetric: Sequence[str]
) -> tuple[_Predictions, numpy.ndarray]:
    """The relations, and for each of them the lower score of its two arguments."""
    rows: list[tuple[float, bool]] = []
    argument_scores: list[float] = []
    n_gold = 0
    for eg, scores in zip(examples, entity_scores):
        if get_relations(eg.reference) is None:
            continue
        gold_items = set(relation_items(eg.reference, symmetric))
        n_gold += len(gold_items)
        for relation, item in zip(get_relations(eg.predicted) or (), relation_items(eg.predicted, symmetric)):
            rows.append((relation["score"], item in gold_items))
            # Relations of other components may have arguments that are not entities.
            argument_scores.append(min(scores.get(offsets, 1.0) for offsets in arguments(relation)))
    return _make_predictions(rows, n_gold), numpy.array(argument_scores)


def _make_predictions(rows: Sequence[tuple[float, bool]], n_gold: int) -> _Predictions:
    scores = numpy.array([score for score, _ in rows])
    return _Predictions(scores, numpy.array([correct for _, correct in rows], dtype=bool), n_gold)
