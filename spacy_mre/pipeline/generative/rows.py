"""The rows that a language model is trained on: an input and an output."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import Errors, Warnings
from .language_model import LanguageModel
from .row_files import read_row_items

Row = tuple[str, str]


class TokenizedRow(NamedTuple):
    """A row with its tokens.

    source (list[int]): The tokens of the input, as `LanguageModel.source_ids` returns them.
    target (list[int]): The tokens of the output, as `LanguageModel.target_ids` returns them.
    row (tuple[str, str]): Input and output.
    """

    source: list[int]
    target: list[int]
    row: Row


def read_rows(path: Path) -> list[Row]:
    """Read rows of input and output.

    path (Path): JSON lines, a JSON list, or CSV; see `read_row_items`.
    RETURNS (list[tuple[str, str]]): Inputs and outputs.
    RAISES (CorpusError): If a line has no input or output; the error contains the file and the line.
    """
    rows = []
    for item in read_row_items(path):
        row = (item.source, item.target)
        for key, value in zip(("input", "output"), row):
            if not value.strip():
                raise item.location.error(f"'{key}' is empty")
        rows.append(row)
    return rows


def tokenize_rows(
    lm: LanguageModel, rows: Sequence[Row], path: Path, max_length: int = 0
) -> tuple[list[TokenizedRow], int]:
    """Tokenize rows. A row that is too long is left out and counted: from a truncated output the model would learn to
    stop early.

    lm (LanguageModel): The model.
    rows (Sequence[tuple[str, str]]): Inputs and outputs.
    path (Path): The file that they are from, for messages.
    max_length (int): The most tokens of input and output together; 0 for as many as the model has room for. Default:
        0.
    RETURNS (tuple[list[TokenizedRow], int]): The rows, and the number of rows left out.
    RAISES (ValueError): If no row is left.
    """
    sources = lm.source_ids([source for source, _ in rows])
    targets = lm.target_ids([target for _, target in rows])
    tokenized = [TokenizedRow(*row) for row in zip(sources, targets, rows)]
    fits = [_fits(lm, row, max_length) for row in tokenized]
    kept = [row for row, fit in zip(tokenized, fits) if fit]
    left_out = len(rows) - len(kept)
    limit = min(max_length or lm.target_limit, lm.target_limit)
    if not kept:
        raise ValueError(Errors.M944.format(path=path, count=len(rows), limit=limit))
    if left_out:
        example = rows[fits.index(False)][0][:40]
        message = Warnings.W932.format(path=path, count=left_out, total=len(rows), limit=limit, example=example)
        warnings.warn(message, stacklevel=2)
    return kept, left_out


def _fits(lm: LanguageModel, row: TokenizedRow, max_length: int) -> bool:
    if max_length and len(row.source) + len(row.target) > max_length:
        return False
    return len(row.target) <= lm.target_limit and len(row.source) <= lm.source_limit(len(row.target))
