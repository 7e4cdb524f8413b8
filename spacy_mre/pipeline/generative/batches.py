"""Batches of rows of tokens of similar length."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def batches(sizes: Sequence[tuple[int, int]], batch_tokens: int) -> Iterator[list[int]]:
    """Group rows with the same number of new tokens, and of similar length, into batches.

    sizes (Sequence[tuple[int, int]]): For each row, the most new tokens and the length of the source.
    batch_tokens (int): The most tokens of a batch, new tokens and padding included. A larger row is a batch alone.
    YIELDS (list[int]): The indices of the rows.
    """
    batch: list[int] = []
    for i in sorted(range(len(sizes)), key=sizes.__getitem__):
        new_tokens, length = sizes[i]
        if batch and (sizes[batch[0]][0] != new_tokens or (len(batch) + 1) * (new_tokens + length) > batch_tokens):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]], value: int, left: bool = False) -> Tensor:
    """Make a tensor of rows of different lengths.

    rows (Sequence[Sequence[int]]): The rows.
    value (int): The value of the padding.
    left (bool): Pad on the left instead of on the right. Default: False.
    RETURNS (Tensor): Integers, rows x longest row.
    """
    longest = max(map(len, rows), default=0)
    filled = []
    for row in rows:
        padding = [value] * (longest - len(row))
        filled.append([*padding, *row] if left else [*row, *padding])
    return torch.tensor(filled, dtype=torch.long)
