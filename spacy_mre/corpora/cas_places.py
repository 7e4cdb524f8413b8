"""Checks of a CAS that the package `cassis` leaves out: ids, the members of views, and offsets."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from .offsets import INSIDE, UNIT_NAMES, Offsets, Unit
from .reading import Location
from .report import Report


class Ids:
    """The ids of a CAS, and which of them views contain.

    location (Location): The file.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self.known: set[int] = set()
        self.in_view: dict[int, Location] = {}
        self.members: set[int] = set()

    def add(self, id: Any, location: Location, *, needs_view: bool) -> None:
        """Add the id of an annotation, which must be a new one. `needs_view`: it is only read if a view contains it."""
        if type(id) is not int or id < 1:
            raise location.error(f"the id must be a positive integer, not {str(id)[:40]}")
        if id in self.known:
            raise location.error(f"the id {id} is there twice")
        self.known.add(id)
        if needs_view:
            self.in_view[id] = location

    def check(self, id: Any, what: str, location: Location) -> None:
        """Check that a reference is one to an id that exists."""
        if type(id) is not int or id not in self.known:
            raise location.error(f"{what} refers to {str(id)[:40]}, which is not in the file")

    def add_members(self, ids: list[Any], view: str) -> None:
        """Add the members of a view."""
        for id in ids:
            self.check(id, f"the view {view[:40]}", self.location)
            if id in self.members and id in self.in_view:
                raise self.in_view[id].error("the annotation is in several views, or twice in one")
            self.members.add(id)

    def lose_others(self, report: Report) -> None:
        """Count the annotations that are in no view."""
        for id, location in self.in_view.items():
            if id not in self.members:
                report.lose("annotation that is in no view, not read", str(location))


class Places:
    """Checks offsets.

    texts (Mapping[Any, str]): The texts by the ids of their Sofas.
    unit (Unit): What the offsets count.
    """

    def __init__(self, texts: Mapping[Any, str], unit: Unit) -> None:
        self.unit = unit
        self.positions = {id: Offsets(text, unit).positions for id, text in texts.items()}
        self.lengths = {id: [0, *accumulate(1 + (char > "\uffff") for char in text)] for id, text in texts.items()}

    def in_utf16(self, start: Any, end: Any, sofa: Any, location: Location) -> tuple[int, int]:
        """RETURNS (tuple[int, int]): Offsets in UTF-16, as `cassis` expects them.

        RAISES (CorpusError): If they are not in the text, or inside of a character.
        """
        if type(sofa) is not int or sofa not in self.positions:
            raise location.error("the annotation does not refer to a Sofa with a text")
        positions, lengths = self.positions[sofa], self.lengths[sofa]
        if type(start) is not int or type(end) is not int or not 0 <= start <= end < len(positions):
            raise location.error(
                f"the annotation goes from {str(start)[:40]} to {str(end)[:40]}, expected integers from 0 to "
                f"{len(positions) - 1}"
            )
        if INSIDE in (positions[start], positions[end]):
            raise location.error(
                f"the annotation goes from {start} to {end} in {UNIT_NAMES[self.unit]}, which is inside of a character"
            )
        return lengths[positions[start]], lengths[positions[end]]
