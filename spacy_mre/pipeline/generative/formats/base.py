"""The common part of all formats: a text label, a lead and the word-level part. Only the delimiters differ."""

from collections.abc import Collection, Sequence
from typing import Any, Self

from ....annotations.entities import Offsets
from ....errors import Errors
from .analysis import Analysis, FormatError, Item, Parsed
from .escaping import escape, unescape
from .export_gbnf import to_gbnf
from .export_lark import to_lark
from .grammar import Grammar
from .items import ItemPart
from .parts import Choice, Literal, Part
from .scanning import Cursor, narrowed, normalized, split
from .task import Task


class StringFormat:
    """Writes and reads strings of the form OPEN CLASS CLOSE LEAD ITEMS. A string has no class if the task has no text
    labels, and no items if it has no word-level labels.

    task (Task): The labels and their words.
    """

    name: str
    open: str = ""
    close: str = ""
    lead: str = ""

    def __init__(self, task: Task):
        self.task = task
        self._items = ItemPart(task)
        self._class_ids = {word: label for label, word in task.classes.items()}
        self._normalized_class_ids = {normalized(word): label for label, word in reversed(task.classes.items())}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """RETURNS (StringFormat): The format that `to_dict` returned."""
        options = {name: value for name, value in data.items() if name not in ("format", "task")}
        return cls(Task.from_dict(data["task"]), **options)

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The format as plain JSON."""
        return {"format": self.name, "task": self.task.to_dict()}

    def with_task(self, task: Task) -> Self:
        """RETURNS (StringFormat): The same format with another task."""
        return self.from_dict({**self.to_dict(), "task": task.to_dict()})

    def source(self, text: str) -> str:
        """Write the source.

        text (str): The text. It is not escaped.
        RETURNS (str): The text with the question.
        """
        raise NotImplementedError

    def read_source(self, source: str) -> str:
        """Find the text in a source.

        source (str): What `source` returned.
        RETURNS (str): The text.
        RAISES (FormatError): If the string is not a source of this task.
        """
        raise NotImplementedError

    def find_text(self, source: str) -> str:
        """Find the text in a source that may have another order or spelling of its parts.

        source (str): A source that this format or another converter wrote.
        RETURNS (str): The text.
        RAISES (FormatError): If the source has no question of this task.
        """
        try:
            return self.read_source(source)
        except FormatError:
            text = self._text_beside_question(source)
            if not text:
                raise
            return text

    def target(self, analysis: Analysis) -> str:
        """Write the target.

        analysis (Analysis): The labels of the text.
        RETURNS (str): The string.
        RAISES (ValueError): If the analysis has no gold for a part of the task, an unknown label, or an item that
            cannot be written.
        """
        return self.class_part(analysis.label) + self.word_part(analysis.items)

    def class_part(self, label: str | None) -> str:
        """Write the first part of a target.

        label (Optional[str]): The text label.
        RETURNS (str): The text label with its delimiters; empty if the task has no text labels.
        RAISES (ValueError): If the label is unknown or None.
        """
        if not self.task.classes:
            return ""
        if label not in self.task.classes:
            raise ValueError(Errors.M907.format(label=label, name=self.task.name, labels=", ".join(self.task.classes)))
        return f"{self.open}{escape(self.task.classes[label])}{self.close}"

    def word_part(self, items: Sequence[Item] | None) -> str:
        """Write the second part of a target.

        items (Optional[Sequence[Union[EntityText, RelationText, EventText]]]): The entities or relations.
        RETURNS (str): The lead and the items; no items if the task has no word-level labels.
        RAISES (ValueError): If an item cannot be written, or `items` is None.
        """
        if not self.task.labels:
            return self.lead
        if items is None:
            raise ValueError(Errors.M909.format(name=self.task.name))
        return self.lead + self._items.write(items)

    def parts(self, string: str) -> tuple[str, str]:
        """Split any string where the text label should end.

        string (str): A target, or the output of a model.
        RETURNS (tuple[str, str]): The text label with its delimiters, and the rest. The first is empty if the end of
            the text label is not marked, or the task has no text labels.
        """
        end = self._class_end(string) if self.task.classes else None
        if end is None:
            return "", string
        return string[: end + len(self.close)], string[end + len(self.close) :]

    def parse(self, string: str, strict: bool = True) -> Parsed:
        """Parse a target.

        string (str): The string.
        strict (bool): Reject a string that `target` cannot return; otherwise its readable parts are parsed. Default:
            True.
        RETURNS (Parsed): The labels and, if not strict, the problems.
        RAISES (FormatError): If the string is not in the format, and `strict` is set.
        """
        try:
            return self._parse_strictly(string)
        except FormatError as err:
            if strict:
                raise
            problem = f"position {err.position}: {err.reason}"
            parsed = self._parse_leniently(string, [problem])
            # A name may contain fullwidth characters: they are delimiters only if something cannot be read without.
            if len(parsed.problems) > 1 or not parsed.analysis.items:
                parsed = max(parsed, self._parse_leniently(narrowed(string), [problem]), key=_size)
            return parsed

    def words(self, string: str) -> tuple[str, list[str], list[str]]:
        """Read the words at the positions of labels in a target, known or not, to find the labels of a file.

        string (str): A target.
        RETURNS (tuple[str, list[str], list[str]]): The word of the text label, which may be empty, the words of the
            entities, relations or events, and those of roles.
        """
        found = []
        for form in dict.fromkeys((string, narrowed(string))):
            end = self._class_end(form)
            class_word = "" if end is None else unescape(form[len(self.open) : end], strict=False).strip()
            found.append((class_word, *self._items.words(form, end or 0)))
        return max(found, key=lambda words: (len(words[1]), bool(words[0])))

    def grammar(self) -> Grammar:
        """RETURNS (Grammar): All strings that `parse` accepts strictly and that copy only from the text."""
        parts: list[Part] = []
        if self.task.classes:
            parts += [Literal(self.open), Choice(map(escape, self.task.classes.values())), Literal(self.close)]
        parts.append(Literal(self.lead))
        if self.task.labels:
            parts += self._items.grammar()
        return Grammar.compile(parts)

    def to_lark(self, text: str, boundaries: Collection[int] | None = None) -> str:
        """Write the grammar for one text in the Lark dialect of llguidance, as vLLM and SGLang take it.

        text (str): The text.
        boundaries (Optional[Collection[int]]): The offsets at which a copy may start and end, such as those of tokens.
            Default: all offsets.
        RETURNS (str): A grammar of the strings that `grammar().accepts` accepts for this text if it does not count.
        RAISES (ValueError): If there is none.
        """
        return to_lark(self.grammar(), text, boundaries)

    def to_gbnf(self, text: str, boundaries: Collection[int] | None = None) -> str:
        """Write the grammar for one text in GBNF, as llama.cpp takes it.

        text (str): The text.
        boundaries (Optional[Collection[int]]): The offsets at which a copy may start and end. Default: all offsets.
        RETURNS (str): A grammar of the strings that `grammar().accepts` accepts for this text if it does not count.
        RAISES (ValueError): If there is none.
        """
        return to_gbnf(self.grammar(), text, boundaries)

    def _class_end(self, string: str, start: int = 0) -> int | None:
        """The end of the text label: the first delimiter that may follow one."""
        segments = split(string, (self.close + self.lead)[0], start)
        return segments[0].end if len(segments) > 1 else None

    def _text_beside_question(self, source: str) -> str:
        """The text of a source in which the question may be at either end; empty if there is no question."""
        raise NotImplementedError

    def _parse_strictly(self, string: str) -> Parsed:
        cursor = Cursor(string)
        label = label_offsets = None
        items: list[Item] = []
        item_offsets: list[Offsets] = []
        if self.task.classes:
            cursor.take(self.open)
            start = cursor.position
            label = cursor.word(self._class_ids, "text label")
            label_offsets = (start, cursor.position)
            cursor.take(self.close)
        cursor.take(self.lead)
        if self.task.labels:
            items, item_offsets = self._items.parse_strictly(cursor)
        cursor.finish()
        return Parsed(Analysis(label, tuple(items)), [], label_offsets, tuple(item_offsets))

    def _parse_leniently(self, string: str, problems: list[str]) -> Parsed:
        """Parse any string: the text label is before the first colon, the items after it."""
        before_items = split(string, ":")[0].text
        label = label_offsets = None
        items: list[Item] = []
        item_offsets: list[Offsets] = []
        if self.task.classes:
            start = len(self.open) if before_items.startswith(self.open) else 0
            end = self._class_end(before_items, start)
            if end is None:
                end = len(before_items.removesuffix(self.lead)) if self.lead else len(before_items)
            word = before_items[start:end]
            label = self._normalized_class_ids.get(normalized(word))
            if label is None:
                problems.append(f"position {start}: '{word}' is no text label")
            else:
                label_offsets = (start, end)
        if self.task.labels:
            items, item_offsets = self._items.parse_leniently(string, len(before_items), problems)
        return Parsed(Analysis(label, tuple(items)), problems, label_offsets, tuple(item_offsets))


def _size(parsed: Parsed) -> tuple[int, int]:
    """How much of a string was read, then how little was not."""
    label, items = parsed.analysis.label, parsed.analysis.items or ()
    return len(items) + (label is not None), -len(parsed.problems)
