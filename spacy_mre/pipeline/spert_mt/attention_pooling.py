"""Attention over any range of tokens, without a tensor of ranges x tokens: where a token's weight does not depend on who looks at it, the
weighted sum over a range is the difference of two prefix sums."""

from collections.abc import Iterator

import numpy
import torch
from torch import Tensor, nn

from ..spans.pooling import to_index

# The largest score. No token then weighs more than e^10 times another, so that the difference of two sums in float64 keeps the light ones.
SHARPEST = 5.0


def range_attention_in_chunks(
    vectors: Tensor, scores: Tensor, starts: numpy.ndarray, ends: numpy.ndarray, size: int
) -> Iterator[tuple[numpy.ndarray, Tensor]]:
    """The mean of the rows of each range, weighted by the softmax of their scores over the range; some ranges at a time.

    The scores are first bounded smoothly: SHARPEST * tanh(score / SHARPEST). Memory is O((rows + size) x width).

    vectors (Tensor): Rows x width.
    scores (Tensor): Shape (rows,).
    starts (numpy.ndarray): First row of each range, shape (ranges,).
    ends (numpy.ndarray): Row after the last of each range, shape (ranges,). An empty range gives zeros.
    size (int): The most ranges at a time.
    YIELDS (Tuple[numpy.ndarray, Tensor]): The places of some ranges, and their means (ranges x width).
    """
    weights = torch.exp(SHARPEST * torch.tanh(scores.double() / SHARPEST))[:, None]
    sums = nn.functional.pad(torch.cumsum(torch.cat([weights * vectors.double(), weights], dim=1), dim=0), (0, 0, 1, 0))
    for first in range(0, len(starts), size):
        places = numpy.arange(first, min(first + size, len(starts)))
        of_ranges = sums.index_select(0, to_index(ends[places], vectors)) - sums.index_select(
            0, to_index(starts[places], vectors)
        )
        is_empty = torch.as_tensor(ends[places] <= starts[places], device=vectors.device)[:, None]
        totals = of_ranges[:, -1:].masked_fill(is_empty, 1.0)
        yield places, (of_ranges[:, :-1] / totals).to(vectors.dtype)
