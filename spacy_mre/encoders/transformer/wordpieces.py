"""Docs -> wordpieces: the windows of a batch as one flat row of pieces without padding, and which of them stand for which token."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy
from spacy.attrs import IDX
from spacy.tokens import Doc, Span
from thinc.types import Ints1d

from ...arrays import expand_ranges

GetSpans = Callable[[list[Doc]], list[list[Span]]]


@dataclass
class Wordpieces:
    """The pieces of a batch, one window after the other. All arrays are in host memory.

    ids (Ints1d): The vocabulary id of each piece, special pieces too.
    types (Optional[Ints1d]): The token type of each piece, where the tokenizer gives any.
    lengths (Ints1d): Pieces per window.
    windows (Ints1d): Windows per document.
    tokens (Ints1d): Tokens per document.
    rows (Ints1d): For each token of the batch in turn, the places of its pieces in `ids`.
    counts (Ints1d): How many pieces each token has; 0 where the encoder was cut or the token is white space.
    """

    ids: Ints1d
    types: Ints1d | None
    lengths: Ints1d
    windows: Ints1d
    tokens: Ints1d
    rows: Ints1d
    counts: Ints1d


def cut_into_pieces(docs: list[Doc], get_spans: GetSpans, tokenizer: Any) -> Wordpieces:
    """Cut texts into windows, and windows into pieces.

    A piece stands for every token that it shares a character with, and the blank behind a token is counted to it, as in spacy-transformers.

    docs (List[Doc]): The texts.
    get_spans (Callable[[List[Doc]], List[List[Span]]]): The windows of each text; they may overlap.
    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer. Pieces beyond its `model_max_length` are cut off.
    RETURNS (Wordpieces): The pieces.
    """
    spans_of_docs = [[span for span in spans if len(span)] for spans in get_spans(docs)]
    spans = list(chain.from_iterable(spans_of_docs))
    if spans:
        encoding = tokenizer(
            [span.text for span in spans],
            return_offsets_mapping=tokenizer.is_fast,
            return_attention_mask=False,
            verbose=False,
        )
    else:
        encoding = {"input_ids": [], "offset_mapping": []}
    lengths = _integers([len(ids) for ids in encoding["input_ids"]])
    tokens = _integers([len(doc) for doc in docs])
    windows = _integers([len(spans) for spans in spans_of_docs])
    if not spans or "offset_mapping" in encoding:
        rows, counts = _align_by_offsets(
            docs, spans, numpy.repeat(numpy.arange(len(docs)), windows), encoding["offset_mapping"], lengths
        )
    else:
        rows, counts = _align_by_text(docs, spans, encoding["input_ids"], tokenizer)
    types = _flatten(encoding["token_type_ids"]) if "token_type_ids" in encoding else None
    pieces = Wordpieces(_flatten(encoding["input_ids"]), types, lengths, windows, tokens, rows, counts)
    return _truncate(pieces, tokenizer.model_max_length)


def _align_by_offsets(docs, spans, doc_of_span, offsets, lengths):
    """Each token owns the characters from its first to the next token's first; search every piece's first and last character among them."""
    idx = [doc.to_array(IDX).astype(numpy.int64) for doc in docs]
    # The characters of all texts are numbered through, so that one search serves the batch.
    sizes = _integers([len(doc.text) + 1 for doc in docs])
    bases = numpy.cumsum(sizes) - sizes
    token_starts = numpy.concatenate([*(starts + base for starts, base in zip(idx, bases)), _integers([])])
    firsts = _integers([span.start_char for span in spans]) + bases[doc_of_span]
    offsets = numpy.array(list(chain.from_iterable(offsets)), dtype=numpy.int64).reshape(-1, 2)
    filled = numpy.flatnonzero(offsets[:, 1] > offsets[:, 0])
    begins, ends = (offsets + numpy.repeat(firsts, lengths)[:, None])[filled].T
    first = numpy.searchsorted(token_starts, begins, side="right") - 1
    last = numpy.searchsorted(token_starts, ends - 1, side="right") - 1
    tokens = expand_ranges(first, last - first + 1)
    rows = numpy.repeat(filled, last - first + 1)
    # Windows overlap: a token's pieces may stand in two of them.
    return rows[numpy.argsort(tokens, kind="stable")], numpy.bincount(tokens, minlength=len(token_starts))


def _align_by_text(docs, spans, ids, tokenizer):
    """Slow tokenizers tell no offsets: compare the texts of tokens and pieces."""
    from spacy_transformers.align import get_alignment

    strings = [tokenizer.convert_ids_to_tokens(of_window) for of_window in ids]
    align = get_alignment(spans, strings, tokenizer.all_special_tokens)
    counts = numpy.zeros(sum(len(doc) for doc in docs), dtype=numpy.int64)
    seen = {span.doc for span in spans}
    counts[numpy.repeat([doc in seen for doc in docs], [len(doc) for doc in docs])] = align.lengths
    return align.dataXd.reshape(-1).astype(numpy.int64), counts


def _truncate(pieces: Wordpieces, longest: int) -> Wordpieces:
    """Cut off the pieces that the model has no positions for, at the end of each window."""
    if not (pieces.lengths > longest).any():
        return pieces
    kept = expand_ranges(numpy.zeros_like(pieces.lengths), pieces.lengths) < longest
    place = numpy.cumsum(kept) - 1
    token = numpy.repeat(numpy.arange(len(pieces.counts)), pieces.counts)[kept[pieces.rows]]
    return Wordpieces(
        pieces.ids[kept],
        None if pieces.types is None else pieces.types[kept],
        numpy.minimum(pieces.lengths, longest),
        pieces.windows,
        pieces.tokens,
        place[pieces.rows[kept[pieces.rows]]],
        numpy.bincount(token, minlength=len(pieces.counts)),
    )


def pack(lengths: Ints1d, max_items: int) -> list[Ints1d]:
    """Group windows of similar length, so that little is padded.

    lengths (Ints1d): Pieces per window.
    max_items (int): The most pieces in a group, padding included; a longer window is a group of its own.
    RETURNS (List[Ints1d]): The places of each group's windows, the longest group first.
    """
    order = numpy.argsort(-lengths, kind="stable")
    groups, begin = [], 0
    while begin < len(order):
        size = max(max_items // max(int(lengths[order[begin]]), 1), 1)
        groups.append(order[begin : begin + size])
        begin += size
    return groups


def _flatten(lists: list[list[int]]) -> Ints1d:
    return _integers(list(chain.from_iterable(lists)))


def _integers(values) -> Ints1d:
    return numpy.asarray(values, dtype=numpy.int64)
