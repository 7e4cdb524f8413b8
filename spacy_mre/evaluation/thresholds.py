"""Which thresholds serve F1 best? Both of `spert_mt`, from one pass over held-out documents.

What a lower threshold adds has lower scores than all that a higher one finds, never pushes it out, and leaves the scores of the others as they are: spans
are resolved from the best scored downwards, and each pair is scored by itself. So the finds at any threshold are those of the lowest
one that score high enough. (That presumes that the pair budget does not bite at the lowest threshold, and entities that are not decided jointly
with their relations.)
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ..annotations.entities import get_entities
from ..annotations.relations import get_relations
from ..errors import Errors
from .evaluate import get_spans_key
from .runs import predict
from .scorers import entity_items, relation_items

# A finer grid would fit the held-out documents more than the task.
CANDIDATES = tuple(round(0.05 * step, 2) for step in range(1, 20))


class _Finds(NamedTuple):
    """All finds at the lowest threshold: their scores, whether each is right, and how many there are in gold."""

    scores: numpy.ndarray
    right: numpy.ndarray
    gold: int

    def f1(self, kept: numpy.ndarray) -> float:
        return 2 * (kept & self.right).sum() / max(kept.sum() + self.gold, 1)


def calibrate(nlp: Language, examples: Sequence[Example]) -> dict[str, float]:
    """Choose the entity threshold with the best entity F1, then the relation threshold with the best strict relation F1, and set both.

    nlp (Language): The pipeline. The first component with `cfg["entity_threshold"]` gets the thresholds.
    examples (Sequence[Example]): Held-out gold, and bare documents, which stay as they are.
    RETURNS (Dict[str, float]): "entity_threshold" and "relation_threshold": of equally good ones the nearest to what was set.
    RAISES (ValueError): No component has the thresholds.
    """
    cfg = _cfg(nlp)
    key, symmetric = get_spans_key(nlp), cfg.get("symmetric", ())
    with _lowest_thresholds(cfg):
        predicted = predict(nlp, examples)
    entities, scores = _entities(predicted, key)
    chosen = {
        "entity_threshold": _best({t: entities.f1(entities.scores >= t) for t in CANDIDATES}, cfg["entity_threshold"])
    }
    relations, of_ends = _relations(predicted, scores, symmetric)
    possible = of_ends >= chosen["entity_threshold"]
    by_threshold = {t: relations.f1(possible & (relations.scores >= t)) for t in CANDIDATES}
    chosen["relation_threshold"] = _best(by_threshold, cfg["relation_threshold"])
    cfg.update(chosen)
    return chosen


def cross_predict(nlp: Language, examples: Sequence[Example]) -> list[Example]:
    """Predict every other document with the thresholds that the rest calls for, so that no document has a say in its own.

    nlp (Language): The pipeline; its thresholds are afterwards what they were.
    examples (Sequence[Example]): Gold, and bare documents, which stay as they are.
    RETURNS (List[Example]): Gold and predictions, in the same order.
    """
    cfg = _cfg(nlp)
    before = {name: cfg[name] for name in ("entity_threshold", "relation_threshold")}
    predicted = list(examples)
    for half in (0, 1):
        cfg.update(before)
        calibrate(nlp, examples[1 - half :: 2])
        predicted[half::2] = predict(nlp, examples[half::2])
    cfg.update(before)
    return predicted


def _cfg(nlp: Language) -> dict[str, Any]:
    for _, pipe in nlp.pipeline:
        cfg = getattr(pipe, "cfg", None) or {}
        if "entity_threshold" in cfg:
            return cfg
    raise ValueError(Errors.M516.format(names=", ".join(nlp.pipe_names)))


@contextmanager
def _lowest_thresholds(cfg: dict[str, Any]) -> Iterator[None]:
    before = dict(cfg)
    cfg.update(entity_threshold=CANDIDATES[0], relation_threshold=CANDIDATES[0])
    try:
        yield
    finally:
        cfg.update(before)


def _best(scores: dict[float, float], now: float) -> float:
    return max(scores, key=lambda threshold: (scores[threshold], -abs(threshold - now)))


def _entities(examples: Sequence[Example], key: str) -> tuple[_Finds, list[dict[tuple[int, int], float]]]:
    """The entities, and for each document the scores of its spans."""
    rows: list[tuple[float, bool]] = []
    by_place = []
    gold_items = 0
    for eg in examples:
        found = get_entities(eg.predicted, key) or []
        by_place.append({(entity.start, entity.end): entity.score for entity in found})
        gold = get_entities(eg.reference, key)
        if gold is not None:
            right = set(entity_items(eg.reference, gold))
            gold_items += len(right)
            rows += [(entity.score, item in right) for entity, item in zip(found, entity_items(eg.predicted, found))]
    return _finds(rows, gold_items), by_place


def _relations(
    examples: Sequence[Example], scores: Sequence[dict[tuple[int, int], float]], symmetric: Sequence[str]
) -> tuple[_Finds, numpy.ndarray]:
    """The relations, and for each of them the lower score of its two ends."""
    rows: list[tuple[float, bool]] = []
    of_ends: list[float] = []
    gold_items = 0
    for eg, of_spans in zip(examples, scores):
        if get_relations(eg.reference) is None:
            continue
        right = set(relation_items(eg.reference, symmetric))
        gold_items += len(right)
        for relation, item in zip(get_relations(eg.predicted) or (), relation_items(eg.predicted, symmetric)):
            rows.append((relation["score"], item in right))
            of_ends.append(min(of_spans[tuple(relation[end])] for end in ("head", "tail")))
    return _finds(rows, gold_items), numpy.array(of_ends)


def _finds(rows: Sequence[tuple[float, bool]], gold: int) -> _Finds:
    return _Finds(
        numpy.array([score for score, _ in rows]), numpy.array([right for _, right in rows], dtype=bool), gold
    )
