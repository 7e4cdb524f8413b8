"""Counts of correct, wrong and missed annotations in each document, which the bootstrap in `significance` samples."""

from collections.abc import Iterable, Sequence

import numpy
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from .items import (
    Item,
    check_texts,
    compared_cats,
    compared_entities,
    compared_relations,
    gold_cats,
    has_entities,
    without_entity_labels,
)

Counts = dict[str, numpy.ndarray]


def count_documents(
    examples: Sequence[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    symmetric: Sequence[str] = (),
    multi_label: bool = False,
    threshold: float = 0.5,
    matching: str = "exact",
) -> Counts:
    """Count correct, wrong and missed annotations by document, as defined in `scorers`.

    examples (Sequence[Example]): Gold and predictions.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels without direction.
    multi_label (bool): Any number of text labels may hold; otherwise the label with the highest probability. If
        several may hold, a label that is not in `doc.cats` of gold is unknown, and its prediction neither right nor
        wrong.
    threshold (float): The lowest probability of a predicted text label, if several may hold.
    matching (str): "exact" or "overlap".
    RETURNS (dict[str, numpy.ndarray]): Arrays of type int64. "entities", "relations" and "strict_relations" have shape
        (documents, 3): correct, wrong and missed. "texts" and "whole_entities" have shape (documents, 2): whether all
        text labels or all entities of the document are correct, and whether it has gold. Rows of documents without gold
        are zeros. What no document has predictions for is left out.
    """
    examples = list(examples)
    counts: Counts = {}
    if any(has_entities(eg.predicted, spans_key) for eg in examples):
        counts["entities"] = _stack([_count_entities(eg, spans_key, matching) for eg in examples])
        has_gold = numpy.array([has_entities(eg.reference, spans_key) for eg in examples])
        has_error = counts["entities"][:, 1:].any(axis=1)
        counts["whole_entities"] = numpy.stack([has_gold & ~has_error, has_gold], axis=1).astype(numpy.int64)
    if any(get_relations(eg.predicted) is not None for eg in examples):
        strict = [_relation_items(eg, symmetric, spans_key, matching) for eg in examples]
        loose = [None if items is None else [without_entity_labels(side) for side in items] for items in strict]
        counts["relations"] = _stack([_compare(items) for items in loose])
        counts["strict_relations"] = _stack([_compare(items) for items in strict])
    if any(eg.predicted.cats for eg in examples):
        rows = [_compare_cats(eg, multi_label, threshold) for eg in examples]
        counts["texts"] = numpy.array(rows, dtype=numpy.int64).reshape(-1, 2)
    return counts


def _count_entities(example: Example, spans_key: str, matching: str) -> list[int]:
    gold = get_entities(example.reference, spans_key)
    if gold is None:
        return _compare(None)
    check_texts(example)
    return _compare(compared_entities(example, gold, get_entities(example.predicted, spans_key) or [], matching))


def _relation_items(
    example: Example, symmetric: Sequence[str], spans_key: str, matching: str
) -> tuple[list[Item], list[Item]] | None:
    if get_relations(example.reference) is None:
        return None
    check_texts(example)
    return compared_relations(example, symmetric, spans_key, matching)


def _compare(items: Sequence[Iterable[Item]] | None) -> list[int]:
    if items is None:
        return [0, 0, 0]
    gold, predicted = map(set, items)
    return [len(gold & predicted), len(predicted - gold), len(gold - predicted)]


def _compare_cats(example: Example, multi_label: bool, threshold: float) -> list[int]:
    gold = gold_cats(example.reference, multi_label)
    if gold is None:
        return [0, 0]
    return [int(gold == set(compared_cats(example, multi_label, threshold))), 1]


def _stack(rows: list[list[int]]) -> numpy.ndarray:
    return numpy.array(rows, dtype=numpy.int64).reshape(-1, 3)
