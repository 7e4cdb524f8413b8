"""The encoder over a shared transformer: wordpieces are pooled to tokens, and first pieces to text vectors.

The order of this file: the architecture, its forward, how the output of either transformer component is read, and the
array operations that the forward uses.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints1d

from ..errors import Errors
from ..settings import NotNegativeFloat, checked
from .encoder import Encoded, Encoder, check_outputs, is_seen


@registry.architectures("spacy_mre.TransformerEncoder.v1")
@checked
def build_transformer_encoder(
    pooling: Literal["mean", "max"] = "mean", grad_factor: NotNegativeFloat = 1.0, upstream: str = "*"
) -> Encoder:
    """Build an encoder that listens to the pipeline's transformer: `mre_transformer`, or `transformer` of
    spacy-transformers.

    Token vectors are pooled from the pieces of each token; a token without pieces gets zeros. The text vector is the
    vector of the first piece ([CLS] of BERT-like models), averaged over the windows of a long text.

    pooling (Literal["mean", "max"]): How the pieces of a token are pooled. Default: "mean".
    grad_factor (float): Factor of the gradient that goes into the transformer. With 0 this component does not train it,
        but other listeners and weight decay change it: to leave it unchanged, name it in `frozen_components` and
        `annotating_components` of `[training]`. Default: 1.0.
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
        check_outputs(listener, docs)
    datas, backprop_listener = listener(docs, is_train)
    outputs = [_read_output(data) for data in datas]
    for doc, output in zip(docs, outputs):
        if len(output.firsts) and len(output.counts) != len(doc):
            raise ValueError(Errors.M303.format(encoded=len(output.counts), tokens=len(doc), text=doc.text[:40]))

    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    starts = numpy.cumsum([0, *(len(output.states) for output in outputs)])
    rows = _concatenate([output.rows + start for output, start in zip(outputs, starts)])
    firsts = _concatenate([output.firsts + start for output, start in zip(outputs, starts)])
    windows = numpy.asarray([len(output.firsts) for output in outputs])
    # A text without a window has no pieces: its tokens get zeros too.
    counts = _concatenate(
        [
            output.counts if len(output.firsts) else numpy.zeros(len(doc), dtype="i")
            for doc, output in zip(docs, outputs)
        ]
    )
    states = ops.xp.concatenate([ops.alloc2f(0, width), *(output.states for output in outputs if len(output.firsts))])

    reached, encoded_docs = numpy.flatnonzero(counts), numpy.flatnonzero(windows)
    rows, firsts = ops.xp.asarray(rows), ops.xp.asarray(firsts)
    pooled, backprop_pooling = _pool(ops, pooling, states[rows], counts[reached])
    pooled_texts, backprop_texts = _pool(ops, "mean", states[firsts], windows[encoded_docs])
    tokens = _scatter(ops, pooled, reached, len(counts))
    texts = _scatter(ops, pooled_texts, encoded_docs, len(docs))

    def backprop(d_encoded: Encoded):
        d_states = ops.alloc2f(len(states), width)
        ops.scatter_add(d_states, rows, backprop_pooling(d_encoded.tokens[ops.xp.asarray(reached)]))
        ops.scatter_add(d_states, firsts, backprop_texts(d_encoded.texts[ops.xp.asarray(encoded_docs)]))
        d_states *= grad_factor
        parts = zip(datas, outputs, starts[:-1], starts[1:])
        gradients = [
            output.make_gradient(data, d_states[start:end])
            for data, output, start, end in parts
            if output.make_gradient
        ]
        return backprop_listener(gradients)

    return Encoded(tokens, texts, lengths, _count_cut(docs, outputs, counts, lengths)), backprop


class _Output(NamedTuple):
    """The output of `mre_transformer` or of `transformer` for one document, as a flat matrix of states.

    states (Floats2d): Pieces x width.
    rows (Ints1d): For each token in turn, the rows of its pieces.
    counts (Ints1d): Pieces per token.
    firsts (Ints1d): The row of each window's first piece.
    make_gradient (Optional[Callable[[Any, Floats2d], Any]]): Converts the gradient of the states to the argument of
        the listener's backprop; its other argument is the component's output. None without states.
    """

    states: Floats2d
    rows: Ints1d
    counts: Ints1d
    firsts: Ints1d
    make_gradient: Callable[[Any, Floats2d], Any] | None


def _read_output(data: Any) -> _Output:
    if hasattr(data, "pieces"):
        return _Output(data.pieces, data.rows, data.counts, data.firsts, _unpadded_gradient)
    state = data.model_output.last_hidden_state if "last_hidden_state" in data.model_output else None
    if state is None or not state.size:  # a text without tokens
        none = numpy.zeros(0, dtype=numpy.int64)
        return _Output(none, none, none, none, None if state is None else _padded_gradient)
    windows, longest, width = state.shape
    rows, counts = _to_host(data.align.dataXd).reshape(-1), _to_host(data.align.lengths)
    return _Output(state.reshape(-1, width), rows, counts, numpy.arange(windows) * longest, _padded_gradient)


def _unpadded_gradient(data: Any, d_states: Floats2d) -> Any:
    return data.with_pieces(d_states)


def _padded_gradient(data: Any, d_states: Floats2d) -> Any:
    """Return the gradient in the form of spacy-transformers: windows x longest x width."""
    output = type(data.model_output)()
    output["last_hidden_state"] = d_states.reshape(data.model_output.last_hidden_state.shape)
    return type(data)(wordpieces=data.wordpieces, model_output=output, align=data.align)


def _concatenate(arrays: list[Ints1d]) -> Ints1d:
    return numpy.concatenate([numpy.zeros(0, dtype=numpy.int64), *arrays]).astype(numpy.int64)


def _scatter(ops: Ops, vectors: Floats2d, rows: Ints1d, size: int) -> Floats2d:
    """Return a matrix with the vectors at the given rows, and zeros in all others."""
    if len(rows) == size:
        return vectors
    scattered = ops.alloc2f(size, vectors.shape[1])
    scattered[ops.xp.asarray(rows)] = vectors
    return scattered


def _pool(
    ops: Ops, pooling: Literal["mean", "max"], vectors: Floats2d, lengths: Ints1d
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Pool the vectors of each sequence. No sequence may be empty, but there may be none."""
    if not len(lengths):
        return ops.alloc2f(0, vectors.shape[1]), lambda d_pooled: ops.alloc2f(0, vectors.shape[1])
    lengths = ops.asarray1i(lengths)
    if pooling == "mean":
        return ops.reduce_mean(vectors, lengths), lambda d_pooled: ops.backprop_reduce_mean(d_pooled, lengths)
    pooled, which = ops.reduce_max(vectors, lengths)
    return pooled, lambda d_pooled: ops.backprop_reduce_max(d_pooled, which, lengths)


def _count_cut(docs: list[Doc], outputs: list[_Output], pieces_per_token: Ints1d, lengths: Ints1d) -> Ints1d:
    """Count the tokens of each text that the encoder truncated: without pieces at the end of a window. Tokenizers drop
    some characters anywhere; what is left of these at the end of a window is told by its characters."""
    cut = numpy.zeros(len(docs), dtype=numpy.int64)
    if pieces_per_token.all():
        return cut
    ends = numpy.cumsum(lengths)
    for i, (doc, output) in enumerate(zip(docs, outputs)):
        counts = pieces_per_token[ends[i] - lengths[i] : ends[i]]
        missing = numpy.flatnonzero(counts == 0)
        if len(missing) and len(output.firsts):
            missing = missing[_at_ends(output, counts, missing)]
        cut[i] = sum(is_seen(doc[int(token)].text) for token in missing)
    return cut


def _at_ends(output: _Output, counts: Ints1d, missing: Ints1d) -> numpy.ndarray:
    """Whether the pieces before and after each of some tokens are of different windows, or there are none after it."""
    windows = numpy.searchsorted(output.firsts, output.rows, side="right")
    after = numpy.cumsum(counts)[missing]
    before = numpy.where(after > 0, numpy.append(windows, 0)[after - 1], 1)
    return numpy.append(windows, len(output.firsts) + 1)[after] > before


def _to_host(array) -> numpy.ndarray:
    return array if isinstance(array, numpy.ndarray) else array.get()
