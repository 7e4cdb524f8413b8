"""How is the word-level part of a string written and read? SLG and OIELLM share it.

    entities   :TYPE;NAME:TYPE;NAME        none   :NONE;
    relations      :HEAD;LABEL;TAIL            none   ;NONE;

Types, names and tuples are published (arXiv 2307.10291, arXiv 2407.10953). The marker of no relations is our choice:
behind a colon it could not be told from a head that begins with the same word.
"""

from collections.abc import Iterable, Sequence

from ....errors import Errors
from .analysis import EntityText, Item, RelationText
from .escaping import escape
from .grammar import Choice, Copy, Either, Literal, Part, Repeat
from .scanning import Cursor, Piece, cut, joined, loosely, plain
from .task import Task

Places = list[tuple[int, int]]


class ItemPart:
    """Writes and reads the entities or the relations of a task.

    task (Task): The task.
    """

    def __init__(self, task: Task):
        self.task = task
        self.has_relations = task.word_level == "relations"
        self.none = f";{escape(task.none_word)};" if self.has_relations else f":{escape(task.none_word)};"
        self.ids = {word: label for label, word in task.labels.items()}
        self.loose_ids = {loosely(word): label for label, word in reversed(task.labels.items())}

    def options(self) -> str:
        """RETURNS (str): The labels as a source lists them."""
        return "".join(f":{escape(word)};" for word in self.task.labels.values()) + self.none

    def write(self, items: Iterable[Item]) -> str:
        """Write items.

        items (Iterable[Union[EntityText, RelationText]]): The items.
        RETURNS (str): The string.
        RAISES (ValueError): An item of the other kind, with an unknown label, or with a text that is empty or has
            white space at its ends.
        """
        return "".join(map(self._written, items)) or self.none

    def parse(self, cursor: Cursor) -> tuple[list[Item], Places]:
        """Read all items up to the end of the string, strictly.

        cursor (Cursor): Stands where the items begin.
        RETURNS (tuple[list[Union[EntityText, RelationText]], list[tuple[int, int]]]): The items and their places.
        RAISES (FormatError): Anything else than `write` can have written.
        """
        items: list[Item] = []
        places: Places = []
        if cursor.string[cursor.place :] == self.none:
            cursor.take(self.none)
            return items, places
        while not items or not cursor.at_end:
            start = cursor.place
            cursor.take(":")
            items.append(self._parse_relation(cursor) if self.has_relations else self._parse_entity(cursor))
            places.append((start, cursor.place))
        return items, places

    def read(self, string: str, start: int, problems: list[str]) -> tuple[list[Item], Places]:
        """Read what can be read of the items, and tell the rest.

        string (str): The whole string.
        start (int): Where the items begin.
        problems (list[str]): What could not be read is added here.
        RETURNS (tuple[list[Union[EntityText, RelationText]], list[tuple[int, int]]]): The items and their places.
        """
        items: list[Item] = []
        places: Places = []
        for fields in self._groups(string, start):
            first, last = fields[0].start, fields[-1].end
            if loosely(string[first - 1 : last]) == loosely(self.none):
                continue
            item = self._read_relation(string, fields) if self.has_relations else self._read_entity(string, fields)
            if item is None:
                expected = "a head, a known label and a tail" if self.has_relations else "a known label and a text"
                problems.append(f"position {first}: '{string[first:last]}' is not {expected}")
            else:
                items.append(item)
                places.append((first - 1, last))
        return items, places

    def words(self, string: str, start: int) -> list[str]:
        """RETURNS (list[str]): The words at the positions of labels, known or not."""
        place, fields = (1, 3) if self.has_relations else (0, 2)
        groups = [cut(string[: piece.end], ";", piece.start) for piece in cut(string, ":", start)[1:]]
        words = [plain(group[place]) for group in groups if len(group) == fields and group[-1].text]
        return [word for word in words if word]

    def grammar(self) -> list[Part]:
        """RETURNS (list[Part]): The parts of a grammar for what `parse` accepts."""
        label = Choice(map(escape, self.task.labels.values()))
        item: list[Part] = [Literal(":"), label, Literal(";"), Copy()]
        if self.has_relations:
            item = [Literal(":"), Copy(), Literal(";"), label, Literal(";"), Copy()]
        return [Either([[Repeat(item)], [Literal(self.none)]])]

    def _written(self, item: Item) -> str:
        if not self.task.holds(item):
            raise ValueError(Errors.M906.format(name=self.task.name, word_level=self.task.word_level, item=tuple(item)))
        if item.label not in self.task.labels:
            raise ValueError(
                Errors.M907.format(label=item.label, name=self.task.name, labels=", ".join(self.task.labels))
            )
        for text in (item.head, item.tail) if isinstance(item, RelationText) else (item.text,):
            if not text or text != text.strip():
                raise ValueError(Errors.M908.format(label=item.label, text=text))
        word = escape(self.task.labels[item.label])
        if isinstance(item, RelationText):
            return f":{escape(item.head)};{word};{escape(item.tail)}"
        return f":{word};{escape(item.text)}"

    def _parse_entity(self, cursor: Cursor) -> EntityText:
        label = cursor.word(self.ids, "label of an entity")
        cursor.take(";")
        return EntityText(label, cursor.copied())

    def _parse_relation(self, cursor: Cursor) -> RelationText:
        head = cursor.copied()
        cursor.take(";")
        label = cursor.word(self.ids, "label of a relation")
        cursor.take(";")
        return RelationText(head, label, cursor.copied())

    def _groups(self, string: str, start: int) -> list[list[Piece]]:
        """The fields of every item. A colon with too few fields after it was not escaped, or
        the string was cut there."""
        groups: list[list[Piece]] = []
        pieces = cut(string, ":", start)[1:]
        for i, piece in enumerate(pieces):
            fields = cut(string[: piece.end], ";", piece.start)
            whole = len(fields) >= (3 if self.has_relations else 2)
            if groups and not whole and not (i + 1 == len(pieces) and self._may_be_cut(fields)):
                last = groups[-1].pop()
                groups[-1] += [joined(string, [last, fields[0]]), *fields[1:]]
            else:
                groups.append(fields)
        return groups

    def _may_be_cut(self, fields: Sequence[Piece]) -> bool:
        """Whether these could be the first fields of an item."""
        return self.has_relations or any(word.startswith(loosely(fields[0].text)) for word in self.loose_ids)

    def _read_entity(self, string: str, fields: Sequence[Piece]) -> EntityText | None:
        label = self.loose_ids.get(loosely(fields[0].text))
        text = plain(joined(string, fields[1:])) if fields[1:] else ""
        return EntityText(label, text) if label is not None and text else None

    def _read_relation(self, string: str, fields: Sequence[Piece]) -> RelationText | None:
        for middle in range(1, len(fields) - 1):
            label = self.loose_ids.get(loosely(fields[middle].text))
            head, tail = plain(joined(string, fields[:middle])), plain(joined(string, fields[middle + 1 :]))
            if label is not None and head and tail:
                return RelationText(head, label, tail)
        return None
