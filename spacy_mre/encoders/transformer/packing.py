"""Packing of several windows into one row, so that training computes hardly any padding. Attention is limited to each
window, and positions restart at each window.

Without packing, a large part of a small batch of texts of different lengths would be padding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from thinc.types import Ints1d
from torch import Tensor, nn

from ...arrays import expand_ranges
from .piece_data import piece_mask
from .wordpieces import pack

# Longer rows have less padding but more costly attention. On a CPU, batches of 4 and of 32 sentences train fastest
# with rows of about this many pieces.
ROW_SIZE = 96
# Model types that accept an attention mask for each pair of pieces. The first kind counts positions from 0, the second
# kind from the padding id + 1.
COUNT_FROM_ZERO = ("bert", "electra")
COUNT_FROM_PADDING = ("roberta", "xlm-roberta", "camembert")


@dataclass
class Rows:
    """Some rows of windows. Arrays have the shape (rows, longest) unless noted.

    indices (Ints1d): The indices in the batch of the pieces in the rows, row after row; shape (pieces,).
    mask (numpy.ndarray): False where a row is padded.
    windows (numpy.ndarray): The window of each piece; -1 for padding.
    positions (numpy.ndarray): The position of each piece in its window.
    """

    indices: Ints1d
    mask: numpy.ndarray
    windows: numpy.ndarray
    positions: numpy.ndarray


def first_position(transformer: nn.Module) -> int | None:
    """The position id of the first piece of a window.

    transformer (PreTrainedModel): The Hugging Face model.
    RETURNS (Optional[int]): None for a model that has no attention mask for pairs of pieces, so that each of its
        windows needs its own row.
    """
    config: Any = transformer.config
    if getattr(config, "position_embedding_type", "absolute") != "absolute" or getattr(config, "is_decoder", False):
        return None
    if config.model_type in COUNT_FROM_ZERO:
        return 0
    return config.pad_token_id + 1 if config.model_type in COUNT_FROM_PADDING else None


def pack_rows(lengths: Ints1d, max_items: int, row_size: int = ROW_SIZE) -> Iterator[Rows]:
    """Pack windows into rows of similar length: longest windows first, each into the row that is shortest so far.

    lengths (Ints1d): Pieces per window.
    max_items (int): The most pieces of the rows that are yielded together, padding included; a longer row is yielded
        separately.
    row_size (int): The intended number of pieces per row, which sets the number of rows. Default: 96.
    YIELDS (Rows): Some of the rows.
    """
    if not len(lengths):
        return
    rows: list[list[int]] = [[] for _ in range(max(round(int(lengths.sum()) / row_size), 1))]
    sizes = numpy.zeros(len(rows), dtype=numpy.int64)
    for window in numpy.argsort(-lengths, kind="stable"):
        row = int(sizes.argmin())
        rows[row].append(window)
        sizes[row] += lengths[window]
    firsts = numpy.cumsum(lengths) - lengths
    rows, sizes = [row for row in rows if row], sizes[sizes > 0]
    for group in pack(sizes, max_items):
        packed = numpy.concatenate([rows[row] for row in group])
        windows = numpy.repeat(packed, lengths[packed])
        indices = expand_ranges(firsts[packed], lengths[packed])
        mask = piece_mask(sizes[group])
        yield Rows(indices, mask, pad(windows, mask, -1), pad(indices - firsts[windows], mask, 0))


def attention_mask(rows: Rows) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): True where the piece of the second axis attends to that of the last one, rows x
    longest x longest."""
    return rows.windows[:, :, None] == rows.windows[:, None, :]


def pad(values: Ints1d, mask: numpy.ndarray, value: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The values where `mask` is true, row after row, and `value` elsewhere."""
    padded = numpy.full(mask.shape, value, dtype=numpy.int64)
    padded[mask] = values
    return padded


def drop_padding(states: Tensor, mask: numpy.ndarray) -> Tensor:
    """RETURNS (Tensor): The states where `mask` is true, row after row, pieces x width."""
    flat = states.reshape(-1, states.shape[-1])
    return flat if mask.all() else flat[torch.from_numpy(numpy.flatnonzero(mask)).to(flat.device)]
