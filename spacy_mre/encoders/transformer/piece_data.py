"""The output of the transformer for one document, `doc._.trf_data`. The padded arrays of spacy-transformers are made
only if something reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from thinc.api import get_array_module
from thinc.types import Floats2d, Ints1d, Ragged
from transformers.modeling_outputs import BaseModelOutput

from .wordpieces import Wordpieces


@dataclass
class Encodings:
    """The output of the transformer for a batch.

    doc_data (list[PieceData]): One per document.
    """

    doc_data: list["PieceData"]


class PieceData(TransformerData):
    """The vectors of a document's pieces, and their alignment to its tokens.

    pieces (Floats2d): One vector per piece, window after window, pieces x width.
    lengths (Ints1d): Pieces per window.
    rows (Ints1d): For each token in turn, the indices of its pieces.
    counts (Ints1d): Pieces per token.

    `wordpieces`, `model_output` and `align` are the padded arrays of spacy-transformers; they are made when they are
    first read.
    """

    def __init__(
        self,
        pieces: Floats2d,
        lengths: Ints1d,
        rows: Ints1d,
        counts: Ints1d,
        make_wordpieces: Callable[[], WordpieceBatch],
    ):
        self.pieces = pieces
        self.lengths = lengths
        self.rows = rows
        self.counts = counts
        self._make_wordpieces = make_wordpieces

    @property
    def firsts(self) -> Ints1d:
        """RETURNS (Ints1d): The index of each window's first piece, [CLS] of BERT-like models."""
        return numpy.cumsum(self.lengths) - self.lengths

    @property
    def width(self) -> int:
        """RETURNS (int): The width of the vectors."""
        return self.pieces.shape[1]

    @cached_property
    def wordpieces(self) -> WordpieceBatch:
        return self._make_wordpieces()

    @cached_property
    def model_output(self) -> BaseModelOutput:
        if not len(self.lengths):
            return BaseModelOutput()
        xp = get_array_module(self.pieces)
        padded = xp.zeros((len(self.lengths), int(self.lengths.max(initial=0)), self.width), dtype=self.pieces.dtype)
        padded[xp.asarray(piece_mask(self.lengths))] = self.pieces
        return BaseModelOutput(last_hidden_state=padded)

    @cached_property
    def align(self) -> Ragged:
        indices = numpy.flatnonzero(piece_mask(self.lengths))
        return Ragged(indices[self.rows].astype("i"), self.counts.astype("i"))

    def with_pieces(self, pieces: Floats2d) -> "PieceData":
        """Copy with other vectors, for gradients.

        pieces (Floats2d): Pieces x width.
        RETURNS (PieceData): The copy.
        """
        return PieceData(pieces, self.lengths, self.rows, self.counts, self._make_wordpieces)

    def __reduce__(self) -> Any:
        # Copied and pickled as plain data, without the tokenizer.
        return TransformerData, (self.wordpieces, self.model_output, self.align)


def split_by_doc(pieces: Wordpieces, vectors: Floats2d, tokenizer: Any) -> list[PieceData]:
    """Split the output of a batch by document.

    pieces (Wordpieces): The batch.
    vectors (Floats2d): One vector per piece.
    tokenizer (PreTrainedTokenizerBase): For the strings of the pieces, if they are read.
    RETURNS (list[PieceData]): One per document; a document without tokens has no pieces.
    """
    window_ends = numpy.cumsum(pieces.windows)
    piece_ends = numpy.concatenate([[0], numpy.cumsum(pieces.lengths)])[window_ends]
    token_ends = numpy.cumsum(pieces.tokens)
    row_ends = numpy.concatenate([[0], numpy.cumsum(pieces.counts)])[token_ends]
    datas = []
    window = piece = token = row = 0
    ends = zip(window_ends.tolist(), piece_ends.tolist(), token_ends.tolist(), row_ends.tolist())
    for window_end, piece_end, token_end, row_end in ends:
        lengths = pieces.lengths[window:window_end]
        types = None if pieces.types is None else pieces.types[piece:piece_end]
        datas.append(
            PieceData(
                vectors[piece:piece_end],
                lengths,
                pieces.rows[row:row_end] - piece,
                pieces.counts[token:token_end],
                _PaddedWordpieces(pieces.ids[piece:piece_end], types, lengths, tokenizer),
            )
        )
        window, piece, token, row = window_end, piece_end, token_end, row_end
    return datas


class _PaddedWordpieces:
    """Makes the ids of a document's windows as in spacy-transformers: padded to the longest, with their strings."""

    def __init__(self, ids: Ints1d, types: Ints1d | None, lengths: Ints1d, tokenizer: Any):
        self.ids, self.types, self.lengths, self.tokenizer = ids, types, lengths, tokenizer

    def __call__(self) -> WordpieceBatch:
        mask = piece_mask(self.lengths)
        ids = numpy.full(mask.shape, self.tokenizer.pad_token_id or 0, dtype=numpy.int64)
        ids[mask] = self.ids
        types = None
        if self.types is not None:
            types = numpy.zeros(mask.shape, dtype=numpy.int64)
            types[mask] = self.types
        return WordpieceBatch(
            strings=[self.tokenizer.convert_ids_to_tokens(list(row)) for row in ids],
            input_ids=ids,
            attention_mask=mask.astype("f"),
            lengths=self.lengths.tolist(),
            token_type_ids=types,
        )


def piece_mask(lengths: Ints1d) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): True where padded windows have a piece, windows x longest."""
    return numpy.arange(int(lengths.max(initial=0))) < lengths[:, None]


def gradient_of(datas: Sequence[PieceData], d_datas: Sequence[Any], xp: Any) -> Floats2d:
    """The gradient of a batch without padding.

    datas (Sequence[PieceData]): The output of the transformer for each document.
    d_datas (Sequence[Any]): Their gradients: listeners of this package send them without padding, stock listeners with
        padding, and none for a document without pieces.
    xp (Any): numpy or cupy.
    RETURNS (Floats2d): Pieces x width.
    """
    if len(d_datas) < len(datas):
        datas = [data for data in datas if len(data.lengths)]
    parts = []
    for data, d_data in zip(datas, d_datas):
        if isinstance(d_data, PieceData):
            parts.append(d_data.pieces)
        elif len(data.lengths):
            mask = piece_mask(data.lengths)
            parts.append(d_data.model_output.last_hidden_state[xp.asarray(mask)])
    return xp.concatenate(parts)
