"""Which annotation of the source is which of the translation: those that were found, in the order of the source."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..record import EntityRecord, RelationRecord
from .row import Translated


def found_indices(row: Translated) -> list[int]:
    """RETURNS (list[int]): For each entity of the translation, the index of its entity in the source."""
    return [index for index, method in enumerate(row.methods) if method] if row.record is not None else []


def entity_pairs(row: Translated) -> Iterator[tuple[EntityRecord, EntityRecord]]:
    """YIELDS (tuple[EntityRecord, EntityRecord]): The entities of the source that were found, each with its entity of
    the translation.
    """
    entities = row.source.entities or []
    translated = (row.record and row.record.entities) or ()
    yield from zip((entities[index] for index in found_indices(row)), translated, strict=True)


def find_between(relations: Iterable[RelationRecord], found: Iterable[int]) -> list[RelationRecord]:
    """Keep the relations both of whose ends were found.

    relations (Iterable[RelationRecord]): The relations of the source.
    found (Iterable[int]): The indices of the entities that were found, in order.
    RETURNS (list[RelationRecord]): The relations, between the indices that these entities have in the translation.

    >>> find_between([RelationRecord(0, 2, "in"), RelationRecord(0, 1, "in")], [0, 2])
    [RelationRecord(head=0, tail=1, label='in', score=1.0)]
    """
    numbers = {old: new for new, old in enumerate(found)}
    return [
        replace(relation, head=numbers[relation.head], tail=numbers[relation.tail])
        for relation in relations
        if relation.head in numbers and relation.tail in numbers
    ]
