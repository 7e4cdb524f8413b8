"""A text and what a model found in it: what `label` yields, and what `rows.jsonl` contains."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ....annotations.entities import Offsets
from ....corpora.record import Record


class Reason(StrEnum):
    """Why an answer cannot be used, a text is dropped, or an annotation is left out."""

    # Of an answer.
    REFUSED = "refused"
    TRUNCATED = "truncated"
    NO_ANSWER = "no answer"
    BUDGET_SPENT = "budget spent"
    EMPTY = "empty"
    UNPARSABLE = "unparsable"
    # Of a text, besides those of its answers.
    BLANK = "text without words"
    NO_LABEL = "no text label that enough samples have"
    # Of an annotation.
    INVENTED_LABEL = "invented label"
    NOT_IN_TEXT = "not in the text"
    END_LOST = "relation with a lost end"
    DISAGREED = "in too few samples"


class Lost(NamedTuple):
    """Why something is left out, and what."""

    reason: Reason
    detail: str = ""


class FoundEntity(NamedTuple):
    """An entity that a sample has, with character offsets."""

    start: int
    end: int
    label: str


class FoundRelation(NamedTuple):
    """A relation that a sample has, with the character offsets of head and tail."""

    head: Offsets
    label: str
    tail: Offsets


@dataclass
class Sample:
    """One answer to a text.

    reply (str): What the engine answered.
    fault (Optional[Lost]): Why it cannot be used; None if it can.
    label (Optional[str]): The text label; None if it has none of the known ones.
    entities (list[FoundEntity]): The entities that stand in the text.
    relations (list[FoundRelation]): The relations whose ends stand in the text.
    lost (list[Lost]): The annotations that were left out.
    """

    reply: str = ""
    fault: Lost | None = None
    label: str | None = None
    entities: list[FoundEntity] = field(default_factory=list)
    relations: list[FoundRelation] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)


@dataclass
class Labelled:
    """A text with what its samples agree on.

    source (Record): The text.
    record (Optional[Record]): The text with its annotations; the score of each is the share of samples that have it.
        None if the text is dropped.
    samples (list[Sample]): The answers.
    reasons (list[Lost]): Why it is dropped. Empty: it is kept.
    lost (list[Lost]): The annotations of samples that are left out of the record.
    label_share (float): The share of samples that have its text label. Default: 0.
    """

    source: Record
    record: Record | None = None
    samples: list[Sample] = field(default_factory=list)
    reasons: list[Lost] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    label_share: float = 0.0

    @property
    def is_kept(self) -> bool:
        """RETURNS (bool): Whether it is part of the corpus."""
        return self.record is not None
