"""Dropout that is cheap on CPUs that are not Intel's. There torch draws a random number for each element, one after
the other, which takes longer than all else that a layer does to an element; here one number serves four elements."""

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from .processor import describe_processor

# An element is kept or dropped by 16 random bits.
LEVELS = 2**16
LOWEST = -(2**15)


class Dropout(nn.Dropout):
    """Like `nn.Dropout`, and the same on GPUs and Intel's CPUs, and in other types than fp32.

    p (float): The share of elements that is set to 0 in training; rounded to a multiple of 2 ** -16. The others are
        scaled, so that the mean stays as it is. Default: 0.5.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Drop elements in training. The random numbers are of torch's generator.

        values (Tensor): Any shape.
        RETURNS (Tensor): The same shape.
        """
        return drop(values, self.p) if self.training else values


@cache
def is_slow_in_torch() -> bool:
    """RETURNS (bool): Whether torch draws the random numbers of a CPU one after the other. For Intel's it has MKL do
    that, many at a time and in several threads."""
    if not torch.backends.mkl.is_available():
        return True
    return "GenuineIntel" not in describe_processor()


def drop(values: Tensor, rate: float) -> Tensor:
    """Set a share of the elements to 0 and scale the others.

    values (Tensor): Any shape.
    rate (float): The share, rounded to a multiple of 2 ** -16.
    RETURNS (Tensor): The same shape.
    """
    dropped = round(rate * LEVELS)
    is_ours = values.device.type == "cpu" and values.dtype == torch.float32 and is_slow_in_torch()
    if not is_ours or not 0 < dropped < LEVELS:
        return functional.dropout(values, rate)
    kept = torch.empty(values.shape)
    torch.ge(_random_bits(values.shape), LOWEST + dropped, out=kept)
    return values * kept.mul_(LEVELS / (LEVELS - dropped))


def _random_bits(shape: Sequence[int]) -> Tensor:
    """RETURNS (Tensor): Uniform over all values of int16."""
    count = math.prod(shape)
    return torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:count].view(shape)
