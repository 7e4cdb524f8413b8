"""Several windows in one row, for training with hardly any padding: a piece attends only to its own window, and
positions restart in each.

Without it, much of what is computed in a small batch of texts of all lengths would be padding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy
from thinc.types import Ints1d
from torch import nn

from ...arrays import expand_ranges
from .piece_data import in_window
from .wordpieces import pack

# Longer rows have less padding but more costly attention. On a CPU, batches of 4 and of 32 sentences train fastest
# with rows of about this many pieces.
ROW_SIZE = 96
# Model types that accept an attention mask for each pair of pieces. Those of the second kind count positions from the
# padding id + 1.
COUNT_FROM_ZERO = ("bert", "electra")
COUNT_BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert")


@dataclass
class Rows:
    """Some rows of windows. Arrays have the shape (rows, longest) unless noted.

    places (Ints1d): The indices in the batch of the pieces in the rows, row after row; shape (pieces,).
    inside (numpy.ndarray): False where a row is padded.
    windows (numpy.ndarray): The window of each piece; -1 for padding.
    positions (numpy.ndarray): The position of each piece in its window.
    """

    places: Ints1d
    inside: numpy.ndarray
    windows: numpy.ndarray
    positions: numpy.ndarray


def first_position(transformer: nn.Module) -> int | None:
    """The position id of the first piece of a window.

    transformer (PreTrainedModel): The Hugging Face model.
    RETURNS (Optional[int]): None for a model without a mask for pairs of pieces; its windows need separate rows.
    """
    config: Any = transformer.config
    if getattr(config, "position_embedding_type", "absolute") != "absolute" or getattr(config, "is_decoder", False):
        return None
    if config.model_type in COUNT_FROM_ZERO:
        return 0
    return config.pad_token_id + 1 if config.model_type in COUNT_BEHIND_PADDING else None


def place_in_rows(lengths: Ints1d, max_items: int, row_size: int = ROW_SIZE) -> Iterator[Rows]:
    """Put windows into rows of similar length: longest windows first, each into the row that is shortest at the time.

    lengths (Ints1d): Pieces per window.
    max_items (int): The most pieces of the rows that are yielded together, padding included; a longer row is alone.
    row_size (int): The wanted pieces per row, which sets the number of rows. Default: 96.
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
        in_order = numpy.concatenate([rows[row] for row in group])
        windows = numpy.repeat(in_order, lengths[in_order])
        places = expand_ranges(firsts[in_order], lengths[in_order])
        inside = in_window(sizes[group])
        yield Rows(places, inside, spread(windows, inside, -1), spread(places - firsts[windows], inside, 0))


def sees(rows: Rows) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): True where the piece of the second axis attends to that of the last one, rows x
    longest x longest."""
    return rows.windows[:, :, None] == rows.windows[:, None, :]


def spread(values: Ints1d, inside: numpy.ndarray, filling: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The values where `inside` is true, row after row, and `filling` elsewhere."""
    spread_out = numpy.full(inside.shape, filling, dtype=numpy.int64)
    spread_out[inside] = values
    return spread_out
