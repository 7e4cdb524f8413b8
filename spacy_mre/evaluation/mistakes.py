"""What goes wrong? The mistakes of a pipeline by kind, so that one sees what would help.

What was found wrongly and what was missed is compared with each other, by the places and labels of `scorers`. The kinds of entities are those of
SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013, section 4), which go back to MUC: a wrong type at the right place, wrong borders, both, or neither.
Those of relations tell whether the relation itself is at fault or what stands at its ends.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from .scorers import Item, check_texts, entity_items, relation_items

ENTITY_KINDS = ("type", "borders", "type and borders", "nothing there")
RELATION_KINDS = ("type of an end", "label", "direction", "place of an end", "not related")


class Mistakes(NamedTuple):
    """How many items are right, and how many are not, by kind.

    right (int): Found, and in gold.
    wrong (Dict[str, int]): Found, and not in gold.
    missed (Dict[str, int]): In gold, and not found.
    """

    right: int
    wrong: dict[str, int]
    missed: dict[str, int]


def find_mistakes(
    examples: Iterable[Example], *, spans_key: str = DEFAULT_KEY, symmetric: Sequence[str] = ()
) -> dict[str, Mistakes]:
    """Sort mistakes by kind: what was found wrongly by what was missed near it, and the other way round. The first kind that fits counts.

    Entities: "type", another one at this place; "borders", one of the same type overlaps it; "type and borders", one of another type does; "nothing
    there". Relations, the types of their ends included: "type of an end", label and places are the same; "label", another one between these places;
    "direction", the same label the other way round; "place of an end", no entity of the other side stands there; "not related", both are entities there.

    examples (Iterable[Example]): Gold and predictions.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels whose head and tail may change places.
    RETURNS (Dict[str, Mistakes]): Of "entities" and of "relations", as far as there is gold for them and somebody was asked for them.
    RAISES (ValueError): An example of two different texts.
    """
    examples = list(examples)
    if all(get_entities(eg.predicted, spans_key) is None for eg in examples):
        return {}
    asked_for_relations = any(get_relations(eg.predicted) is not None for eg in examples)
    found: dict[str, Mistakes] = {}
    for eg in examples:
        if get_entities(eg.reference, spans_key) is None:
            continue
        check_texts(eg)
        gold, predicted = (
            set(entity_items(doc, get_entities(doc, spans_key) or ())) for doc in (eg.reference, eg.predicted)
        )
        mistakes = found.setdefault("entities", _none_yet(ENTITY_KINDS))
        wrong = [_kind_of_entity(item, gold - predicted) for item in predicted - gold]
        missed = [_kind_of_entity(item, predicted - gold) for item in gold - predicted]
        found["entities"] = _add(mistakes, len(gold & predicted), wrong, missed)
        if not asked_for_relations or get_relations(eg.reference) is None:
            continue
        gold_places, predicted_places = ({entity[:2] for entity in side} for side in (gold, predicted))
        gold, predicted = (set(relation_items(doc, symmetric)) for doc in (eg.reference, eg.predicted))
        mistakes = found.setdefault("relations", _none_yet(RELATION_KINDS))
        wrong = [_kind_of_relation(item, gold - predicted, gold_places) for item in predicted - gold]
        missed = [_kind_of_relation(item, predicted - gold, predicted_places) for item in gold - predicted]
        found["relations"] = _add(mistakes, len(gold & predicted), wrong, missed)
    return found


def mistakes_tables(found: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """How many of each kind, and their share of all that was found and of all that is in gold; a table for entities and one for relations.

    found (Mapping[str, Mapping[str, Any]]): What `find_mistakes` returned, as dicts: the "mistakes" of `evaluate`.
    RETURNS (List[Table]): For `rich.print`.
    """
    tables = []
    for name, counts in found.items():
        mistakes = Mistakes(**counts)
        table = Table("", "found", "%", "in gold", "%", title=f"Mistakes: {name}", title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        sides = [{"right": mistakes.right, **side} for side in (mistakes.wrong, mistakes.missed)]
        for kind in sides[0]:
            counts = [(side[kind], sum(side.values())) for side in sides]
            table.add_row(
                kind,
                *(
                    cell
                    for count, total in counts
                    for cell in (f"{count:,}", f"{100 * count / total:.1f}" if total else "-")
                ),
            )
        tables.append(table)
    return tables


def _none_yet(kinds: Sequence[str]) -> Mistakes:
    return Mistakes(0, dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0))


def _add(mistakes: Mistakes, right: int, wrong: Iterable[str], missed: Iterable[str]) -> Mistakes:
    for kinds, counts in ((wrong, mistakes.wrong), (missed, mistakes.missed)):
        for kind in kinds:
            counts[kind] += 1
    return mistakes._replace(right=mistakes.right + right)


def _kind_of_entity(item: Item, others: set[Item]) -> str:
    start, end, label = item
    if any(other[:2] == (start, end) for other in others):
        return "type"
    overlapping = {other[2] for other in others if other[0] < end and start < other[1]}
    return "borders" if label in overlapping else "type and borders" if overlapping else "nothing there"


def _kind_of_relation(item: Item, others: set[Item], places: Collection[tuple[Any, ...]]) -> str:
    ends, label = (item[0][:2], item[1][:2]), item[2]
    same_ends = {other[2] for other in others if (other[0][:2], other[1][:2]) == ends}
    if same_ends:
        return "type of an end" if label in same_ends else "label"
    if any((other[1][:2], other[0][:2], other[2]) == (*ends, label) for other in others):
        return "direction"
    return "not related" if all(end in places for end in ends) else "place of an end"
