"""The question that a language model gets about a text, and its answer."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from math import exp
from typing import TYPE_CHECKING, NamedTuple

from spacy.tokens import Doc

from ...errors import Errors
from .formats import Analysis, EntityText, Format, RelationText
from .formats.anchored import Anchored
from .formats.anchoring import anchor

if TYPE_CHECKING:  # torch and transformers are not for every pipeline
    from .constraint.processors import Constraint
    from .language_model import LanguageModel


class Answer(NamedTuple):
    """The model's answer about one document.

    text (str): The text as far as the model has read it.
    string (str): The string.
    log_probs (list[float]): Of each token, and of the end if it came.
    ends (list[int]): How many bytes of the string are written behind each token.
    """

    text: str
    string: str
    log_probs: list[float]
    ends: list[int]

    def probability(self, place: tuple[int, int]) -> float:
        """The geometric mean of the probabilities of those tokens that write a place of the string.

        place (tuple[int, int]): Where it begins and ends, in characters.
        RETURNS (float): 0 for a place that no token writes.
        """
        first, last = (len(self.string[:offset].encode("utf8", "replace")) for offset in place)
        starts = [0, *self.ends]
        own = [
            log_prob for log_prob, start, end in zip(self.log_probs, starts, self.ends) if start < last and end > first
        ]
        return exp(sum(own) / len(own)) if own else 0.0


class Question:
    """A format in the words of a tokenizer: an uncased one, for instance, writes all labels in small letters.

    format (Format): The format, in the words of its template.
    lm (LanguageModel): The model that reads and writes them.
    """

    def __init__(self, format: Format, lm: "LanguageModel"):
        self.lm = lm
        task = format.task
        spelled = replace(
            task,
            task_word=lm.spell(task.task_word),
            prompt_word=lm.spell(task.prompt_word),
            none_word=lm.spell(task.none_word),
            classes={label: lm.spell(word) for label, word in task.classes.items()},
            labels={label: lm.spell(word) for label, word in task.labels.items()},
        )
        self.format = format.with_task(spelled)
        # The tokens around a text, and how often the text occurs between them.
        self.overhead = len(lm.source_ids([self.format.source("")])[0])
        self.copies = len(format.source(" ")) - len(format.source(""))

    @cached_property
    def constraint(self) -> "Constraint":
        """RETURNS (Constraint): What restricts a model to the format."""
        from .constraint.processors import Constraint

        return Constraint(self.format.grammar(), self.lm.table, self.lm.end)

    def check(self) -> None:
        """Make the constraint now.

        RAISES (ValueError): If the tokenizer cannot write a label.
        """
        _ = self.constraint

    def sources(self, texts: Iterable[str]) -> list[list[int]]:
        """RETURNS (list[list[int]]): The tokens that the model reads, for each text."""
        return self.lm.source_ids([self.format.source(text) for text in texts])

    def target(self, analysis: Analysis) -> list[int]:
        """RETURNS (list[int]): The tokens that the model should write."""
        return self.lm.target_ids([self.format.target(analysis)])[0]

    def allowance(self, length: int) -> int:
        """RETURNS (int): The most tokens to write if the source has so many."""
        return self.lm.allowance(length, (length - self.overhead) // self.copies)

    def cut(self, doc: Doc, limit: int, name: str) -> tuple[str, list[int]]:
        """The beginning of a document that fits, up to the end of one of its own tokens if one fits.

        doc (Doc): The document.
        limit (int): The most tokens of a source.
        name (str): The component's name, for errors.
        RETURNS (tuple[str, list[int]]): The beginning, and its source.
        RAISES (ValueError): Labels and prompt words leave no room for a text.
        """
        if self.overhead >= limit:
            raise ValueError(Errors.M940.format(name=name, needed=self.overhead, limit=limit))
        ends = [token.idx + len(token) for token in doc]
        text = doc.text
        (source,) = self.sources([text])
        while len(source) > limit:
            kept = min(int(len(text) * (limit - self.overhead) / (len(source) - self.overhead)), len(text) - 1)
            text = text[: max((end for end in ends if end <= kept), default=kept)]
            (source,) = self.sources([text])
        return text, source


def in_words_of(format: Format, answer: Answer, analysis: Analysis, anchored: Anchored) -> str:
    """The string with the words of the template and the letters of the text, where the tokenizer changed them."""
    text = answer.text
    items = list(analysis.items or ())
    for entity in anchored.entities:
        items[entity.item] = EntityText(entity.label, text[entity.start : entity.end].strip())
    for relation in anchored.relations:
        items[relation.item] = RelationText(
            text[slice(*relation.head)].strip(), relation.label, text[slice(*relation.tail)].strip()
        )
    return format.target(Analysis(analysis.label, tuple(items)))


def within(text: str, analysis: Analysis, length: int) -> Analysis:
    """The part of an analysis that is in the beginning of its text."""
    anchored = anchor(text, analysis)
    kept = {entity.item for entity in anchored.entities if entity.end <= length}
    kept |= {relation.item for relation in anchored.relations if max(relation.head[1], relation.tail[1]) <= length}
    return Analysis(
        analysis.label,
        None if analysis.items is None else tuple(item for i, item in enumerate(analysis.items) if i in kept),
    )
