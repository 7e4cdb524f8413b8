"""The rows that a language model is trained on: an input and an output."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from ...errors import Errors, Warnings
from .language_model import LanguageModel
from .row_files import read_row_items

Row = tuple[str, str]
TokenizedRow = tuple[list[int], list[int]]


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


def tokenize_rows(lm: LanguageModel, rows: Sequence[Row], path: Path) -> tuple[list[TokenizedRow], int]:
    """Tokenize rows. A row that does not fit into the model is left out and counted: from a truncated output the model
    would learn to stop early.

    lm (LanguageModel): The model.
    rows (Sequence[tuple[str, str]]): Inputs and outputs.
    path (Path): The file that they are from, for messages.
    RETURNS (tuple[list[tuple[list[int], list[int]]], int]): Sources and targets, and the number of rows left out.
    RAISES (ValueError): If no row is left.
    """
    sources = lm.source_ids([source for source, _ in rows])
    targets = lm.target_ids([target for _, target in rows])
    fits = [
        len(target) <= lm.target_limit and len(source) <= lm.source_limit(len(target))
        for source, target in zip(sources, targets)
    ]
    kept = [pair for pair, fit in zip(zip(sources, targets), fits) if fit]
    left_out = len(rows) - len(kept)
    if not kept:
        raise ValueError(Errors.M944.format(path=path, count=len(rows), limit=lm.target_limit))
    if left_out:
        example = rows[fits.index(False)][0][:40]
        message = Warnings.W932.format(
            path=path, count=left_out, total=len(rows), limit=lm.target_limit, example=example
        )
        warnings.warn(message, stacklevel=2)
    return kept, left_out
