"""Choice of the two thresholds of `spert_mt`, for the best F1 or for a wanted precision, from one prediction of
held-out documents.

A lower threshold only adds predictions with lower scores: overlaps are resolved from the best score downwards, and each
pair is scored independently. So the predictions at any threshold are those at the lowest threshold that have a high
enough score. This assumes that the pair budget is not exceeded at the lowest threshold.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ..annotations.entities import Offsets, entity_sources, get_entities
from ..annotations.relations import arguments, get_relations, relation_sources
from ..errors import Errors
from .items import entity_items, relation_items
from .pipeline_settings import get_symmetric
from .runs import predict

# A finer grid would overfit the held-out documents.
CANDIDATES = tuple(round(0.05 * step, 2) for step in range(1, 20))
# The fewest predictions that a precision is measured on.
FEWEST = 20
# The level of each threshold.
LEVELS = {"entity_threshold": "entities", "relation_threshold": "relations"}


class Predictions(NamedTuple):
    """All predictions at the lowest threshold: their scores, whether each is correct, and the size of the gold."""

    scores: numpy.ndarray
    correct: numpy.ndarray
    gold: int

    def f1(self, kept: numpy.ndarray) -> float:
        return 2 * (kept & self.correct).sum() / max(kept.sum() + self.gold, 1)

    def best(self, possible: numpy.ndarray, current: float) -> float:
        """The threshold of the best F1; of several, the nearest to the current one."""
        scores = {t: self.f1(possible & (self.scores >= t)) for t in CANDIDATES}
        return max(scores, key=lambda threshold: (scores[threshold], -abs(threshold - current)))

    def precise(self, possible: numpy.ndarray, precision: float, what: str) -> float:
        """The lowest threshold with a precision, of those that keep enough predictions to measure it on."""
        order = numpy.argsort(-self.scores[possible], kind="stable")
        scores, correct = self.scores[possible][order], self.correct[possible][order]
        reached = correct.cumsum() / numpy.arange(1, len(scores) + 1)
        # A threshold keeps all predictions with its score, and few predictions say nothing about a precision.
        ends = numpy.flatnonzero(numpy.append(numpy.diff(scores) < 0, True)[: len(scores)])
        fewest = min(FEWEST, len(scores))
        ends = ends[ends >= fewest - 1]
        enough = ends[reached[ends] >= precision]
        if not len(enough):
            wanted, best = 100 * precision, 100 * reached[ends].max()
            raise ValueError(Errors.M521.format(what=what, wanted=wanted, best=best, count=len(scores), fewest=fewest))
        left_out = scores[enough[-1] + 1 :]
        return _between(left_out[0], scores[enough[-1]]) if len(left_out) else CANDIDATES[0]


def _between(below: float, score: float) -> float:
    """A short threshold that keeps a score, and leaves out the next lower one. It is below the score, so that the
    score is not lost to rounding."""
    for digits in range(5, 16):
        threshold = math.floor(score * 10**digits) / 10**digits
        if threshold > (below + score) / 2:
            return threshold
    return (below + score) / 2


def tune_thresholds(nlp: Language, examples: Sequence[Example], *, precision: float | None = None) -> dict[str, float]:
    """Choose the entity threshold on the entities, then the relation threshold on the strict relations, and set them. A
    threshold stays as it is if there is no gold for it; with `precision`, also if there are no predictions; and that of
    entities if the component takes given ones.

    nlp (Language): The pipeline. The thresholds are set in its first component that has the setting `entity_threshold`.
    examples (Sequence[Example]): Held-out gold, and documents without annotations, which are not changed.
    precision (Optional[float]): Choose the lowest thresholds with this precision, between 0 and 1. Default: None (the
        best F1; of several best thresholds, the nearest to the one that was set before).
    RETURNS (dict[str, float]): "entity_threshold" and "relation_threshold", of these the ones that were set.
    RAISES (ValueError): If no component has the thresholds, or no threshold that keeps at least 20 predictions, or all
        if there are fewer, has the precision.
    """
    component = find_component(nlp)
    current = {name: _current(component, name, level) for name, level in LEVELS.items()}
    with lowest_thresholds(component), nlp.select_pipes(disable=other_writers(nlp, component)):
        predicted = predict(nlp, examples)
    entities, entity_scores = entity_predictions(predicted, component.spans_key, component.name)
    relations, argument_scores = relation_predictions(
        predicted, entity_scores, get_symmetric(nlp), component.spans_key, component.name
    )

    chosen: dict[str, float] = {}

    def choose(name: str, found: Predictions, possible: numpy.ndarray) -> None:
        if not found.gold or (precision is not None and not possible.any()):
            return
        if precision is None:
            chosen[name] = found.best(possible, current[name])
        else:
            chosen[name] = found.precise(possible, precision, LEVELS[name])

    possible = numpy.ones(len(relations.scores), dtype=bool)
    if component.entities == "predict":
        choose("entity_threshold", entities, numpy.ones(len(entities.scores), dtype=bool))
        possible = argument_scores >= chosen.get("entity_threshold", current["entity_threshold"])
    choose("relation_threshold", relations, possible)
    for name, threshold in chosen.items():
        setattr(component, name, threshold)
    return chosen


def find_component(nlp: Language) -> Any:
    """RETURNS (Any): The first component with thresholds."""
    for _, pipe in nlp.pipeline:
        if hasattr(pipe, "entity_threshold"):
            return pipe
    raise ValueError(Errors.M516.format(names=", ".join(nlp.pipe_names)))


def other_writers(nlp: Language, component: Any) -> list[str]:
    """Find the components that must not run, so that all entities of another one are seen: of an entity that two have
    found, only the one with the better score is kept.

    nlp (Language): The pipeline.
    component (Any): The component.
    RETURNS (list[str]): The others that write entities to its span group; none if it predicts no entities.
    """
    if getattr(component, "entities", None) != "predict":
        return []
    keys = {name: getattr(pipe, "spans_key", getattr(pipe, "key", None)) for name, pipe in nlp.pipeline}
    return [name for name, key in keys.items() if key == component.spans_key and nlp.get_pipe(name) is not component]


@contextmanager
def lowest_thresholds(component: Any) -> Iterator[None]:
    """Predict with the lowest of the `CANDIDATES` as thresholds."""
    before = component.entity_threshold, component.relation_threshold
    component.entity_threshold = component.relation_threshold = CANDIDATES[0]
    try:
        yield
    finally:
        component.entity_threshold, component.relation_threshold = before


def _current(component: Any, name: str, level: str) -> float:
    """The threshold in force, as a calibrated score if the scores are calibrated."""
    threshold, scaling = getattr(component.options(), name), component.get_scaling(level)
    return threshold if scaling is None else float(scaling.apply(numpy.array(threshold)))


def entity_predictions(
    examples: Sequence[Example], key: str, source: str
) -> tuple[Predictions, list[dict[Offsets, float]]]:
    """The entities that a component wrote, and for each document the score of each."""
    rows: list[tuple[float, bool]] = []
    scores = []
    n_gold = 0
    for eg in examples:
        sources = entity_sources(eg.predicted, key)
        predicted = [each for each, by in zip(get_entities(eg.predicted, key) or (), sources) if by == source]
        scores.append({entity.offsets: entity.score for entity in predicted})
        gold = get_entities(eg.reference, key)
        if gold is not None:
            gold_items = set(entity_items(eg.reference, gold))
            n_gold += len(gold_items)
            for entity, item in zip(predicted, entity_items(eg.predicted, predicted)):
                rows.append((entity.score, item in gold_items))
    return _make_predictions(rows, n_gold), scores


def relation_predictions(
    examples: Sequence[Example],
    entity_scores: Sequence[dict[Offsets, float]],
    symmetric: Sequence[str],
    key: str,
    source: str,
) -> tuple[Predictions, numpy.ndarray]:
    """The relations that a component wrote, and for each of them the lower score of its two arguments."""
    rows: list[tuple[float, bool]] = []
    argument_scores: list[float] = []
    n_gold = 0
    for eg, scores in zip(examples, entity_scores):
        if get_relations(eg.reference) is None:
            continue
        gold_items = set(relation_items(eg.reference, symmetric, key))
        n_gold += len(gold_items)
        predicted = get_relations(eg.predicted) or ()
        items = relation_items(eg.predicted, symmetric, key)
        for relation, item, by in zip(predicted, items, relation_sources(eg.predicted)):
            if by == source:
                rows.append((relation["score"], item in gold_items))
                # Only given entities have no score.
                argument_scores.append(min(scores.get(offsets, 1.0) for offsets in arguments(relation)))
    return _make_predictions(rows, n_gold), numpy.array(argument_scores)


def _make_predictions(rows: Sequence[tuple[float, bool]], n_gold: int) -> Predictions:
    scores = numpy.array([score for score, _ in rows])
    return Predictions(scores, numpy.array([correct for _, correct in rows], dtype=bool), n_gold)
