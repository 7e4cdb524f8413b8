"""What every converter reads into and writes from: one annotated text with character offsets."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import Errors


class CorpusError(ValueError):
    """Malformed input, with the file, the line and the reason in its message.

    path (Path): The file.
    line (int): The line, counted from 1; 0 if the format has no lines.
    reason (str): What is wrong, and what would be right.
    """

    def __init__(self, path: Path, line: int, reason: str):
        super().__init__(
            Errors.M201.format(path=path, line=line, reason=reason)
            if line
            else Errors.M202.format(path=path, reason=reason)
        )


@dataclass(frozen=True)
class EntityRecord:
    """A labelled stretch of text: character offsets, end exclusive."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class RelationRecord:
    """A labelled, directed link between two entities, given by their places in `Record.entities`."""

    head: int
    tail: int
    label: str


@dataclass
class Record:
    """One annotated text.

    `None` for entities, relations or cats says that the source holds no such annotation; an empty list or dict says there are
    none. `tokens` are the source's own tokens as character offsets, where the source has tokens. `group` names what a split must
    not separate (the dialogue, the article), where the source has such a thing. `origin` is where the record was read
    ("file.json, line 3"), for reports.
    """

    text: str
    id: str = ""
    entities: list[EntityRecord] | None = None
    relations: list[RelationRecord] | None = None
    cats: dict[str, float] | None = None
    tokens: list[tuple[int, int]] | None = None
    group: str = ""
    origin: str = ""
