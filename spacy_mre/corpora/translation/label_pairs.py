"""Which label of the source became which label of the target, read off the rows: `rows.jsonl` has no label table."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator

from ..record import EntityRecord, RelationRecord
from .label_table import KINDS, LabelTable
from .row import Translated


class LabelPairs:
    """Counts the pairs of labels of all annotations that were found in their translation."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, Counter[str]]] = {kind: {} for kind in KINDS}

    def add(self, row: Translated) -> None:
        """Count the pairs of a row.

        row (Translated): The row; without a translation, it has none.
        """
        for entity, found in entity_pairs(row):
            self._count("entities", entity.label, found.label)
        for relation, kept in _relation_pairs(row):
            self._count("relations", relation.label, kept.label)
        cats, target = row.source.cats or {}, (row.record and row.record.cats) or {}
        # Fewer labels in the target: two became one, and their places do not tell which.
        if len(cats) == len(target):
            for label, translated in zip(cats, target):
                self._count("cats", label, translated)

    def table(self) -> LabelTable:
        """RETURNS (LabelTable): For each label that was found, the most frequent target label."""
        entities, relations, cats = (
            {label: found.most_common(1)[0][0] for label, found in self.counts[kind].items()} for kind in KINDS
        )
        return LabelTable(entities, relations, cats, words=entities)

    def _count(self, kind: str, label: str, target: str) -> None:
        self.counts[kind].setdefault(label, Counter())[target] += 1


def find_table(rows: Iterable[Translated]) -> LabelTable:
    """Read the labels off translated rows.

    rows (Iterable[Translated]): The rows.
    RETURNS (LabelTable): Its labels are those that were found in a translation at least once.
    """
    pairs = LabelPairs()
    for row in rows:
        pairs.add(row)
    return pairs.table()


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


def find_between(relations: Iterable[RelationRecord], found: Container[int]) -> list[RelationRecord]:
    """RETURNS (list[RelationRecord]): The relations both of whose ends were found."""
    return [relation for relation in relations if relation.head in found and relation.tail in found]


def _relation_pairs(row: Translated) -> Iterator[tuple[RelationRecord, RelationRecord]]:
    relations = find_between(row.source.relations or (), found_indices(row))
    translated = (row.record and row.record.relations) or ()
    # A file that a person has changed may have other relations.
    if len(relations) == len(translated):
        yield from zip(relations, translated)
