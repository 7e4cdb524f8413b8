"""Marks for the wrong or missed ones among the entities and relations of a picture."""

from collections.abc import Collection
from typing import NamedTuple

from ..annotations.entities import EntitySpan
from .bundles import Bundle


class Marking(NamedTuple):
    """Which entities and relations are marked, and how. The others are drawn pale.

    name (str): The CSS class of the marked ones.
    sign (str): Written before their labels.
    entities (Collection[tuple[int, int, str]]): Start, end and label of each marked entity, in tokens.
    relations (Collection[tuple[int, int, int, int, str]]): Start and end of the head, those of the tail, and the label
        of each marked relation.
    """

    name: str
    sign: str
    entities: Collection[tuple[int, int, str]] = ()
    relations: Collection[tuple[int, int, int, int, str]] = ()

    def has_entity(self, entity: EntitySpan) -> bool:
        """RETURNS (bool): Whether an entity is marked."""
        return entity[:3] in self.entities

    def has_relation(self, bundle: Bundle, label: str) -> bool:
        """RETURNS (bool): Whether a label of an arc is marked. Symmetric relations are stored in either direction."""
        ends = [(bundle.head, bundle.tail), (bundle.tail, bundle.head)] if bundle.both else [(bundle.head, bundle.tail)]
        return any((*head, *tail, label) in self.relations for head, tail in ends)

    def css(self, marked: bool) -> str:
        """RETURNS (str): The CSS class of what is marked, or is not."""
        return self.name if marked else "pale"

    def sign_for(self, marked: bool) -> str:
        """RETURNS (str): What is written before a label."""
        return f"{self.sign} " if marked else ""

    def shifted(self, offset: int) -> "Marking":
        """Make the marking of a part of the document.

        offset (int): The number of tokens to add; negative.
        RETURNS (Marking): The same marks, for a document that begins at another token.
        """
        if not offset:
            return self
        entities = {(start + offset, end + offset, label) for start, end, label in self.entities}
        relations = {
            (head + offset, head_end + offset, tail + offset, tail_end + offset, label)
            for head, head_end, tail, tail_end, label in self.relations
        }
        return self._replace(entities=entities, relations=relations)
