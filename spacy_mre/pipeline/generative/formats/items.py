"""The word-level part of a string, which SLG and OIELLM have in common.

    entities    :TYPE;NAME:TYPE;NAME                    none   :NONE;
    relations   :HEAD;LABEL;TAIL                        none   ;NONE;
    events      :TYPE;TRIGGER;ROLE;ARGUMENT             none   :NONE;

Types, names and tuples are published (arXiv 2307.10291, arXiv 2407.10953). The marker for no relations is our choice:
after a colon it could be the beginning of a head.
"""

from collections.abc import Iterable, Sequence
from typing import NoReturn

from ....annotations.entities import Offsets
from ....errors import Errors
from .analysis import EntityText, EventText, Item, RelationText, shown, texts_of
from .escaping import MAX_WORD, escape, is_free_word
from .events import argument_words, event_grammar, parse_arguments, read_arguments, write_arguments
from .parts import Choice, Copy, Either, FreeWord, Literal, Part, Repeat
from .scanning import NONE_WORDS, Cursor, Segment, join, normalized, plain, split
from .task import Task


class ItemPart:
    """Writes and reads the entities, the relations or the events of a task.

    task (Task): The task.
    """

    def __init__(self, task: Task):
        self.task = task
        self.has_relations = task.word_level == "relations"
        self.has_events = task.word_level == "events"
        self.none = f";{escape(task.none_word)};" if self.has_relations else f":{escape(task.none_word)};"
        self.ids = {word: label for label, word in task.labels.items()}
        self.normalized_ids = {normalized(word): label for label, word in reversed(task.labels.items())}
        self.role_ids = {word: role for role, word in task.roles.items()}
        self.normalized_role_ids = {normalized(word): role for role, word in reversed(task.roles.items())}

    def options(self) -> str:
        """RETURNS (str): The list of labels in a source; without labels if they are open."""
        known = () if self.task.open_labels else self.task.labels.values()
        return "".join(f":{escape(word)};" for word in (*known, *self.task.roles.values())) + self.none

    def write(self, items: Iterable[Item]) -> str:
        """Write items.

        items (Iterable[Union[EntityText, RelationText, EventText]]): The items.
        RETURNS (str): The string.
        RAISES (ValueError): If an item is not of the task's word level, has an unknown label, or has a text that is
            empty or has white space at its ends.
        """
        return "".join(map(self._write_item, items)) or self.none

    def parse_strictly(self, cursor: Cursor) -> tuple[list[Item], list[Offsets]]:
        """Parse all items up to the end of the string.

        cursor (Cursor): At the start of the items.
        RETURNS (tuple[list[Item], list[tuple[int, int]]]): The items and their offsets.
        RAISES (FormatError): If `write` cannot have written the string.
        """
        items: list[Item] = []
        offsets: list[Offsets] = []
        if cursor.string[cursor.position :] == self.none:
            cursor.take(self.none)
            return items, offsets
        while not items or not cursor.at_end:
            start = cursor.position
            cursor.take(":")
            items.append(self._parse_item(cursor))
            offsets.append((start, cursor.position))
        return items, offsets

    def parse_leniently(self, string: str, start: int, problems: list[str]) -> tuple[list[Item], list[Offsets]]:
        """Parse the items that can be read.

        string (str): The whole string.
        start (int): The start of the items.
        problems (list[str]): The parts that cannot be read are appended.
        RETURNS (tuple[list[Item], list[tuple[int, int]]]): The items and their offsets.
        """
        items: list[Item] = []
        offsets: list[Offsets] = []
        for fields in self._groups(string, start):
            first, last = fields[0].start, fields[-1].end
            if normalized(string[first - 1 : last]) == normalized(self.none) or self._is_none(fields):
                continue
            item = self._read_item(string, fields)
            if item is None:
                expected = "a head, a known label and a tail" if self.has_relations else "a known label and a text"
                problems.append(f"position {first}: '{string[first:last]}' is not {expected}")
            else:
                items.append(item)
                offsets.append((first - 1, last))
        return items, offsets

    def words(self, string: str, start: int) -> tuple[list[str], list[str]]:
        """RETURNS (tuple[list[str], list[str]]): The words at the positions of labels, known or not, and those at the
        positions of roles."""
        label_field, field_count = (1, 3) if self.has_relations else (0, 2)
        groups = [split(string[: item.end], ";", item.start) for item in split(string, ":", start)[1:]]
        groups = [group for group in groups if group[-1].text and len(group) >= field_count]
        if not self.has_events:
            groups = [group for group in groups if len(group) == field_count]
        roles = [word for group in groups for word in argument_words(group)] if self.has_events else []
        return list(filter(None, (plain(group[label_field]) for group in groups))), list(filter(None, roles))

    def grammar(self) -> list[Part]:
        """RETURNS (list[Part]): A grammar of the strings that `parse_strictly` accepts.

        RAISES (ValueError): If labels are open, and one of the known ones is too long or has white space in it that is
            no space.
        """
        label: Part = FreeWord() if self.task.open_labels else Choice(map(escape, self.task.labels.values()))
        for known, word in self.task.labels.items() if self.task.open_labels else ():
            if not is_free_word(word):
                raise ValueError(Errors.M911.format(label=known, name=self.task.name, most=MAX_WORD))
        item: list[Part] = [Literal(":"), label, Literal(";"), Copy()]
        if self.has_events:
            item = event_grammar(label, self.task.roles)
        elif self.has_relations:
            item = [Literal(":"), Copy(), Literal(";"), label, Literal(";"), Copy()]
        return [Either([[Repeat(item)], [Literal(self.none)]])]

    def _write_item(self, item: Item) -> str:
        if not self.task.can_write(item):
            raise ValueError(Errors.M906.format(name=self.task.name, word_level=self.task.word_level, item=shown(item)))
        word = self.task.word_of(item.label)
        if word is None:
            self._refuse(item.label, self.task.labels)
        for text in texts_of(item):
            if not text or text != text.strip():
                raise ValueError(Errors.M908.format(label=item.label, text=text))
        word = escape(word)
        if isinstance(item, RelationText):
            return f":{escape(item.head)};{word};{escape(item.tail)}"
        if isinstance(item, EventText):
            for role, _ in item.arguments:
                if role not in self.task.roles:
                    self._refuse(role, self.task.roles)
            return f":{word};{escape(item.text)}{write_arguments(item, self.task.roles)}"
        return f":{word};{escape(item.text)}"

    def _refuse(self, label: str, known: dict[str, str]) -> NoReturn:
        raise ValueError(Errors.M907.format(label=label, name=self.task.name, labels=", ".join(known)))

    def _parse_item(self, cursor: Cursor) -> Item:
        if self.has_relations:
            return self._parse_relation(cursor)
        label = self._take_label(cursor, "type of an event" if self.has_events else "label of an entity")
        cursor.take(";")
        text = cursor.copied()
        return (
            EventText(label, text, parse_arguments(cursor, self.role_ids))
            if self.has_events
            else EntityText(label, text)
        )

    def _parse_relation(self, cursor: Cursor) -> RelationText:
        head = cursor.copied()
        cursor.take(";")
        label = self._take_label(cursor, "label of a relation")
        cursor.take(";")
        return RelationText(head, label, cursor.copied())

    def _take_label(self, cursor: Cursor, what: str) -> str:
        if self.task.open_labels:
            return cursor.free_word(self.ids, self.task.none_word, what)
        return cursor.word(self.ids, what)

    def _groups(self, string: str, start: int) -> list[list[Segment]]:
        """The fields of each item. If a colon is followed by too few fields, it belongs to the text and was not
        escaped, or the string was truncated after it."""
        groups: list[list[Segment]] = []
        segments = split(string, ":", start)[1:]
        for i, segment in enumerate(segments):
            fields = split(string[: segment.end], ";", segment.start)
            is_complete = len(fields) >= (3 if self.has_relations else 2)
            if groups and not is_complete and not (i + 1 == len(segments) and self._may_be_truncated(fields)):
                last = groups[-1].pop()
                groups[-1] += [join(string, [last, fields[0]]), *fields[1:]]
            else:
                groups.append(fields)
        return groups

    def _is_none(self, fields: Sequence[Segment]) -> bool:
        """Whether this is a marker for no result with another word than this task's."""
        word = normalized(fields[0].text)
        return word in NONE_WORDS - self.normalized_ids.keys() and not any(map(plain, fields[1:]))

    def _may_be_truncated(self, fields: Sequence[Segment]) -> bool:
        """Whether these can be the first fields of an item."""
        first = normalized(fields[0].text)
        return (
            self.has_relations or self.task.open_labels or any(word.startswith(first) for word in self.normalized_ids)
        )

    def _label(self, field: Segment) -> str | None:
        """The label with this word; if there is none, the first one with a word that differs in spelling only. If
        labels are open, other words are labels, too."""
        word = plain(field)
        label = self.ids.get(word, self.normalized_ids.get(normalized(field.text)))
        return word if label is None and self.task.open_labels and self.task.word_of(word) is not None else label

    def _read_item(self, string: str, fields: Sequence[Segment]) -> Item | None:
        if self.has_relations:
            return self._read_relation(string, fields)
        fields = _without_last_delimiter(fields, 2)
        label = self._label(fields[0])
        if self.has_events and label is not None and fields[1:]:
            trigger, arguments = read_arguments(string, fields[1:], self.normalized_role_ids)
            return EventText(label, trigger, arguments) if trigger else None
        text = plain(join(string, fields[1:])) if fields[1:] else ""
        return EntityText(label, text) if label is not None and text else None

    def _read_relation(self, string: str, fields: Sequence[Segment]) -> RelationText | None:
        fields = _without_last_delimiter(fields, 3)
        for middle in range(1, len(fields) - 1):
            label = self._label(fields[middle])
            head, tail = plain(join(string, fields[:middle])), plain(join(string, fields[middle + 1 :]))
            if label is not None and head and tail:
                return RelationText(head, label, tail)
        return None


def _without_last_delimiter(fields: Sequence[Segment], least: int) -> Sequence[Segment]:
    """The fields of an item. A delimiter after it, as after the marker for none, belongs to no name."""
    while len(fields) > least and not plain(fields[-1]):
        fields = fields[:-1]
    return fields
