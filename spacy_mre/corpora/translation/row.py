"""A text and its translation: what `translate` yields, and what `rows.jsonl` contains."""

from dataclasses import dataclass, field
from enum import StrEnum

from ..record import Record


class Reason(StrEnum):
    """Why a row was dropped."""

    REFUSED = "refused"
    TRUNCATED = "truncated"
    NO_ANSWER = "no answer"
    BUDGET_SPENT = "budget spent"
    EMPTY = "empty"
    UNPARSABLE = "unparsable"
    MARKER_LOST = "marker lost"
    MARKER_DOUBLED = "marker doubled"
    MARKER_INVENTED = "marker invented"
    LABEL_CHANGED = "label changed"
    NOT_IN_TEXT = "entity not in the text"
    RELATION_LOST = "relation with a lost end"
    UNTRANSLATED = "untranslated"
    LENGTH_RATIO = "length ratio"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


# How an entity was found: not at all, by its mark, by its string, by a person who corrected the translation.
METHODS = ("", "marker", "string", "edit")


@dataclass
class Translated:
    """A text and its translation.

    source (Record): The text.
    record (Record | None): The translation, with the id, group and meta of the source and the labels of the target;
        None if there is no text that could be read. A dropped row may have one: people correct it.
    reasons (list[Reason]): Why the row is dropped. Empty: it is kept.
    details (list[str]): For each reason, what it is about: the key and text of an entity, for example.
    methods (list[str]): How each entity of the source was found in the translation: one of `METHODS`. The entities of
        the translation are those that were found, in the order of the source.
    reply (str): What the engine answered.
    """

    source: Record
    record: Record | None = None
    reasons: list[Reason] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    reply: str = ""

    @property
    def is_kept(self) -> bool:
        """RETURNS (bool): Whether it passed all checks."""
        return not self.reasons

    def drop(self, reason: Reason, detail: str = "") -> None:
        """Note why the row is dropped."""
        self.reasons.append(reason)
        self.details.append(detail)
