"""Entities and relations with character offsets, and the order in which they are written."""

from dataclasses import dataclass
from typing import NamedTuple

from ....annotations.entities import Offsets

Order = tuple[int, int]


class AnchoredEntity(NamedTuple):
    """An entity with character offsets, end exclusive.

    item (int): Its index in the analysis.
    ambiguous (bool): Whether its string has another position that is as possible.
    """

    start: int
    end: int
    label: str
    item: int
    ambiguous: bool

    @property
    def string_offsets(self) -> tuple[Offsets, ...]:
        """RETURNS (tuple[tuple[int, int], ...]): The offsets of the entity."""
        return ((self.start, self.end),)


class AnchoredRelation(NamedTuple):
    """A relation with the character offsets of head and tail.

    item (int): Its index in the analysis.
    ambiguous (bool): Whether one of its strings occurs more than once.
    """

    head: Offsets
    label: str
    tail: Offsets
    item: int
    ambiguous: bool

    @property
    def string_offsets(self) -> tuple[Offsets, ...]:
        """RETURNS (tuple[tuple[int, int], ...]): The offsets of head and tail."""
        return self.head, self.tail


@dataclass(frozen=True)
class Anchored:
    """An analysis with offsets.

    label (Optional[str]): The text label.
    entities (tuple[AnchoredEntity, ...]): The entities that were found, in the order of the analysis.
    relations (tuple[AnchoredRelation, ...]): The relations of which head and tail were found, in the order of the
        analysis.
    dropped (tuple[tuple[int, str], ...]): The index of each item that was not found, and the reason.
    """

    label: str | None
    entities: tuple[AnchoredEntity, ...]
    relations: tuple[AnchoredRelation, ...]
    dropped: tuple[tuple[int, str], ...]


def order_of_offsets(offsets: Offsets) -> Order:
    """RETURNS (tuple[int, int]): A sort key: by the end, the shorter first."""
    return offsets[1], -offsets[0]


def order_of_entity(offsets: Offsets, label: str) -> tuple[Order, str]:
    """RETURNS (tuple[tuple[int, int], str]): The sort key of entities in a string."""
    return order_of_offsets(offsets), label


def order_of_relation(head: Offsets, tail: Offsets, label: str) -> tuple[Order, Order, Order, str]:
    """RETURNS (tuple): The sort key of relations in a string: by the later argument, then by the earlier one."""
    arguments = order_of_offsets(head), order_of_offsets(tail)
    return max(arguments), min(arguments), arguments[0], label
