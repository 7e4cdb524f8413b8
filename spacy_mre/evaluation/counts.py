"""What is right in each single document? The counts that `significance` draws its samples from, layer by layer."""

from collections.abc import Iterable, Sequence

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from .scorers import Item, check_texts, entity_sides, relation_sides, without_entity_labels

Counts = dict[str, numpy.ndarray]


def count_documents(
    examples: Sequence[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    symmetric: Sequence[str] = (),
    multi_label: bool = False,
    threshold: float = 0.5,
    borders: str = "exact",
) -> Counts:
    """Count right, wrong and missed annotations document by document, as `scorers` compares them.

    examples (Sequence[Example]): Gold and predictions.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels whose head and tail may change places.
    multi_label (bool): Whether several text labels may hold; otherwise the best scored one does.
    threshold (float): The score from which on a text label holds, if several may.
    borders (str): "exact", or "overlap": the borders of entities are forgiven.
    RETURNS (Dict[str, numpy.ndarray]): int64. Documents x 3 of right, wrong and missed in "entities", "relations" and "strict_relations".
        Documents x 2 in "texts" (1 where the text labels are exactly those of gold, and 1 where there is gold) and in "whole_entities" (the
        same of all entities of a text). A document without gold for a layer has zeros there. A layer that no predicted document has is
        left out: nobody was asked for it.
    """
    examples = list(examples)
    counts: Counts = {}
    predicted = [get_entities(eg.predicted, spans_key) for eg in examples]
    if any(entities is not None for entities in predicted):
        counts["entities"] = _rows(
            [_entities(eg, entities, spans_key, borders) for eg, entities in zip(examples, predicted)]
        )
        known = numpy.array([get_entities(eg.reference, spans_key) is not None for eg in examples])
        counts["whole_entities"] = numpy.stack([known & ~counts["entities"][:, 1:].any(axis=1), known], axis=1).astype(
            numpy.int64
        )
        if any(get_relations(eg.predicted) is not None for eg in examples):
            strict = [_relations(eg, symmetric, spans_key, borders) for eg in examples]
            loose = [None if items is None else [without_entity_labels(side) for side in items] for items in strict]
            counts["relations"] = _rows([_compared(items) for items in loose])
            counts["strict_relations"] = _rows([_compared(items) for items in strict])
    if any(eg.predicted.cats for eg in examples):
        counts["texts"] = numpy.array(
            [_text(eg, multi_label, threshold) for eg in examples], dtype=numpy.int64
        ).reshape(-1, 2)
    return counts


def _entities(eg: Example, predicted: Sequence | None, spans_key: str, borders: str) -> list[int]:
    gold = get_entities(eg.reference, spans_key)
    if gold is None:
        return _compared(None)
    check_texts(eg)
    return _compared(entity_sides(eg, gold, predicted or [], borders))


def _relations(eg: Example, symmetric: Sequence[str], spans_key: str, borders: str) -> Sequence[list[Item]] | None:
    if get_relations(eg.reference) is None:
        return None
    check_texts(eg)
    return relation_sides(eg, symmetric, spans_key, borders)


def _compared(items: Sequence[Iterable[Item]] | None) -> list[int]:
    if items is None:
        return [0, 0, 0]
    gold, predicted = map(set, items)
    return [len(gold & predicted), len(predicted - gold), len(gold - predicted)]


def _text(eg: Example, multi_label: bool, threshold: float) -> list[int]:
    gold = {label for label, value in eg.reference.cats.items() if value >= 0.5}
    if not eg.reference.cats:
        return [0, 0]
    return [int(gold == _chosen(eg.predicted, multi_label, threshold)), 1]


def _chosen(doc: Doc, multi_label: bool, threshold: float) -> set[str]:
    if multi_label:
        return {label for label, value in doc.cats.items() if value >= threshold}
    return {max(doc.cats, key=doc.cats.__getitem__)} if doc.cats else set()


def _rows(rows: list[list[int]]) -> numpy.ndarray:
    return numpy.array(rows, dtype=numpy.int64).reshape(-1, 3)
