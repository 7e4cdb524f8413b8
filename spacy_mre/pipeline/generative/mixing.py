"""Mixing of corpora of different sizes by temperature, as in T5 (Raffel et al. 2020, arXiv 1910.10683, section 3.5.2)
and mT5 (Xue et al. 2021, arXiv 2010.11934).

A row is of corpus i with the probability p_i, which is proportional to n_i ^ (1 / T), where n_i is the number of its
rows. With T = 1 every row is taken once; with a higher T small corpora get more rows. Our choice: the numbers of rows
are not drawn but follow p exactly, and no row is taken again before all others of its corpus.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

from ...errors import Errors

Row = TypeVar("Row")


def mixed_counts(sizes: Sequence[int], temperature: float) -> list[int]:
    """Divide the number of all rows among corpora.

    >>> mixed_counts([900, 100], 1.0), mixed_counts([900, 100], 2.0), mixed_counts([900, 100], 1e9)
    ([900, 100], [750, 250], [500, 500])

    sizes (Sequence[int]): The number of rows of each corpus.
    temperature (float): T, at least 1.
    RETURNS (list[int]): The number of rows to take of each. The sum is that of the sizes; each differs by less than 1
        from its share.
    RAISES (ValueError): If the temperature is lower than 1.
    """
    if not temperature >= 1:
        raise ValueError(Errors.M002.format(setting="temperature", value=temperature, range="at least 1"))
    total = sum(sizes)
    weights = [size ** (1 / temperature) if size else 0.0 for size in sizes]
    shares = [total * weight / (sum(weights) or 1.0) for weight in weights]
    counts = [int(share + 1e-9) for share in shares]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (counts[i] - shares[i], i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts


def mix(corpora: Sequence[Sequence[Row]], temperature: float, seed: int) -> list[Row]:
    """Mix corpora.

    corpora (Sequence[Sequence[Row]]): The rows of each.
    temperature (float): T, at least 1.
    seed (int): The seed of what is repeated or left out, and of the order.
    RETURNS (list[Row]): As many rows as there are, in random order.
    RAISES (ValueError): If the temperature is lower than 1.
    """
    chooser = random.Random(seed)
    mixed: list[Row] = []
    for rows, count in zip(corpora, mixed_counts([len(rows) for rows in corpora], temperature)):
        times, rest = divmod(count, len(rows) or 1)
        mixed += [*rows] * times + chooser.sample(rows, rest)
    chooser.shuffle(mixed)
    return mixed
