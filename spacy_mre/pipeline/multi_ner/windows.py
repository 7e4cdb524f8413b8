"""Overlapping windows of texts that are longer than the encoder."""

from dataclasses import dataclass

import numpy

from ...arrays import expand_ranges


@dataclass
class Windows:
    """Overlapping parts of texts, as ranges of the pieces of a batch.

    starts, ends (numpy.ndarray): First piece, and the piece after the last; shape (windows,).
    owners (numpy.ndarray): The window from which the vector of each piece is taken: the one in which the piece is
        farthest from a boundary; shape (pieces,).
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    owners: numpy.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def sizes(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Pieces per window."""
        return self.ends - self.starts


def cut_windows(counts: numpy.ndarray, room: int, overlap: int) -> Windows:
    """Divide texts into windows.

    counts (numpy.ndarray): Pieces per text, shape (texts,).
    room (int): The most pieces in a window.
    overlap (int): The fewest pieces that two neighbouring windows share; less than `room`.
    RETURNS (Windows): A text without pieces has no window. If a text has several, all are full.
    """
    step = room - overlap
    per_text = numpy.where(counts > room, 1 + -(-(counts - room) // step), (counts > 0).astype(numpy.int64))
    texts = numpy.repeat(numpy.arange(len(counts)), per_text)
    first = (numpy.cumsum(counts) - counts)[texts]
    order = expand_ranges(numpy.zeros_like(per_text), per_text)
    sizes = numpy.minimum(counts[texts], room)
    starts = first + numpy.minimum(order * step, counts[texts] - sizes)
    ends = starts + sizes
    # The pieces that two windows share are divided in the middle ("max context" in BERT's code for SQuAD).
    boundaries = starts.copy()
    inner = numpy.flatnonzero(order > 0)
    boundaries[inner] = (starts[inner] + ends[inner - 1] + 1) // 2
    owners = numpy.searchsorted(boundaries, numpy.arange(int(counts.sum())), side="right") - 1
    return Windows(starts, ends, owners)
