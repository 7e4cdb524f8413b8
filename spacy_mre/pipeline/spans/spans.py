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
    labels (numpy.ndarray): The place of the label, -1 for none: negatives, and labels that the model does not know.
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    texts: numpy.ndarray
    labels: numpy.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def widths(self) -> numpy.ndarray:
        return self.ends - self.starts

    @classmethod
    def of(cls, mentions: Sequence[Sequence[EntitySpan]], offsets: numpy.ndarray, label_ids: dict[str, int]) -> "Spans":
        """Spans of mentions in the token offsets of their own texts.

        mentions (Sequence[Sequence[EntitySpan]]): Start, end and label, per text.
        offsets (numpy.ndarray): The first row of each text.
        label_ids (Dict[str, int]): The place of each label.
        """
        counts = [len(of_text) for of_text in mentions]
        texts = numpy.repeat(numpy.arange(len(mentions)), counts)
        flat = [mention for of_text in mentions for mention in of_text]
        first = offsets[texts] if len(texts) else numpy.zeros(0, dtype=numpy.int64)
        starts = numpy.array([mention[0] for mention in flat], dtype=numpy.int64) + first
        ends = numpy.array([mention[1] for mention in flat], dtype=numpy.int64) + first
        labels = numpy.array([label_ids.get(mention[2], -1) for mention in flat], dtype=numpy.int64)
        return cls(starts, ends, texts, labels)


@dataclass
class Pairs:
    """Ordered pairs of mentions; `heads` and `tails` are places in the mentions, shape (pairs,)."""

    heads: numpy.ndarray
    tails: numpy.ndarray

    def __len__(self) -> int:
        return len(self.heads)
