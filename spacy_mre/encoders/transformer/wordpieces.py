"""From documents to wordpieces: the windows of a batch as one flat array of pieces, without padding, aligned to
tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc, Span
from thinc.types import Ints1d
from torch import nn

from ...arrays import expand_ranges
from ..threads import encode

GetSpans = Callable[[list[Doc]], list[list[Span]]]


@dataclass
class Wordpieces:
    """The pieces of a batch, window after window. All arrays are in host memory.

    ids (Ints1d): The vocabulary id of each piece, including special pieces.
    types (Optional[Ints1d]): The token type of each piece, if the tokenizer returns them.
    lengths (Ints1d): Pieces per window.
    windows (Ints1d): Windows per document.
    tokens (Ints1d): Tokens per document.
    rows (Ints1d): For each token of the batch in turn, the indices of its pieces in `ids`.
    counts (Ints1d): Pieces per token; 0 if the text was truncated before the token, or the tokenizer
        drops all of its characters, white space for example.
    """

    ids: Ints1d
    types: Ints1d | None
    lengths: Ints1d
    windows: Ints1d
    tokens: Ints1d
    rows: Ints1d
    counts: Ints1d


def tokenize_windows(docs: list[Doc], get_spans: GetSpans, tokenizer: Any, positions: int | None = None) -> Wordpieces:
    """Split texts into windows, and windows into pieces.

    A piece belongs to every token that it shares a character with. One that is only the space after a token belongs to
    that token, as in spacy-transformers.

    docs (list[Doc]): The texts.
    get_spans (Callable[[list[Doc]], list[list[Span]]]): The windows of each text; they may overlap.
    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer. Windows are truncated to its `model_max_length`,
        which is unlimited if the tokenizer was saved without it.
    positions (Optional[int]): The most pieces per window that the model can read. Default: None (any number).
    RETURNS (Wordpieces): The pieces.
    """
    spans_of_docs = [[span for span in spans if len(span)] for spans in get_spans(docs)]
    spans = list(chain.from_iterable(spans_of_docs))
    if spans:
        texts = [span.text for span in spans]
        encoding = encode(tokenizer, texts, return_offsets_mapping=tokenizer.is_fast, return_attention_mask=False)
    else:
        encoding = {"input_ids": [], "offset_mapping": []}
    lengths = _int_array([len(ids) for ids in encoding["input_ids"]])
    tokens = _int_array([len(doc) for doc in docs])
    windows = _int_array([len(spans) for spans in spans_of_docs])
    if not spans or "offset_mapping" in encoding:
        rows, counts = _align_by_offsets(
            docs, spans, numpy.repeat(numpy.arange(len(docs)), windows), encoding["offset_mapping"], lengths
        )
    else:
        rows, counts = _align_by_text(docs, spans, encoding["input_ids"], tokenizer)
    types = _flatten(encoding["token_type_ids"]) if "token_type_ids" in encoding else None
    pieces = Wordpieces(_flatten(encoding["input_ids"]), types, lengths, windows, tokens, rows, counts)
    return _truncate(pieces, min(tokenizer.model_max_length, positions or tokenizer.model_max_length))


def count_positions(transformer: nn.Module) -> int | None:
    """The most pieces that a model can read at once.

    transformer (PreTrainedModel): The Hugging Face model.
    RETURNS (Optional[int]): None for a model without a table of absolute positions, which reads any number.
    """
    table = getattr(getattr(transformer, "embeddings", transformer), "position_embeddings", None)
    if not isinstance(table, nn.Embedding):
        return None
    # RoBERTa and similar models count positions from the padding id + 1.
    return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)


def _align_by_offsets(
    docs: list[Doc], spans: list[Span], doc_of_span: Any, offsets: Any, lengths: Any
) -> tuple[Any, Any]:
    """Find the tokens of each piece: search its first character among the ends of the tokens, and its last one among
    their starts."""
    # The characters of all texts are numbered consecutively, so that one search is enough for the batch.
    sizes = _int_array([len(doc.text) + 1 for doc in docs])
    bases = numpy.cumsum(sizes) - sizes
    idx = [doc.to_array(IDX).astype(numpy.int64) + base for doc, base in zip(docs, bases)]
    token_lengths = [doc.to_array(LENGTH).astype(numpy.int64) for doc in docs]
    token_starts = numpy.concatenate([*idx, _int_array([])])
    token_ends = token_starts + numpy.concatenate([*token_lengths, _int_array([])])
    firsts = _int_array([span.start_char for span in spans]) + bases[doc_of_span]
    offsets = numpy.array(list(chain.from_iterable(offsets)), dtype=numpy.int64).reshape(-1, 2)
    filled = numpy.flatnonzero(offsets[:, 1] > offsets[:, 0])
    begins, ends = (offsets + numpy.repeat(firsts, lengths)[:, None])[filled].T
    last = numpy.searchsorted(token_starts, ends - 1, side="right") - 1
    # The pieces of SentencePiece and of byte-level BPE may begin with the space after the token before.
    first = numpy.minimum(numpy.searchsorted(token_ends, begins, side="right"), last)
    tokens = expand_ranges(first, last - first + 1)
    rows = numpy.repeat(filled, last - first + 1)
    # Windows may overlap, so the pieces of a token may be in two of them.
    return rows[numpy.argsort(tokens, kind="stable")], numpy.bincount(tokens, minlength=len(token_starts))


def _align_by_text(docs: list[Doc], spans: list[Span], ids: Any, tokenizer: Any) -> tuple[Any, Any]:
    """Align by text: slow tokenizers return no offsets."""
    from spacy_transformers.align import get_alignment

    strings = [tokenizer.convert_ids_to_tokens(window_ids) for window_ids in ids]
    align = get_alignment(spans, strings, tokenizer.all_special_tokens)
    counts = numpy.zeros(sum(len(doc) for doc in docs), dtype=numpy.int64)
    seen = {span.doc for span in spans}
    counts[numpy.repeat([doc in seen for doc in docs], [len(doc) for doc in docs])] = align.lengths
    return align.dataXd.reshape(-1).astype(numpy.int64), counts


def _truncate(pieces: Wordpieces, longest: int) -> Wordpieces:
    """Truncate each window to the number of positions of the model."""
    if not (pieces.lengths > longest).any():
        return pieces
    kept = expand_ranges(numpy.zeros_like(pieces.lengths), pieces.lengths) < longest
    new_indices = numpy.cumsum(kept) - 1
    token = numpy.repeat(numpy.arange(len(pieces.counts)), pieces.counts)[kept[pieces.rows]]
    return Wordpieces(
        pieces.ids[kept],
        None if pieces.types is None else pieces.types[kept],
        numpy.minimum(pieces.lengths, longest),
        pieces.windows,
        pieces.tokens,
        new_indices[pieces.rows[kept[pieces.rows]]],
        numpy.bincount(token, minlength=len(pieces.counts)),
    )


def pack(lengths: Ints1d, max_items: int) -> list[Ints1d]:
    """Group windows of similar length, to reduce padding.

    lengths (Ints1d): Pieces per window.
    max_items (int): The most pieces in a group, padding included; a longer window is a group by itself.
    RETURNS (list[Ints1d]): The indices of each group's windows, longest windows first.
    """
    order = numpy.argsort(-lengths, kind="stable")
    groups, begin = [], 0
    while begin < len(order):
        size = max(max_items // max(int(lengths[order[begin]]), 1), 1)
        groups.append(order[begin : begin + size])
        begin += size
    return groups


def _flatten(lists: list[list[int]]) -> Ints1d:
    return _int_array(list(chain.from_iterable(lists)))


def _int_array(values: Any) -> Ints1d:
    return numpy.asarray(values, dtype=numpy.int64)
