"""The span engine: exact maxima over any span of a batch of texts, without a tensor of spans x tokens.

The tokens of all texts stand in one flat matrix (total tokens x width). A span is two places in it; as spans never cross texts, no padding
and no mask over tokens is needed.
"""

from typing import Iterator, Tuple

import numpy
import torch
from torch import Tensor


def range_max(vectors: Tensor, starts: numpy.ndarray, ends: numpy.ndarray) -> Tensor:
    """The elementwise maximum over each of some ranges of rows: two look-ups a range in a table of maxima over 2^k rows.

    Only one level of the table is alive at a time, so that memory is O(rows x width) without gradients, and O(log(longest) x rows x width) with.

    vectors (Tensor): Rows x width.
    starts (numpy.ndarray): First row of each range, shape (ranges,).
    ends (numpy.ndarray): Row after the last of each range, shape (ranges,). An empty range gives zeros.
    RETURNS (Tensor): Ranges x width.
    """
    lengths = ends - starts
    levels = numpy.full(len(lengths), -1)
    levels[lengths > 0] = numpy.frexp(lengths[lengths > 0])[1] - 1  # floor(log2(length)), exactly
    order = numpy.argsort(levels, kind="stable")
    found = []
    table = vectors
    for level in range(-1, int(levels.max(initial=-1)) + 1):
        at_level = order[levels[order] == level]
        if level < 0:
            found.append(vectors.new_zeros(len(at_level), vectors.shape[1]))
            continue
        if level > 0:
            step = 2 ** (level - 1)
            table = torch.maximum(table[:-step], table[step:])
        if len(at_level):
            first = to_index(starts[at_level], vectors)
            if level == 0:
                found.append(table.index_select(0, first))
            else:
                second = to_index(ends[at_level] - 2**level, vectors)
                found.append(torch.maximum(table.index_select(0, first), table.index_select(0, second)))
    back = numpy.empty_like(order)
    back[order] = numpy.arange(len(order))
    return torch.cat(found).index_select(0, to_index(back, vectors))


def running_max(vectors: Tensor, max_width: int) -> Iterator[Tuple[int, Tensor]]:
    """The maxima over all ranges, width by width: each is the last one joined with one more row.

    vectors (Tensor): Rows x width.
    max_width (int): The widest range.
    YIELDS (Tuple[int, Tensor]): The width w, and (rows - w + 1) x width maxima of the ranges that start at each row. Ranges that cross the
        border of two texts are among them; the caller leaves them out.
    """
    maximum = vectors
    for width in range(1, min(max_width, len(vectors)) + 1):
        if width > 1:
            maximum = torch.maximum(maximum[:-1], vectors[width - 1 :])
        yield width, maximum


def to_index(values: numpy.ndarray, like: Tensor) -> Tensor:
    """Whole numbers as an index tensor on the device of another tensor."""
    return torch.as_tensor(numpy.ascontiguousarray(values, dtype=numpy.int64), device=like.device)
