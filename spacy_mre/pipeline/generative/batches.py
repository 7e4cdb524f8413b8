"""Batches of rows of tokens of similar length."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def batches(sizes: Sequence[tuple[int, int]], most: int) -> Iterator[list[int]]:
    """Group rows that need the same number of new tokens, and are of similar length, into batches.

    sizes (Sequence[tuple[int, int]]): For every row the most tokens that it may write, and the length of its source.
    most (int): The most tokens of a batch, written ones and padding included; a larger row is alone.
    YIELDS (list[int]): The places of the rows.
    """
    batch: list[int] = []
    for i in sorted(range(len(sizes)), key=lambda i: sizes[i]):
        new_tokens, length = sizes[i]
        if batch and (sizes[batch[0]][0] != new_tokens or (len(batch) + 1) * (new_tokens + length) > most):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]], value: int, front: bool = False) -> Tensor:
    longest = max(map(len, rows), default=0)
    filled = ([value] * (longest - len(row)) for row in rows)
    return torch.tensor(
        [[*fill, *row] if front else [*row, *fill] for row, fill in zip(rows, filled)], dtype=torch.long
    )
