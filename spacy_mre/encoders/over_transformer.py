"""The encoder contract over a transformer: wordpieces pooled to tokens."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints1d

from ..errors import Errors
from .encoder import Encoded, Encoder


@registry.architectures("spacy_mre.TransformerEncoder.v1")
def build_transformer_encoder(
    pooling: Literal["mean", "max"] = "mean", grad_factor: float = 1.0, upstream: str = "*"
) -> Encoder:
    """Build an encoder that listens to the pipeline's transformer: `mre_transformer`, or `transformer` of
    spacy-transformers.

    Token vectors are pooled from the pieces of each token; a token without pieces gets zeros. The text vector is the
    vector of the first piece ([CLS] of BERT-like models), averaged over the windows of a long text.

    pooling (Literal["mean", "max"]): How the pieces of a token are pooled. Default: "mean".
    grad_factor (float): Factor of the gradient that goes into the transformer; 0 leaves the transformer unchanged.
        Default: 1.0.
    upstream (str): The name of the transformer component; "*" for any. Default: "*".
    RETURNS (Encoder): The encoder.
    """
    from spacy_transformers.layers import TransformerListener

    return Model(
        "transformer_encoder",
        # Not attributes of the model: those would be saved with it, and win over a config that is changed later.
        partial(_transformer_forward, pooling=pooling, grad_factor=grad_factor),
        init=_transformer_init,
        layers=[TransformerListener(upstream_name=upstream)],
        dims={"nO": None},
    )


def _transformer_init(model: Encoder, X: list[Doc] | None = None, Y=None) -> None:
    listener = model.layers[0]
    if not listener.has_dim("nO"):
        raise ValueError(Errors.M301.format(upstream=listener.upstream_name))
    model.set_dim("nO", listener.get_dim("nO"), force=True)


def _transformer_forward(
    model: Encoder, docs: list[Doc], is_train: bool, *, pooling: Literal["mean", "max"], grad_factor: float
) -> tuple[Encoded, Callable]:
    listener, ops, width = model.layers[0], model.ops, model.get_dim("nO")
    if not is_train:
        for doc in docs:
            if len(doc) and doc._.trf_data is None:
                raise ValueError(Errors.M302.format(upstream=listener.upstream_name))
    datas, backprop_listener = listener(docs, is_train)
    views = [_view(data) for data in datas]
    for doc, view in zip(docs, views):
        if len(view.firsts) and len(view.counts) != len(doc):
            raise ValueError(Errors.M303.format(encoded=len(view.counts), tokens=len(doc), text=doc.text[:40]))

    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    starts = numpy.cumsum([0, *(len(view.states) for view in views)])
    rows = _joined([view.rows + start for view, start in zip(views, starts)])
    firsts = _joined([view.firsts + start for view, start in zip(views, starts)])
    windows = numpy.asarray([len(view.firsts) for view in views])
    # A text without a window has no pieces: its tokens get zeros too.
    counts = _joined(
        [view.counts if len(view.firsts) else numpy.zeros(len(doc), dtype="i") for doc, view in zip(docs, views)]
    )
    states = ops.xp.concatenate([ops.alloc2f(0, width), *(view.states for view in views if len(view.firsts))])

    reached, encoded_docs = numpy.flatnonzero(counts), numpy.flatnonzero(windows)
    rows, firsts = ops.xp.asarray(rows), ops.xp.asarray(firsts)
    pooled, backprop_pooling = _pool(ops, pooling, states[rows], counts[reached])
    pooled_texts, backprop_texts = _pool(ops, "mean", states[firsts], windows[encoded_docs])
    tokens = _spread(ops, pooled, reached, len(counts))
    texts = _spread(ops, pooled_texts, encoded_docs, len(docs))

    def backprop(d_encoded: Encoded):
        d_states = ops.alloc2f(len(states), width)
        ops.scatter_add(d_states, rows, backprop_pooling(d_encoded.tokens[ops.xp.asarray(reached)]))
        ops.scatter_add(d_states, firsts, backprop_texts(d_encoded.texts[ops.xp.asarray(encoded_docs)]))
        d_states *= grad_factor
        parts = zip(datas, views, starts[:-1], starts[1:])
        return backprop_listener(
            [view.give_back(data, d_states[start:end]) for data, view, start, end in parts if view.give_back]
        )

    return Encoded(tokens, texts, lengths, _count_cut(docs, counts, lengths)), backprop


class _View(NamedTuple):
    """One document's output, of `mre_transformer` or of `transformer`, as a flat matrix of its pieces' states.

    states (Floats2d): Pieces x width.
    rows (Ints1d): For each token in turn, the rows of its pieces.
    counts (Ints1d): Pieces per token.
    firsts (Ints1d): The row of each window's first piece.
    give_back (Optional[Callable]): From the output and the gradient of the states to what the listener's backprop
        takes; None without states.
    """

    states: Floats2d
    rows: Ints1d
    counts: Ints1d
    firsts: Ints1d
    give_back: Callable | None


def _view(data: Any) -> _View:
    if hasattr(data, "pieces"):
        return _View(data.pieces, data.rows, data.counts, data.firsts, _with_pieces)
    state = data.model_output.last_hidden_state if "last_hidden_state" in data.model_output else None
    if state is None or not state.size:  # a text without tokens
        none = numpy.zeros(0, dtype=numpy.int64)
        return _View(none, none, none, none, None if state is None else _padded)
    windows, longest, width = state.shape
    rows, counts = _on_host(data.align.dataXd).reshape(-1), _on_host(data.align.lengths)
    return _View(state.reshape(-1, width), rows, counts, numpy.arange(windows) * longest, _padded)


def _with_pieces(data: Any, d_states: Floats2d) -> Any:
    return data.with_pieces(d_states)


def _padded(data: Any, d_states: Floats2d) -> Any:
    """The gradient in the form of spacy-transformers: windows x longest x width."""
    output = type(data.model_output)()
    output["last_hidden_state"] = d_states.reshape(data.model_output.last_hidden_state.shape)
    return type(data)(wordpieces=data.wordpieces, model_output=output, align=data.align)


def _joined(arrays: list[Ints1d]) -> Ints1d:
    return numpy.concatenate([numpy.zeros(0, dtype=numpy.int64), *arrays]).astype(numpy.int64)


def _spread(ops: Ops, vectors: Floats2d, places: Ints1d, size: int) -> Floats2d:
    """The vectors at the given rows, zeros in all others."""
    if len(places) == size:
        return vectors
    spread = ops.alloc2f(size, vectors.shape[1])
    spread[ops.xp.asarray(places)] = vectors
    return spread


def _pool(ops: Ops, how: str, vectors: Floats2d, lengths: Ints1d) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Pool the vectors of each sequence; none is empty."""
    if not len(lengths):
        return ops.alloc2f(0, vectors.shape[1]), lambda d_pooled: ops.alloc2f(0, vectors.shape[1])
    lengths = ops.asarray1i(lengths)
    if how == "mean":
        return ops.reduce_mean(vectors, lengths), lambda d_pooled: ops.backprop_reduce_mean(d_pooled, lengths)
    pooled, which = ops.reduce_max(vectors, lengths)
    return pooled, lambda d_pooled: ops.backprop_reduce_max(d_pooled, which, lengths)


def _count_cut(docs: list[Doc], pieces_per_token: Ints1d, lengths: Ints1d) -> Ints1d:
    cut = numpy.zeros(len(docs), dtype=numpy.int64)
    if pieces_per_token.all():
        return cut
    ends = numpy.cumsum(lengths)
    for i, doc in enumerate(docs):
        missing = numpy.flatnonzero(pieces_per_token[ends[i] - lengths[i] : ends[i]] == 0)
        cut[i] = sum(not doc[int(token)].is_space for token in missing)
    return cut


def _on_host(array) -> numpy.ndarray:
    return array if isinstance(array, numpy.ndarray) else array.get()
