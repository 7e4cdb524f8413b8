"""Spans of a batch of texts, and ordered pairs of them, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ...annotations.entities import EntitySpan


@dataclass
class Spans:
    """Spans in the flat token matrix of a batch; each array has shape (spans,).

    starts, ends (numpy.ndarray): First row, and the row after the last.
    texts (numpy.ndarray): Which text of the batch.
    labels (numpy.ndarray): The index of the label; -1 for negatives and for labels that the model does not know.
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    texts: numpy.ndarray
    labels: numpy.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, chosen: slice | numpy.ndarray) -> "Spans":
        return Spans(self.starts[chosen], self.ends[chosen], self.texts[chosen], self.labels[chosen])

    @property
    def widths(self) -> numpy.ndarray:
        return self.ends - self.starts

    @classmethod
    def of(cls, mentions: Sequence[Sequence[EntitySpan]], offsets: numpy.ndarray, label_ids: dict[str, int]) -> "Spans":
        """Make spans of mentions that have the token offsets of their own texts.

        mentions (Sequence[Sequence[EntitySpan]]): The mentions of each text.
        offsets (numpy.ndarray): The first row of each text.
        label_ids (dict[str, int]): The index of each label.
        RETURNS (Spans): The spans in the flat token matrix.
        """
        counts = [len(text_mentions) for text_mentions in mentions]
        texts = numpy.repeat(numpy.arange(len(mentions)), counts)
        flat = [mention for text_mentions in mentions for mention in text_mentions]
        first = offsets[texts] if len(texts) else numpy.zeros(0, dtype=numpy.int64)
        starts = numpy.array([mention.start for mention in flat], dtype=numpy.int64) + first
        ends = numpy.array([mention.end for mention in flat], dtype=numpy.int64) + first
        labels = numpy.array([label_ids.get(mention.label, -1) for mention in flat], dtype=numpy.int64)
        return cls(starts, ends, texts, labels)


@dataclass
class Pairs:
    """Ordered pairs of mentions.

    heads, tails (numpy.ndarray): Indices of the mentions, shape (pairs,).
    """

    heads: numpy.ndarray
    tails: numpy.ndarray

    def __len__(self) -> int:
        return len(self.heads)
