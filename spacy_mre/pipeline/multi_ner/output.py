"""What goes into decoding, and what comes out of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from spacy.tokens import Doc

from ...annotations.entities import EntitySpan
from ..spans.spans import Spans


@dataclass
class MultiNEROptions:
    """How a batch is decoded, from the component's settings at prediction time.

    questions (list[Doc]): The question of each label.
    """

    questions: list[Doc]
    boundary_threshold: float
    span_threshold: float
    overlap: str
    one_type_per_span: bool
    ends_per_start: int


@dataclass
class MultiNEROutput:
    """The entities of a batch, as host arrays.

    spans (Spans): Token offsets within their own texts; labels are indices of the questions.
    scores (numpy.ndarray): Shape (spans,).
    left_out (int): Pairs of a start and an end that were not scored.
    cut (numpy.ndarray): Tokens without wordpieces, per text.
    """

    spans: Spans
    scores: numpy.ndarray
    left_out: int
    cut: numpy.ndarray

    @classmethod
    def empty(cls, texts: int) -> "MultiNEROutput":
        """The output for texts without tokens.

        texts (int): How many texts there are.
        RETURNS (MultiNEROutput): No entities.
        """
        none = numpy.zeros(0, dtype=numpy.int64)
        return cls(Spans(none, none, none, none), numpy.zeros(0), 0, numpy.zeros(texts, dtype=numpy.int64))

    @classmethod
    def concatenate(cls, outputs: Sequence["MultiNEROutput"]) -> "MultiNEROutput":
        """The output for several portions of a batch.

        outputs (Sequence[MultiNEROutput]): At least one.
        RETURNS (MultiNEROutput): All entities.
        """
        first_texts = numpy.cumsum([0, *(len(output.cut) for output in outputs)])
        spans = Spans(
            numpy.concatenate([output.spans.starts for output in outputs]),
            numpy.concatenate([output.spans.ends for output in outputs]),
            numpy.concatenate([output.spans.texts + first for output, first in zip(outputs, first_texts)]),
            numpy.concatenate([output.spans.labels for output in outputs]),
        )
        scores = numpy.concatenate([output.scores for output in outputs])
        cut = numpy.concatenate([output.cut for output in outputs])
        return cls(spans, scores, sum(output.left_out for output in outputs), cut)

    def by_text(self, labels: Sequence[str]) -> list[list[EntitySpan]]:
        """The entities of each text, as plain Python objects, for `set_entities`.

        labels (Sequence[str]): The labels.
        RETURNS (list[list[EntitySpan]]): In no particular order.
        """
        entities: list[list[EntitySpan]] = [[] for _ in self.cut]
        columns = (self.spans.texts, self.spans.starts, self.spans.ends, self.spans.labels, self.scores)
        for text, start, end, label, score in zip(*(column.tolist() for column in columns)):
            entities[text].append(EntitySpan(start, end, labels[label], score))
        return entities
