"""The labels of a text as strings: its text label, and its entities or relations, which every format writes."""

from dataclasses import dataclass
from typing import NamedTuple

from ....errors import Errors


class EntityText(NamedTuple):
    """A labelled piece of the text: an entity, or a word with its polarity."""

    label: str
    text: str


class RelationText(NamedTuple):
    """A relation or event tuple between two pieces of the text."""

    head: str
    label: str
    tail: str


Item = EntityText | RelationText


@dataclass(frozen=True)
class Analysis:
    """One text's label and its entities or relations, without offsets. The labels are those of the pipeline, not the
    words of a format.

    label (Optional[str]): The text label; None where it is not known or not asked for.
    items (Optional[tuple[Union[EntityText, RelationText], ...]]): The entities or the relations, in the order of the
        text; empty where there are none; None where nothing is known about them.
    """

    label: str | None = None
    items: tuple[Item, ...] | None = ()


@dataclass(frozen=True)
class Parsed:
    """The result of parsing a string.

    analysis (Analysis): What could be read.
    problems (list[str]): What could not, each with its place in the string; empty if the string is of the format.
    label_place (Optional[tuple[int, int]]): The characters of the string that name the text label.
    places (tuple[tuple[int, int], ...]): The characters of the string that hold each item, in step with the items.
    """

    analysis: Analysis
    problems: list[str]
    label_place: tuple[int, int] | None = None
    places: tuple[tuple[int, int], ...] = ()


class FormatError(ValueError):
    """A string that is not in the format.

    string (str): The string.
    position (int): Where it differs from the format, in characters.
    reason (str): What was expected there.
    """

    def __init__(self, string: str, position: int, reason: str):
        self.string = string
        self.position = position
        self.reason = reason
        shown = string if len(string) <= 80 else f"{string[:80]}..."
        super().__init__(Errors.M901.format(position=position, reason=reason, string=shown))
