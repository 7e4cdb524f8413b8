"""The position of entities and relations in a text, and the order in which they are written."""

from dataclasses import dataclass
from typing import NamedTuple

from ....annotations.entities import Offsets

Order = tuple[int, int]


class AnchoredEntity(NamedTuple):
    """A entity with its characters, end exclusive. `item` is its number in the analysis; `ambiguous`: the string
    would fit elsewhere, too."""

    start: int
    end: int
    label: str
    item: int
    ambiguous: bool

    @property
    def places(self) -> tuple[Offsets, ...]:
        """RETURNS (tuple[tuple[int, int], ...]): The one place of an entity."""
        return ((self.start, self.end),)


class AnchoredRelation(NamedTuple):
    """A relation with the characters of both ends. `item` is its number in the analysis; `ambiguous`: one of the
    strings occurs elsewhere too."""

    head: Offsets
    label: str
    tail: Offsets
    item: int
    ambiguous: bool

    @property
    def places(self) -> tuple[Offsets, ...]:
        """RETURNS (tuple[tuple[int, int], ...]): The places of head and tail."""
        return self.head, self.tail


@dataclass(frozen=True)
class Anchored:
    """An analysis with offsets.

    label (Optional[str]): The text label.
    entities (tuple[AnchoredEntity, ...]): The entities that were found, in the order of the analysis.
    relations (tuple[AnchoredRelation, ...]): The relations of which both ends were found, in the order of the analysis.
    dropped (tuple[tuple[int, str], ...]): The number of every other item, and the reason.
    """

    label: str | None
    entities: tuple[AnchoredEntity, ...]
    relations: tuple[AnchoredRelation, ...]
    dropped: tuple[tuple[int, str], ...]


def order_of_place(place: Offsets) -> Order:
    """RETURNS (tuple[int, int]): The sort key of an offset pair: by its end, shorter ones first."""
    return place[1], -place[0]


def order_of_entity(place: Offsets, label: str) -> tuple[Order, str]:
    """RETURNS (tuple[tuple[int, int], str]): What entities are sorted by before they are written."""
    return order_of_place(place), label


def order_of_relation(head: Offsets, tail: Offsets, label: str) -> tuple[Order, Order, Order, str]:
    """RETURNS (Tuple): What relations are sorted by before they are written: by the later end, then the earlier one."""
    ends = order_of_place(head), order_of_place(tail)
    return max(ends), min(ends), ends[0], label
