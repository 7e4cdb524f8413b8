"""Relations of brat: those of R lines, equivalences (`*`) and events (E).

An event `E1 Meeting:T2 Who:T1 Who2:T3` has a trigger, the entity T2, and arguments with roles. It becomes relations
from the trigger to each argument, with the role as label; an argument that is an event means its trigger. As in brat, a
number at the end of a role only tells several arguments with this role apart, and is left out.
"""

from collections.abc import Iterator
from itertools import combinations
from string import digits

from .brat_lines import Line
from .record import EntityRecord, RelationRecord
from .report import Report

ARGUMENTS = ("Arg1", "Arg2")


def find_ends(lines: list[Line], entities: dict[str, EntityRecord]) -> dict[str, int]:
    """Find what may be an end of a relation.

    lines (list[Line]): The lines of a file.
    entities (dict[str, EntityRecord]): Its entities, by their identifiers.
    RETURNS (dict[str, int]): The index of each entity that was read, and that of the trigger of each event, by their
        identifiers.
    RAISES (CorpusError): If the trigger of an event is not an entity.
    """
    ends = {name: i for i, name in enumerate(entities)}
    for line in lines:
        if line.kind == "E":
            trigger = line.members[0][1]
            if not trigger.startswith("T"):
                raise line.location.error(f"the trigger of the event {line.id} is {trigger}, expected an entity (T)")
            if trigger in entities:
                ends[line.id] = ends[trigger]
    return ends


def read_relations(
    lines: list[Line], entities: dict[str, EntityRecord], ends: dict[str, int], report: Report
) -> list[tuple[str, RelationRecord]]:
    """Read the relations of a file.

    lines (list[Line]): Its lines.
    entities (dict[str, EntityRecord]): Its entities, by their identifiers.
    ends (dict[str, int]): What may be an end of a relation, from `find_ends`.
    report (Report): Counts relations with a lost end, and what is lost of events.
    RETURNS (list[tuple[str, RelationRecord]]): The identifier of the line, and the relation.
    """
    relations = []
    triggers: set[str] = set()
    for line in lines:
        if line.kind == "E":
            _count_event(line, entities, triggers, report)
        for label, head, tail in _pairs(line, report):
            if head in ends and tail in ends:
                relations.append((line.id, RelationRecord(ends[head], ends[tail], label)))
            else:
                report.lose("relation with a lost argument", str(line.location), line.body)
    return relations


def _pairs(line: Line, report: Report) -> Iterator[tuple[str, str, str]]:
    """The label, the head and the tail of each relation of a line."""
    if line.kind == "E":
        (_, trigger), *arguments = line.members
        for role, name in arguments:
            without_number = role.rstrip(digits) or role
            if without_number != role:
                report.note("number of the role of an event, left out", f"{line.location}: {role}")
            yield without_number, trigger, name
    elif line.kind == "*":
        for (_, head), (_, tail) in combinations(line.members, 2):
            yield line.label, head, tail
    elif line.kind == "R":
        (first, head), (second, tail) = line.members
        if (second, first) == ARGUMENTS:
            head, tail = tail, head
        elif (first, second) not in (ARGUMENTS, ("", "")):
            report.note(f"arguments {first} and {second} of a relation, read as head and tail", str(line.location))
        yield line.label, head, tail


def _count_event(line: Line, entities: dict[str, EntityRecord], triggers: set[str], report: Report) -> None:
    label, trigger = line.members[0]
    report.note("event, read as relations from its trigger", str(line.location))
    if trigger in entities and entities[trigger].label != label:
        report.lose("label of an event that is not that of its trigger", str(line.location), label)
    if trigger in triggers:
        report.lose("event with the trigger of another one (they become one)", str(line.location), line.body)
    triggers.add(trigger)
