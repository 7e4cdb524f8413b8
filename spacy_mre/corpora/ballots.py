"""What an annotator votes for: the annotations of a text, in a form in which they can be counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..annotations.text_labels import holding_or_highest
from ..annotations.visible_offsets import VisibleOffsets
from .held_labels import lose_shares
from .record import CharOffsets, Record
from .report import Report

# Start, end and label.
EntityKey = tuple[int, int, str]
# What makes two relations the same: the offsets of head and tail, and the label.
RelationKey = tuple[CharOffsets, CharOffsets, str]


@dataclass
class Ballot:
    """The annotations of a text by one annotator. None is what the annotator has not annotated, and has no
    vote on.

    entities (set[EntityKey] | None): The entities.
    relations (dict[RelationKey, tuple[EntityKey, EntityKey]] | None): The relations, with head and tail.
    cats (set[str] | None): The text labels that hold.
    """

    entities: set[EntityKey] | None
    relations: dict[RelationKey, tuple[EntityKey, EntityKey]] | None
    cats: set[str] | None


def make_ballot(record: Record, text: str, report: Report, *, symmetric: Sequence[str] = ()) -> Ballot:
    """Make the ballot of an annotator. White space at the ends of entities is left out.

    record (Record): The text with the annotations.
    text (str): The same text, perhaps with other white space, to which the offsets shall refer.
    report (Report): Counts what cannot be counted as a vote.
    symmetric (Sequence[str]): Relation labels without direction.
    RETURNS (Ballot): The votes.
    """
    entities = _entities(record, text, report)
    relations: dict[RelationKey, tuple[EntityKey, EntityKey]] = {}
    for relation in record.relations or ():
        head, tail = entities[relation.head], entities[relation.tail]
        if head is None or tail is None:
            report.lose("relation with a lost argument", record.origin, relation.label)
            continue
        first, second = sorted([head[:2], tail[:2]]) if relation.label in symmetric else (head[:2], tail[:2])
        if (first, second, relation.label) in relations:
            report.lose("duplicate relation", record.origin, relation.label)
        relations.setdefault((first, second, relation.label), (head, tail))
    lose_shares(record, report)
    return Ballot(
        None if record.entities is None else {key for key in entities if key is not None},
        None if record.relations is None else relations,
        None if record.cats is None else holding_or_highest(record.cats),
    )


def _entities(record: Record, text: str, report: Report) -> list[EntityKey | None]:
    """The keys of the entities; None for those that have none."""
    keys: list[EntityKey | None] = []
    seen: set[EntityKey] = set()
    given_offsets, offsets = VisibleOffsets(record.text), VisibleOffsets(text)
    for entity in record.entities or ():
        start, end = given_offsets.of(entity.start, entity.end)
        if start == end:
            report.lose("entity of white space only", record.origin, entity.label)
            keys.append(None)
            continue
        key = (*offsets.in_text(start, end), entity.label)
        if key in seen:
            report.lose("duplicate entity", record.origin, entity.label)
        seen.add(key)
        keys.append(key)
    return keys
