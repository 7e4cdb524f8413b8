"""The prompt of a language model about a text, and its answer."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from math import exp
from typing import TYPE_CHECKING, NamedTuple

from spacy.tokens import Doc

from ...annotations.entities import Offsets
from ...errors import Errors
from .formats import Analysis, Format
from .formats.analysis import Item, with_texts
from .formats.anchored import Anchored
from .formats.anchoring import anchor
from .formats.from_docs import token_boundaries

if TYPE_CHECKING:  # torch and transformers are loaded only when a model is made
    from .constraint.processors import Constraint
    from .language_model import LanguageModel


class Prompt(NamedTuple):
    """The input of the model for one task of one document.

    question (Question): What is asked.
    text (str): The text, truncated if the model cannot read all of it.
    source (list[int]): The tokens of the source.
    new_tokens (int): The most tokens of the answer.
    boundaries (set[int]): The character offsets of the token boundaries of the Doc.
    """

    question: "Question"
    text: str
    source: list[int]
    new_tokens: int
    boundaries: set[int]


class Answer(NamedTuple):
    """The output of the model for one task of one document.

    text (str): The text of the prompt.
    string (str): The generated string.
    log_probs (list[float]): The log probability of each token, and of the end token if it was generated.
    ends (list[int]): The number of bytes of the string up to the end of each token.
    """

    text: str
    string: str
    log_probs: list[float]
    ends: list[int]

    def probability(self, offsets: Offsets) -> float:
        """The geometric mean of the probabilities of the tokens in a part of the string.

        offsets (tuple[int, int]): The character offsets of the part.
        RETURNS (float): The mean; 0 if no token overlaps the part.
        """
        first, last = self._bytes_before(offsets[0]), self._bytes_before(offsets[1])
        starts = [0, *self.ends]
        overlapping = [
            log_prob for log_prob, start, end in zip(self.log_probs, starts, self.ends) if start < last and end > first
        ]
        return exp(sum(overlapping) / len(overlapping)) if overlapping else 0.0

    def _bytes_before(self, offset: int) -> int:
        return len(self.string[:offset].encode("utf8", "replace"))


class Question:
    """A format whose words are spelled as a tokenizer can write them: in lower case, if it is uncased.

    format (Format): The format, with the words of its template.
    lm (LanguageModel): The model.
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
            roles={role: lm.spell(word) for role, word in task.roles.items()},
        )
        self.format = format.with_task(spelled)
        # The number of tokens around a text, and how often the source repeats the text.
        self.overhead = len(lm.source_ids([self.format.source("")])[0])
        self.copies = len(format.source(" ")) - len(format.source(""))

    @cached_property
    def constraint(self) -> "Constraint":
        """RETURNS (Constraint): Restricts the output to the format."""
        from .constraint.processors import Constraint

        return Constraint(self.format.grammar(), self.lm.table, self.lm.end)

    def check(self) -> None:
        """Make the constraint, to find out whether the tokenizer can write the format. Of a server only the grammar is
        known.

        RAISES (ValueError): If the tokenizer cannot write a label.
        """
        _ = self.format.grammar() if self.lm.is_served else self.constraint

    def sources(self, texts: Iterable[str]) -> list[list[int]]:
        """RETURNS (list[list[int]]): The tokens of the source of each text."""
        return self.lm.source_ids([self.format.source(text) for text in texts])

    def target(self, analysis: Analysis) -> list[int]:
        """RETURNS (list[int]): The tokens of the target."""
        return self.lm.target_ids([self.format.target(analysis)])[0]

    def allowance(self, length: int) -> int:
        """RETURNS (int): The most tokens of an answer to a source of this length, in tokens."""
        return self.lm.allowance(length, (length - self.overhead) // self.copies)

    def truncate(self, doc: Doc, limit: int, name: str) -> tuple[str, list[int]]:
        """The longest beginning of a document that fits, up to a token boundary of the Doc if possible.

        doc (Doc): The document.
        limit (int): The most tokens of a source.
        name (str): The component's name, for the error.
        RETURNS (tuple[str, list[int]]): The beginning, and its source.
        RAISES (ValueError): If the labels leave no room for a text.
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


def with_text_of(answer: Answer, format: Format, analysis: Analysis, anchored: Anchored) -> str:
    """The generated string with the spelling of the text and of the template, where the tokenizer changed them.

    answer (Answer): The answer.
    format (Format): The format, with the words of its template.
    analysis (Analysis): The parsed string.
    anchored (Anchored): The same, with offsets.
    RETURNS (str): The string.
    """
    items = list(analysis.items or ())
    incomplete = {item for item, _ in anchored.dropped}
    for found in anchored.items:
        if found.item not in incomplete:
            texts = [answer.text[slice(*offsets)].strip() for offsets in found.string_offsets]
            items[found.item] = with_texts(items[found.item], texts)
    return format.target(Analysis(analysis.label, tuple(items)))


def within(doc: Doc, analysis: Analysis, length: int) -> Analysis:
    """The part of an analysis that lies in the beginning of its text.

    doc (Doc): The text.
    analysis (Analysis): The analysis.
    length (int): The length of the beginning, in characters.
    RETURNS (Analysis): The text label, and the items that end before; of an event that does not, nothing.
    """
    anchored = anchor(doc.text, analysis, boundaries=token_boundaries(doc))
    kept = {found.item for found in anchored.items if all(end <= length for _, end in found.string_offsets)}
    items: tuple[Item, ...] | None = None
    if analysis.items is not None:
        items = tuple(item for i, item in enumerate(analysis.items) if i in kept)
    return Analysis(analysis.label, items)
