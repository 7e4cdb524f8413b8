"""Entities, relations and events with character offsets, and the order in which they are written."""

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


class AnchoredArgument(NamedTuple):
    """An argument of an event with character offsets, end exclusive."""

    start: int
    end: int
    role: str

    @property
    def offsets(self) -> Offsets:
        """RETURNS (tuple[int, int]): Start and end."""
        return self.start, self.end


class AnchoredEvent(NamedTuple):
    """An event with the character offsets of its trigger and of its arguments.

    item (int): Its index in the analysis.
    ambiguous (bool): Whether one of its strings occurs more than once.
    """

    start: int
    end: int
    label: str
    arguments: tuple[AnchoredArgument, ...]
    item: int
    ambiguous: bool

    @property
    def string_offsets(self) -> tuple[Offsets, ...]:
        """RETURNS (tuple[tuple[int, int], ...]): The offsets of the trigger, then those of the arguments."""
        return (self.start, self.end), *(argument.offsets for argument in self.arguments)


AnchoredItem = AnchoredEntity | AnchoredRelation | AnchoredEvent


@dataclass(frozen=True)
class Anchored:
    """An analysis with offsets.

    label (Optional[str]): The text label.
    entities (tuple[AnchoredEntity, ...]): The entities that were found, in the order of the analysis.
    relations (tuple[AnchoredRelation, ...]): The relations of which head and tail were found, in the order of the
        analysis.
    dropped (tuple[tuple[int, str], ...]): The index of each item that was not found, and the reason. An event that has
        lost an argument is in it too.
    events (tuple[AnchoredEvent, ...]): The events of which the trigger was found, in the order of the analysis, with
        the arguments that were found.
    """

    label: str | None
    entities: tuple[AnchoredEntity, ...]
    relations: tuple[AnchoredRelation, ...]
    dropped: tuple[tuple[int, str], ...]
    events: tuple[AnchoredEvent, ...] = ()

    @property
    def items(self) -> list[AnchoredItem]:
        """RETURNS (list[Union[AnchoredEntity, AnchoredRelation, AnchoredEvent]]): All that was found."""
        return [*self.entities, *self.relations, *self.events]


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
