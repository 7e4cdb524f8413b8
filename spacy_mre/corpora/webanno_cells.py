"""The cells of WebAnno TSV: annotations of tokens and of their parts, with ids where they are needed."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from ..annotations.white_space import trim_offsets
from .record import CharOffsets, EntityRecord, Record
from .report import Report
from .webanno_values import NOTHING, escape_value

# A token, and the offsets of a part of it, or of the whole token.
Unit = tuple[int, CharOffsets]


class Cells:
    """The annotations of a text by tokens.

    record (Record): The text.
    tokens (list[tuple[int, int]]): Its tokens, which contain all of it but white space.
    report (Report): Counts annotations that cannot be written.
    """

    def __init__(self, record: Record, tokens: list[CharOffsets], report: Report) -> None:
        self.record = record
        self.tokens = tokens
        self.names: dict[Unit, str] = {}
        self.units: dict[int, list[Unit]] = {}
        self.labels: dict[int, str] = {}
        self.parts: dict[int, set[CharOffsets]] = defaultdict(set)
        self.entities: dict[Unit, list[int]] = defaultdict(list)
        self.relations: dict[Unit, list[tuple[str, int, int]]] = defaultdict(list)
        for i, entity in enumerate(record.entities or ()):
            self._add_entity(i, entity, report)
        ambiguous = [
            i
            for i, units in self.units.items()
            if len(units) > 1 or any(len(self.entities[unit]) > 1 for unit in units)
        ]
        self.ids = {i: id for id, i in enumerate(ambiguous, start=1)}
        for relation in record.relations or ():
            if relation.head not in self.units or relation.tail not in self.units:
                report.lose("relation with a lost argument", record.origin, relation.label)
            elif not _is_label(relation.label):
                report.lose("label that is empty or contains NUL", record.origin, repr(relation.label))
            else:
                place = self.units[relation.tail][0]
                self.relations[place].append((escape_value(relation.label), relation.head, relation.tail))

    def name(self, token: int, name: str) -> None:
        """Name a token and its parts: "1-3", "1-3.1" and so on."""
        self.names[token, self.tokens[token]] = name
        for number, part in enumerate(sorted(self.parts[token]), start=1):
            self.names[token, part] = f"{name}.{number}"

    def rows(self, token: int) -> Iterator[tuple[str, CharOffsets, list[str]]]:
        """YIELDS (tuple[str, tuple[int, int], list[str]]): The rows of a token: names, offsets and cells."""
        for offsets in (self.tokens[token], *sorted(self.parts[token])):
            unit = (token, offsets)
            cells = []
            if self.record.entities is not None:
                cells = ["|".join(self.labels[i] + self._id(i) for i in self.entities[unit]) or NOTHING]
            if self.record.relations is not None:
                here = self.relations[unit]
                cells.append("|".join(label for label, _, _ in here) or NOTHING)
                cells.append("|".join(self._reference(head, tail) for _, head, tail in here) or NOTHING)
            yield self.names[unit], offsets, cells

    def _id(self, entity: int) -> str:
        return f"[{self.ids[entity]}]" if entity in self.ids else ""

    def _reference(self, head: int, tail: int) -> str:
        name = self.names[self.units[head][0]]
        ids = self.ids.get(head, 0), self.ids.get(tail, 0)
        return f"{name}[{ids[0]}_{ids[1]}]" if any(ids) else name

    def _add_entity(self, i: int, entity: EntityRecord, report: Report) -> None:
        """Add an entity to the tokens that it overlaps. White space at its ends has no tokens, as a rule."""
        if not _is_label(entity.label):
            report.lose("label that is empty or contains NUL", self.record.origin, repr(entity.label))
            return
        start, end = trim_offsets(self.record.text, entity.start, entity.end)
        if start == end:
            report.lose("entity of white space only", self.record.origin, entity.label)
            return
        if (start, end) != (entity.start, entity.end):
            report.keep("entities trimmed of white space")
        units: list[Unit] = []
        token = max(bisect_right(self.tokens, (start, len(self.record.text))) - 1, 0)
        while token < len(self.tokens) and self.tokens[token][0] < end:
            left, right = self.tokens[token]
            part = (max(left, start), min(right, end))
            if part[0] < part[1]:
                units.append((token, part))
                if part != (left, right):
                    self.parts[token].add(part)
            token += 1
        for unit in units:
            self.entities[unit].append(i)
        self.units[i], self.labels[i] = units, escape_value(entity.label)


def _is_label(label: str) -> bool:
    return bool(label) and "\0" not in label
