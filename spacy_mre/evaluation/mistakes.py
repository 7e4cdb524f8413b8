"""Counts of mistakes by kind.

Each wrong prediction is compared with the missed gold, and each missed gold item with the wrong predictions. The kinds
of entities are those of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013, section 4), which extend MUC: a wrong type,
wrong boundaries, both, or no overlap. The kinds of relations show whether the relation itself or an argument is wrong.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from .items import Item, check_texts, entity_items, relation_items

ENTITY_KINDS = ("type", "boundaries", "type and boundaries", "no overlap")
RELATION_KINDS = ("argument type", "label", "direction", "argument offsets", "not related")


class Mistakes(NamedTuple):
    """Counts of correct items, and of mistakes by kind.

    right (int): Predicted and in gold.
    wrong (dict[str, int]): Predicted but not in gold.
    missed (dict[str, int]): In gold but not predicted.
    """

    right: int
    wrong: dict[str, int]
    missed: dict[str, int]


def find_mistakes(
    examples: Iterable[Example], *, spans_key: str = DEFAULT_KEY, symmetric: Sequence[str] = ()
) -> dict[str, Mistakes]:
    """Count mistakes by kind. "Other side" is the missed gold for predictions, and the wrong predictions for gold.

    The kinds of entities, of which the first that fits is counted: "type": the other side has the same offsets with
    another type. "boundaries": it has an overlapping entity of the same type. "type and boundaries": it has an
    overlapping entity of another type. "no overlap": none of these.

    The kinds of relations: "argument type": the other side has the same relation with other entity types. "label": it
    has another label between the same arguments. "direction": it has the same relation in the other direction.
    "argument offsets": an argument is not an entity there. "not related": both arguments are entities there.

    examples (Iterable[Example]): Gold and predictions.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels without direction.
    RETURNS (dict[str, Mistakes]): "entities" and "relations", if there are gold and predictions for them.
    RAISES (ValueError): If gold and prediction have different texts.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> example = Example.from_dict(nlp("Old Lima"), {"entities": [(0, 8, "place")]})
    >>> example.predicted.ents = [example.predicted.char_span(4, 8, label="place")]
    >>> find_mistakes([example])["entities"].wrong
    {'type': 0, 'boundaries': 1, 'type and boundaries': 0, 'no overlap': 0}
    """
    examples = list(examples)
    if all(get_entities(eg.predicted, spans_key) is None for eg in examples):
        return {}
    predicts_relations = any(get_relations(eg.predicted) is not None for eg in examples)
    found: dict[str, Mistakes] = {}
    for eg in examples:
        gold_entities = get_entities(eg.reference, spans_key)
        if gold_entities is None:
            continue
        check_texts(eg)
        gold = set(entity_items(eg.reference, gold_entities))
        predicted = set(entity_items(eg.predicted, get_entities(eg.predicted, spans_key) or ()))
        wrong = [_entity_kind(item, gold - predicted) for item in predicted - gold]
        missed = [_entity_kind(item, predicted - gold) for item in gold - predicted]
        counts = found.setdefault("entities", _no_mistakes(ENTITY_KINDS))
        found["entities"] = _add(counts, len(gold & predicted), wrong, missed)
        if not predicts_relations or get_relations(eg.reference) is None:
            continue
        gold_offsets, predicted_offsets = {entity[:2] for entity in gold}, {entity[:2] for entity in predicted}
        gold = set(relation_items(eg.reference, symmetric))
        predicted = set(relation_items(eg.predicted, symmetric))
        wrong = [_relation_kind(item, gold - predicted, gold_offsets) for item in predicted - gold]
        missed = [_relation_kind(item, predicted - gold, predicted_offsets) for item in gold - predicted]
        counts = found.setdefault("relations", _no_mistakes(RELATION_KINDS))
        found["relations"] = _add(counts, len(gold & predicted), wrong, missed)
    return found


def mistakes_tables(found: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Make a table of the mistakes of entities and one of those of relations.

    found (Mapping[str, Mapping[str, Any]]): "mistakes" in the result of `evaluate`.
    RETURNS (list[Table]): For `rich.print`. Each kind with its count and share of all predictions and of all gold.
    """
    tables = []
    for name, counts in found.items():
        mistakes = Mistakes(**counts)
        table = Table("", "predicted", "%", "gold", "%", title=f"Mistakes: {name}", title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        predicted = {"right": mistakes.right, **mistakes.wrong}
        gold = {"right": mistakes.right, **mistakes.missed}
        for kind in predicted:
            table.add_row(kind, *_count_and_share(predicted, kind), *_count_and_share(gold, kind))
        tables.append(table)
    return tables


def _count_and_share(counts: Mapping[str, int], kind: str) -> tuple[str, str]:
    total = sum(counts.values())
    return f"{counts[kind]:,}", f"{100 * counts[kind] / total:.1f}" if total else "-"


def _no_mistakes(kinds: Sequence[str]) -> Mistakes:
    return Mistakes(0, dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0))


def _add(mistakes: Mistakes, right: int, wrong: Iterable[str], missed: Iterable[str]) -> Mistakes:
    for kind in wrong:
        mistakes.wrong[kind] += 1
    for kind in missed:
        mistakes.missed[kind] += 1
    return mistakes._replace(right=mistakes.right + right)


def _entity_kind(item: Item, others: set[Item]) -> str:
    start, end, label = item
    if any(other[:2] == (start, end) for other in others):
        return "type"
    overlapping = {other[2] for other in others if other[0] < end and start < other[1]}
    if not overlapping:
        return "no overlap"
    return "boundaries" if label in overlapping else "type and boundaries"


def _relation_kind(item: Item, others: set[Item], entities: Collection[tuple[Any, ...]]) -> str:
    head, tail, label = item[0][:2], item[1][:2], item[2]
    same_arguments = {other[2] for other in others if (other[0][:2], other[1][:2]) == (head, tail)}
    if same_arguments:
        return "argument type" if label in same_arguments else "label"
    if any((other[0][:2], other[1][:2], other[2]) == (tail, head, label) for other in others):
        return "direction"
    return "not related" if head in entities and tail in entities else "argument offsets"
