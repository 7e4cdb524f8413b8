"""Docs -> vectors: the one contract every head stands on, with an adapter for each kind of encoder.

The adapter contains the listener (or the whole tok2vec), so that spaCy finds it when it walks the model, and wires it by itself.
"""

from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

from ..errors import Errors

Encoder = Model[List[Doc], "Encoded"]


@dataclass
class Encoded:
    """What an encoder says of a batch of texts.

    tokens (Floats2d): One vector per token, texts one after the other, total tokens x width.
    texts (Floats2d): One vector per text, texts x width.
    lengths (Ints1d): How many tokens each text has; always in host memory.
    cut (Ints1d): How many tokens of each text no wordpiece stands for, white space aside, because the encoder cut the text; in host memory.
    """

    tokens: Floats2d
    texts: Floats2d
    lengths: Ints1d
    cut: Ints1d

    @property
    def offsets(self) -> Ints1d:
        """The first row in `tokens` of each text."""
        return numpy.cumsum(self.lengths) - self.lengths


def find_listeners(model: Model) -> List[Model]:
    """The nodes through which a model listens to a shared encoder: of spaCy's tok2vec or of a transformer."""
    return [node for node in model.walk() if hasattr(node, "upstream_name")]


@registry.architectures("spacy_mre.TransformerEncoder.v1")
def build_transformer_encoder(pooling: str = "mean", grad_factor: float = 1.0, upstream: str = "*") -> Encoder:
    """An encoder that listens to the pipeline's transformer (the `transformer` component of spacy-transformers).

    Token vectors are pooled from the pieces of each token; a token without pieces gets zeros. The text vector is that of the first piece ([CLS] of
    BERT-like models), averaged over the windows of a long text.

    pooling (str): "mean" or "max" over the pieces of a token.
    grad_factor (float): The gradient that flows into the transformer is multiplied by it; 0 keeps the transformer untouched.
    upstream (str): The name of the transformer component; "*" takes any.
    RETURNS (Model[List[Doc], Encoded]): The encoder.
    RAISES (ValueError): An unknown pooling.
    """
    from spacy_transformers.layers import TransformerListener

    if pooling not in ("mean", "max"):
        raise ValueError(Errors.M301.format(setting="pooling", value=pooling, allowed="mean, max"))
    return Model(
        "transformer_encoder",
        _transformer_forward,
        init=_transformer_init,
        layers=[TransformerListener(upstream_name=upstream)],
        dims={"nO": None},
        attrs={"pooling": pooling, "grad_factor": grad_factor},
    )


@registry.architectures("spacy_mre.Tok2VecEncoder.v1")
def build_tok2vec_encoder(tok2vec: Model[List[Doc], List[Floats2d]], text_pooling: str = "mean") -> Encoder:
    """An encoder over any tok2vec: a `Tok2VecListener`, or a tok2vec of its own.

    tok2vec (Model[List[Doc], List[Floats2d]]): The token vectors.
    text_pooling (str): How the text vector is made of the token vectors: "mean" or "max".
    RETURNS (Model[List[Doc], Encoded]): The encoder.
    RAISES (ValueError): An unknown pooling.
    """
    if text_pooling not in ("mean", "max"):
        raise ValueError(Errors.M301.format(setting="text_pooling", value=text_pooling, allowed="mean, max"))
    return Model(
        "tok2vec_encoder",
        _tok2vec_forward,
        init=_tok2vec_init,
        layers=[tok2vec],
        dims={"nO": None},
        attrs={"text_pooling": text_pooling},
    )


# Over a transformer


def _transformer_init(model: Encoder, X: Optional[List[Doc]] = None, Y=None) -> None:
    listener = model.layers[0]
    if not listener.has_dim("nO"):
        raise ValueError(Errors.M302.format(upstream=listener.upstream_name))
    model.set_dim("nO", listener.get_dim("nO"), force=True)


def _transformer_forward(model: Encoder, docs: List[Doc], is_train: bool) -> Tuple[Encoded, Callable]:
    listener, ops, width = model.layers[0], model.ops, model.get_dim("nO")
    if not is_train:
        for doc in docs:
            if len(doc) and doc._.trf_data is None:
                raise ValueError(Errors.M303.format(upstream=listener.upstream_name))
    datas, backprop_listener = listener(docs, is_train)
    # A text without tokens has no pieces either.
    states = [data.model_output.last_hidden_state if "last_hidden_state" in data.model_output else None for data in datas]
    states = [None if state is None or not state.size else state for state in states]
    for doc, data, state in zip(docs, datas, states):
        if state is not None and len(data.align.lengths) != len(doc):
            raise ValueError(Errors.M304.format(encoded=len(data.align.lengths), tokens=len(doc), text=doc.text[:40]))

    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    piece_counts = [_on_host(data.align.lengths) if state is not None else numpy.zeros(0, "i") for data, state in zip(datas, states)]
    pieces_per_token = numpy.concatenate([*piece_counts, numpy.zeros(0, "i")]).astype("i")
    first_piece = numpy.cumsum([0, *(0 if state is None else state.shape[0] * state.shape[1] for state in states)])
    rows = [_on_host(data.align.dataXd).reshape(-1) + first for data, state, first in zip(datas, states, first_piece) if state is not None]
    rows = numpy.concatenate([*rows, numpy.zeros(0, "i")]).astype(numpy.int64)
    flat = ops.xp.concatenate([state.reshape(-1, width) for state in states if state is not None] or [ops.alloc2f(0, width)])

    reached = numpy.flatnonzero(pieces_per_token)
    reached_lengths = ops.asarray1i(pieces_per_token[reached])
    pooled, backprop_pooling = _pool(model, flat[ops.xp.asarray(rows)], reached_lengths)
    if len(reached) == len(pieces_per_token):
        tokens = pooled
    else:
        tokens = ops.alloc2f(len(pieces_per_token), width)
        tokens[ops.xp.asarray(reached)] = pooled
    texts = ops.alloc2f(len(docs), width)
    for i, state in enumerate(states):
        if state is not None:
            texts[i] = state[:, 0].mean(axis=0)

    def backprop(d_encoded: Encoded):
        d_flat = ops.alloc2f(len(flat), width)
        d_pieces = backprop_pooling(d_encoded.tokens[ops.xp.asarray(reached)])
        ops.scatter_add(d_flat, ops.xp.asarray(rows), d_pieces)
        d_datas = []
        for i, (data, state) in enumerate(zip(datas, states)):
            if "last_hidden_state" not in data.model_output:
                continue
            d_state = d_flat[first_piece[i] : first_piece[i + 1]].reshape(data.model_output.last_hidden_state.shape)
            if state is not None:
                d_state[:, 0] += d_encoded.texts[i] / d_state.shape[0]
            d_state *= model.attrs["grad_factor"]
            output = type(data.model_output)()
            output["last_hidden_state"] = d_state
            d_datas.append(type(data)(wordpieces=data.wordpieces, model_output=output, align=data.align))
        return backprop_listener(d_datas)

    return Encoded(tokens, texts, lengths, _count_cut(docs, pieces_per_token, lengths)), backprop


def _pool(model: Encoder, pieces: Floats2d, lengths: Ints1d) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    ops = model.ops
    if not len(lengths):
        return ops.alloc2f(0, pieces.shape[1]), lambda d_pooled: ops.alloc2f(0, pieces.shape[1])
    if model.attrs["pooling"] == "mean":
        return ops.reduce_mean(pieces, lengths), lambda d_pooled: ops.backprop_reduce_mean(d_pooled, lengths)
    pooled, which = ops.reduce_max(pieces, lengths)
    return pooled, lambda d_pooled: ops.backprop_reduce_max(d_pooled, which, lengths)


def _count_cut(docs: List[Doc], pieces_per_token: Ints1d, lengths: Ints1d) -> Ints1d:
    cut = numpy.zeros(len(docs), dtype=numpy.int64)
    if pieces_per_token.all():
        return cut
    ends = numpy.cumsum(lengths)
    for i, doc in enumerate(docs):
        missing = numpy.flatnonzero(pieces_per_token[ends[i] - lengths[i] : ends[i]] == 0)
        cut[i] = sum(not doc[int(token)].is_space for token in missing)
    return cut


# Over a tok2vec


def _tok2vec_init(model: Encoder, X: Optional[List[Doc]] = None, Y=None) -> None:
    tok2vec = model.layers[0]
    tok2vec.initialize(X=X)
    model.set_dim("nO", tok2vec.get_dim("nO"), force=True)


def _tok2vec_forward(model: Encoder, docs: List[Doc], is_train: bool) -> Tuple[Encoded, Callable]:
    tok2vec, ops, width = model.layers[0], model.ops, model.get_dim("nO")
    if not is_train and hasattr(tok2vec, "upstream_name"):
        for doc in docs:  # the listener would give zeros
            if len(doc) and not doc.tensor.size:
                raise ValueError(Errors.M303.format(upstream=tok2vec.upstream_name))
    vectors, backprop_tok2vec = tok2vec(docs, is_train)
    for doc, array in zip(docs, vectors):
        if len(array) != len(doc):
            raise ValueError(Errors.M304.format(encoded=len(array), tokens=len(doc), text=doc.text[:40]))
    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    tokens = ops.xp.concatenate([*vectors, ops.alloc2f(0, width)])
    texts = ops.alloc2f(len(docs), width)
    filled = numpy.flatnonzero(lengths)
    where, filled_lengths = ops.xp.asarray(filled), ops.asarray1i(lengths[filled])
    backprop_texts = None
    if len(filled):
        if model.attrs["text_pooling"] == "mean":
            texts[where] = ops.reduce_mean(tokens, filled_lengths)
            backprop_texts = lambda d_texts: ops.backprop_reduce_mean(d_texts[where], filled_lengths)  # noqa: E731
        else:
            texts[where], which = ops.reduce_max(tokens, filled_lengths)
            backprop_texts = lambda d_texts: ops.backprop_reduce_max(d_texts[where], which, filled_lengths)  # noqa: E731

    def backprop(d_encoded: Encoded):
        d_tokens = ops.xp.array(d_encoded.tokens)
        if backprop_texts is not None:
            d_tokens += backprop_texts(d_encoded.texts)
        ends = numpy.cumsum(lengths)
        return backprop_tok2vec([d_tokens[end - length : end] for end, length in zip(ends, lengths)])

    return Encoded(tokens, texts, lengths, numpy.zeros(len(docs), dtype=numpy.int64)), backprop


def _on_host(array) -> numpy.ndarray:
    return array if isinstance(array, numpy.ndarray) else array.get()
