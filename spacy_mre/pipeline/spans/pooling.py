"""The span engine: exact maxima over any span of a batch of texts, without a tensor of spans x tokens.

The tokens of all texts are rows of one flat matrix (total tokens x width), and a span is two row numbers. Spans never
cross texts, so no padding and no mask over tokens is needed.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy
import torch
from torch import Tensor, nn


def range_max(vectors: Tensor, starts: numpy.ndarray, ends: numpy.ndarray) -> Tensor:
    """Compute the elementwise maximum over each of some ranges of rows.

    vectors (Tensor): Rows x width.
    starts (numpy.ndarray): First row of each range, shape (ranges,).
    ends (numpy.ndarray): Row after the last of each range, shape (ranges,). An empty range gives zeros.
    RETURNS (Tensor): Ranges x width.
    """
    chunks = list(range_max_in_chunks(vectors, starts, ends, max(len(starts), 1)))
    if not chunks:
        return vectors.new_zeros(0, vectors.shape[1])
    order = numpy.concatenate([indices for indices, _ in chunks])
    maxima = torch.cat([maxima for _, maxima in chunks])
    back = numpy.empty_like(order)
    back[order] = numpy.arange(len(order))
    return maxima.index_select(0, to_index(back, vectors))


def range_max_in_chunks(
    vectors: Tensor, starts: numpy.ndarray, ends: numpy.ndarray, size: int
) -> Iterator[tuple[numpy.ndarray, Tensor]]:
    """Compute the same, some ranges at a time, by two look-ups per range in a table of maxima over 2^k rows.

    Only one level of the table exists at a time, and each level is computed once, so memory is O((rows + size) x
    width) without gradients, and O(log(longest) x rows x width) with gradients.

    vectors (Tensor): Rows x width.
    starts, ends (numpy.ndarray): The ranges, as in `range_max`.
    size (int): The most ranges at a time.
    YIELDS (tuple[numpy.ndarray, Tensor]): Indices of some ranges, and their maxima (ranges x width).
    """
    lengths = ends - starts
    levels = numpy.frexp(lengths)[1] - 1  # floor(log2(length)), exactly; -1 for none
    order = numpy.argsort(levels, kind="stable")
    boundaries = numpy.searchsorted(levels[order], numpy.arange(-1, int(levels.max(initial=-1)) + 2))
    table = vectors
    for level, (begin, end) in enumerate(pairwise(boundaries), start=-1):
        if level > 0:
            step = 2 ** (level - 1)
            table = torch.maximum(table[:-step], table[step:])
        for first in range(begin, end, size):
            chunk = order[first : min(first + size, end)]
            if level < 0:
                maxima = vectors.new_zeros(len(chunk), vectors.shape[1])
            else:
                maxima = table.index_select(0, to_index(starts[chunk], vectors))
                if level > 0:
                    maxima = torch.maximum(maxima, table.index_select(0, to_index(ends[chunk] - 2**level, vectors)))
            yield chunk, maxima


def all_maxima(vectors: Tensor, begin: int, size: int, max_width: int) -> Tensor:
    """The maxima over all ranges that start at some of the rows, width by width: each is the last one joined with one
    more row. Without gradients.

    vectors (Tensor): Rows x width.
    begin (int): The first start.
    size (int): How many starts, at most; fewer where the rows end.
    max_width (int): The widest range.
    RETURNS (Tensor): max_width x starts x width. Ranges that cross the boundary of two texts, or the last row, are
        among them (the latter are as if zeros followed); the caller leaves them out.
    """
    rows = vectors[begin : begin + size + max_width - 1]
    size = min(size, len(vectors) - begin)
    missing = size + max_width - 1 - len(rows)
    if missing:
        rows = nn.functional.pad(rows, (0, 0, 0, missing))
    maxima = vectors.new_empty(max_width, size, vectors.shape[1])
    maxima[0] = rows[:size]
    for more in range(1, max_width):
        torch.maximum(maxima[more - 1], rows[more : more + size], out=maxima[more])
    return maxima


def to_index(values: numpy.ndarray, like: Tensor) -> Tensor:
    """Whole numbers as an index tensor on the device of another tensor."""
    return torch.as_tensor(numpy.ascontiguousarray(values, dtype=numpy.int64), device=like.device)


def context_ranges(
    starts: numpy.ndarray, ends: numpy.ndarray, heads: numpy.ndarray, tails: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The tokens strictly between the two spans of each pair; an empty range where there are none.

    starts, ends (numpy.ndarray): The spans, shape (spans,).
    heads, tails (numpy.ndarray): Places among the spans, shape (pairs,).
    RETURNS (tuple[numpy.ndarray, numpy.ndarray]): First rows, and rows after the last, shape (pairs,).
    """
    begin = numpy.minimum(ends[heads], ends[tails])
    end = numpy.maximum(starts[heads], starts[tails])
    return begin, numpy.maximum(begin, end)
