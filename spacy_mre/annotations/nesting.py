"""Entities that are inside another one."""

from collections.abc import Iterable

from .entities import Offsets


def count_nested(places: Iterable[Offsets]) -> int:
    """Count the entities of a text that are inside another one.

    places (Iterable[tuple[int, int]]): Start and end of each. Of two with the same offsets one is inside the other.
    RETURNS (int): Their number.

    >>> count_nested([(0, 3), (1, 2), (2, 5)])
    1
    """
    nested = reach = 0
    for _, end in sorted(places, key=lambda place: (place[0], -place[1])):
        nested += end <= reach
        reach = max(reach, end)
    return nested
