"""What all formats share: a class, a lead and the word-level part, one after the other. Only the delimiters differ."""

from collections.abc import Sequence
from typing import Any, Self

from ....errors import Errors
from .analysis import Analysis, FormatError, Item, Parsed
from .escaping import escape, unescape
from .grammar import Choice, Grammar, Literal, Part
from .items import ItemPart
from .scanning import Cursor, cut, loosely
from .task import Task


class StringFormat:
    """Writes and reads strings of the form OPEN CLASS CLOSE LEAD ITEMS. A task without text labels has no class, one
    without word-level labels no items.

    task (Task): What is asked for, and in which words.
    """

    name: str
    open: str = ""
    close: str = ""
    lead: str = ""

    def __init__(self, task: Task):
        self.task = task
        self._items = ItemPart(task)
        self._class_ids = {word: label for label, word in task.classes.items()}
        self._loose_class_ids = {loosely(word): label for label, word in reversed(task.classes.items())}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """RETURNS (StringFormat): The format that `to_dict` gave."""
        options = {name: value for name, value in data.items() if name not in ("format", "task")}
        return cls(Task.from_dict(data["task"]), **options)

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The format as plain JSON."""
        return {"format": self.name, "task": self.task.to_dict()}

    def with_task(self, task: Task) -> Self:
        """RETURNS (StringFormat): The same format with another task."""
        return self.from_dict({**self.to_dict(), "task": task.to_dict()})

    def source(self, text: str) -> str:
        """Write what the model reads.

        text (str): The text.
        RETURNS (str): The text with the question. Nothing is escaped in the text.
        """
        raise NotImplementedError

    def read_source(self, source: str) -> str:
        """Take the question away again.

        source (str): What `source` wrote.
        RETURNS (str): The text.
        RAISES (FormatError): A string that `source` cannot have written with this task.
        """
        raise NotImplementedError

    def target(self, analysis: Analysis) -> str:
        """Write what the model is to answer.

        analysis (Analysis): The labels of the text.
        RETURNS (str): The string.
        RAISES (ValueError): An analysis without what the task asks for, with unknown labels, or with items that
            cannot be written.
        """
        return self.class_part(analysis.label) + self.word_part(analysis.items)

    def class_part(self, label: str | None) -> str:
        """Write the first part of a target.

        label (Optional[str]): The text label.
        RETURNS (str): The text label with the signs around it; nothing if no text label is asked for.
        RAISES (ValueError): An unknown label, or None.
        """
        if not self.task.classes:
            return ""
        if label not in self.task.classes:
            raise ValueError(Errors.M907.format(label=label, name=self.task.name, labels=", ".join(self.task.classes)))
        return f"{self.open}{escape(self.task.classes[label])}{self.close}"

    def word_part(self, items: Sequence[Item] | None) -> str:
        """Write the second part of a target.

        items (Optional[Sequence[Union[EntityText, RelationText]]]): The entities or relations.
        RETURNS (str): The lead and the items; no items if none are asked for.
        RAISES (ValueError): Items that cannot be written, or None.
        """
        if not self.task.labels:
            return self.lead
        if items is None:
            raise ValueError(Errors.M909.format(name=self.task.name))
        return self.lead + self._items.write(items)

    def parts(self, string: str) -> tuple[str, str]:
        """Cut any string where the text label should end.

        string (str): A target, or what a model wrote.
        RETURNS (tuple[str, str]): The part of the text label, with its signs, and the rest. Where the end of a text
            label is not marked, or none is asked for, the first is empty.
        """
        end = self._class_end(string) if self.task.classes else None
        if end is None:
            return "", string
        return string[: end + len(self.close)], string[end + len(self.close) :]

    def parse(self, string: str, strict: bool = True) -> Parsed:
        """Read a target.

        string (str): The string.
        strict (bool): Refuse whatever `target` cannot have written; otherwise read what can be read.
        RETURNS (Parsed): The labels and, if not strict, the problems.
        RAISES (FormatError): A string that is not of the format, if `strict`.
        """
        try:
            return self._parse(string)
        except FormatError as err:
            if strict:
                raise
            return self._read(string, [f"position {err.position}: {err.reason}"])

    def words(self, string: str) -> tuple[str, list[str]]:
        """Read the words at the positions of labels in a target, known or not, so that the labels of a file can be
        found out.

        string (str): A target.
        RETURNS (tuple[str, list[str]]): The word of the text label, empty without one; the words of the entities or
            relations.
        """
        end = self._class_end(string)
        first = "" if end is None else unescape(string[len(self.open) : end], strict=False).strip()
        return first, self._items.words(string, end or 0)

    def grammar(self) -> Grammar:
        """RETURNS (Grammar): The strings that `parse` accepts strictly, if what they name occurs in the text."""
        parts: list[Part] = []
        if self.task.classes:
            parts += [Literal(self.open), Choice(map(escape, self.task.classes.values())), Literal(self.close)]
        parts.append(Literal(self.lead))
        if self.task.labels:
            parts += self._items.grammar()
        return Grammar.compile(parts)

    def _class_end(self, string: str, start: int = 0) -> int | None:
        """Where the class should end: at the first sign that follows a class."""
        pieces = cut(string, (self.close + self.lead)[0], start)
        return pieces[0].end if len(pieces) > 1 else None

    def _parse(self, string: str) -> Parsed:
        cursor = Cursor(string)
        label = label_place = None
        items: Sequence[Item] = ()
        places: Sequence[tuple[int, int]] = ()
        if self.task.classes:
            cursor.take(self.open)
            start = cursor.place
            label = cursor.word(self._class_ids, "text label")
            label_place = (start, cursor.place)
            cursor.take(self.close)
        cursor.take(self.lead)
        if self.task.labels:
            items, places = self._items.parse(cursor)
        cursor.finish()
        return Parsed(Analysis(label, tuple(items)), [], label_place, tuple(places))

    def _read(self, string: str, problems: list[str]) -> Parsed:
        """Lenient parsing: the class is before the first colon, if there is one, and the items after it."""
        head = cut(string, ":")[0].text
        label = label_place = None
        items: Sequence[Item] = ()
        places: Sequence[tuple[int, int]] = ()
        if self.task.classes:
            start = len(self.open) if head.startswith(self.open) else 0
            end = self._class_end(head, start)
            if end is None:
                end = len(head.removesuffix(self.lead)) if self.lead else len(head)
            label = self._loose_class_ids.get(loosely(head[start:end]))
            if label is None:
                problems.append(f"position {start}: '{head[start:end]}' is no text label")
            else:
                label_place = (start, end)
        if self.task.labels:
            items, places = self._items.read(string, len(head), problems)
        return Parsed(Analysis(label, tuple(items)), problems, label_place, tuple(places))
