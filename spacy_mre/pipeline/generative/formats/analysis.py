"""The labels of a text without offsets: its text label, and its entities, relations or events as strings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ....annotations.entities import Offsets
from ....errors import Errors


class EntityText(NamedTuple):
    """An entity, or a word with its polarity, as a string."""

    label: str
    text: str


class RelationText(NamedTuple):
    """A relation between two strings."""

    head: str
    label: str
    tail: str


class ArgumentText(NamedTuple):
    """An argument of an event as a string."""

    role: str
    text: str


class EventText(NamedTuple):
    """An event: the string of its trigger, its type, and any number of arguments."""

    label: str
    text: str
    arguments: tuple[ArgumentText, ...] = ()


Item = EntityText | RelationText | EventText


def texts_of(item: Item) -> tuple[str, ...]:
    """RETURNS (tuple[str, ...]): The strings of an item that are copied from the text, in the order in which they are
    written.

    item (Union[EntityText, RelationText, EventText]): The item.
    """
    if isinstance(item, RelationText):
        return item.head, item.tail
    if isinstance(item, EventText):
        return item.text, *(argument.text for argument in item.arguments)
    return (item.text,)


def with_texts(item: Item, texts: Sequence[str]) -> Item:
    """RETURNS (Union[EntityText, RelationText, EventText]): The item with other strings.

    item (Union[EntityText, RelationText, EventText]): The item.
    texts (Sequence[str]): One string for each of `texts_of`.
    """
    if isinstance(item, RelationText):
        return RelationText(texts[0], item.label, texts[1])
    if isinstance(item, EventText):
        arguments = (ArgumentText(old.role, text) for old, text in zip(item.arguments, texts[1:]))
        return EventText(item.label, texts[0], tuple(arguments))
    return EntityText(item.label, texts[0])


def shown(item: Item) -> str:
    """RETURNS (str): An item in one line, for messages.

    item (Union[EntityText, RelationText, EventText]): The item.

    >>> shown(EventText("founding", "founded", (ArgumentText("subject", "Ida"),)))
    'founding founded, subject Ida'
    """
    if isinstance(item, EventText):
        return ", ".join((f"{item.label} {item.text}", *map(" ".join, item.arguments)))
    return " ".join(item)


@dataclass(frozen=True)
class Analysis:
    """The labels of one text. They are those of the pipeline, not the words of a template.

    label (Optional[str]): The text label; None if it is unknown or not part of the task.
    items (Optional[tuple[Union[EntityText, RelationText, EventText], ...]]): The entities, the relations or the events,
        in the order of the text; empty if there are none; None if they are unknown.
    """

    label: str | None = None
    items: tuple[Item, ...] | None = ()


@dataclass(frozen=True)
class Parsed:
    """The result of parsing a string.

    analysis (Analysis): The parts that could be read.
    problems (list[str]): The parts that could not be read, with their positions; empty if the string is in the format.
    label_offsets (Optional[tuple[int, int]]): The character offsets of the text label in the string.
    item_offsets (tuple[tuple[int, int], ...]): The character offsets of each item in the string.
    """

    analysis: Analysis
    problems: list[str]
    label_offsets: Offsets | None = None
    item_offsets: tuple[Offsets, ...] = ()


class FormatError(ValueError):
    """A string that is not in the format.

    string (str): The string.
    position (int): The position of the first character that differs from the format.
    reason (str): What the format requires there.
    """

    def __init__(self, string: str, position: int, reason: str):
        self.string = string
        self.position = position
        self.reason = reason
        shown = string if len(string) <= 80 else f"{string[:80]}..."
        super().__init__(Errors.M901.format(position=position, reason=reason, string=shown))


def can_read(read: Callable[[str], Any], string: str) -> bool:
    """Whether a method of a format accepts a string.

    read (Callable[[str], Any]): For example `read_source`, `find_text` or `parse`.
    string (str): The string.
    RETURNS (bool): Whether it raises no `FormatError`.
    """
    try:
        read(string)
    except FormatError:
        return False
    return True
