"""The labels of a text without offsets: its text label, and its entities or relations as strings."""

from dataclasses import dataclass
from typing import NamedTuple

from ....annotations.entities import Offsets
from ....errors import Errors


class EntityText(NamedTuple):
    """An entity, or a word with its polarity, as a string."""

    label: str
    text: str


class RelationText(NamedTuple):
    """A relation, or an event with an argument, between two strings."""

    head: str
    label: str
    tail: str


Item = EntityText | RelationText


@dataclass(frozen=True)
class Analysis:
    """The labels of one text. They are those of the pipeline, not the words of a template.

    label (Optional[str]): The text label; None if it is unknown or not part of the task.
    items (Optional[tuple[Union[EntityText, RelationText], ...]]): The entities or the relations, in the order of the
        text; empty if there are none; None if they are unknown.
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
