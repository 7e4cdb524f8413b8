"""The form that all readers convert to and all writers convert from: one annotated text with character offsets."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Errors

# Character offsets in a text: first character, last character + 1.
CharOffsets = tuple[int, int]


class CorpusError(ValueError):
    """Malformed input. The message contains the file, the line and the reason.

    path (Path): The file.
    line (int): The line, counted from 1; 0 if the error has no line.
    reason (str): What is wrong, and what was expected.
    """

    def __init__(self, path: Path, line: int, reason: str) -> None:
        if line:
            super().__init__(Errors.M201.format(path=path, line=line, reason=reason))
        else:
            super().__init__(Errors.M202.format(path=path, reason=reason))


@dataclass(frozen=True)
class EntityRecord:
    """An entity in a text.

    start (int): The first character.
    end (int): The last character + 1.
    label (str): The entity label.
    score (float): How sure a pipeline is; 1.0 if a person annotated it.
    """

    start: int
    end: int
    label: str
    score: float = field(default=1.0, compare=False)


@dataclass(frozen=True)
class RelationRecord:
    """A directed relation between two entities.

    head (int): The head, as an index of `Record.entities`.
    tail (int): The tail, as an index of `Record.entities`.
    label (str): The relation label.
    score (float): How sure a pipeline is; 1.0 if a person annotated it.
    """

    head: int
    tail: int
    label: str
    score: float = field(default=1.0, compare=False)


@dataclass
class Record:
    """One annotated text. Entities, relations and text labels are None if the source does not annotate them, and empty
    if it states that there are none.

    text (str): The text.
    id (str): Identifies the text within its corpus.
    entities (list[EntityRecord] | None): The entities; nested and overlapping ones are allowed.
    relations (list[RelationRecord] | None): The relations.
    cats (dict[str, float] | None): The text labels with values between 0 and 1, as in `doc.cats`.
    tokens (list[tuple[int, int]] | None): The character offsets of the source's tokens; None if the source is not
        tokenized.
    group (str): The dialogue, article or the like that the text belongs to. A split keeps groups together,
        unless it is by numbers.
    meta (dict[str, Any]): What the source stores with the text, such as its author. Values of JSON.
    origin (str): Where the record was read, for reports: "file.json, line 3".
    """

    text: str
    id: str = ""
    entities: list[EntityRecord] | None = None
    relations: list[RelationRecord] | None = None
    cats: dict[str, float] | None = None
    tokens: list[CharOffsets] | None = None
    group: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    origin: str = ""
