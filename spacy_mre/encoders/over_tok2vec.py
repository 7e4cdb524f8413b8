"""The encoder over any tok2vec, and a concatenation of two encoders.

The order of this file: the default encoder of a component, the encoder over a tok2vec, and the concatenation.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Config, Model
from thinc.types import Floats2d

from ..errors import Errors
from ..settings import checked
from .encoder import Encoded, Encoder, check_outputs

default_config = """
[encoder]
@architectures = "spacy_mre.Tok2VecEncoder.v1"

[encoder.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true
"""
DEFAULT_ENCODER = Config().from_str(default_config)["encoder"]


@registry.architectures("spacy_mre.Tok2VecEncoder.v1")
@checked
def build_tok2vec_encoder(
    tok2vec: Model[list[Doc], list[Floats2d]], text_pooling: Literal["mean", "max"] = "mean"
) -> Encoder:
    """Build an encoder over a tok2vec: a `Tok2VecListener`, or a tok2vec that only this encoder uses.

    tok2vec (Model[list[Doc], list[Floats2d]]): The token vectors.
    text_pooling (Literal["mean", "max"]): How the token vectors are pooled to the text vector. Default: "mean".
    RETURNS (Encoder): The encoder.
    """
    return Model(
        "tok2vec_encoder",
        partial(_tok2vec_forward, text_pooling=text_pooling),
        init=_tok2vec_init,
        layers=[tok2vec],
        dims={"nO": None},
    )


def _tok2vec_init(model: Encoder, X: list[Doc] | None = None, Y=None) -> None:
    tok2vec = model.layers[0]
    tok2vec.initialize(X=X)
    model.set_dim("nO", tok2vec.get_dim("nO"), force=True)


def _tok2vec_forward(
    model: Encoder, docs: list[Doc], is_train: bool, *, text_pooling: Literal["mean", "max"]
) -> tuple[Encoded, Callable]:
    tok2vec, ops, width = model.layers[0], model.ops, model.get_dim("nO")
    # A listener to a transformer has vectors of another width for a text without tokens.
    if is_train:
        found, backprop_tok2vec = tok2vec(docs, is_train)
        vectors = [array if len(doc) else ops.alloc2f(0, width) for doc, array in zip(docs, found)]
    else:
        check_outputs(tok2vec, docs)
        filled = [doc for doc in docs if len(doc)]
        found = iter(tok2vec.predict(filled) if filled else ())
        vectors, backprop_tok2vec = [next(found) if len(doc) else ops.alloc2f(0, width) for doc in docs], _no_gradient
    for doc, array in zip(docs, vectors):
        if len(array) != len(doc):
            raise ValueError(Errors.M303.format(encoded=len(array), tokens=len(doc), text=doc.text[:40]))
    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    tokens = ops.xp.concatenate([*vectors, ops.alloc2f(0, width)])
    pooled, backprop_pooling = _pool_texts(model, tokens, lengths, text_pooling)

    def backprop(d_encoded: Encoded):
        d_tokens = ops.xp.array(d_encoded.tokens)
        d_tokens += backprop_pooling(d_encoded.texts)
        ends = numpy.cumsum(lengths)
        return backprop_tok2vec([d_tokens[end - length : end] for end, length in zip(ends, lengths)])

    return Encoded(tokens, pooled, lengths, numpy.zeros(len(docs), dtype=numpy.int64)), backprop


def _pool_texts(
    model: Encoder, tokens: Floats2d, lengths: numpy.ndarray, text_pooling: Literal["mean", "max"]
) -> tuple[Floats2d, Callable]:
    """Pool the tokens of each text; a text without tokens gets zeros."""
    ops = model.ops
    texts = ops.alloc2f(len(lengths), model.get_dim("nO"))
    filled = numpy.flatnonzero(lengths)
    if not len(filled):
        return texts, _no_gradient
    rows, filled_lengths = ops.xp.asarray(filled), ops.asarray1i(lengths[filled])
    if text_pooling == "mean":
        texts[rows] = ops.reduce_mean(tokens, filled_lengths)

        def backprop(d_texts: Floats2d) -> Floats2d:
            return ops.backprop_reduce_mean(d_texts[rows], filled_lengths)

    else:
        texts[rows], which = ops.reduce_max(tokens, filled_lengths)

        def backprop(d_texts: Floats2d) -> Floats2d:
            return ops.backprop_reduce_max(d_texts[rows], which, filled_lengths)

    return texts, backprop


def _no_gradient(d_texts: Floats2d) -> float:
    return 0.0


@registry.architectures("spacy_mre.EncoderBesideTok2Vec.v1")
def build_encoder_beside_tok2vec(encoder: Encoder, tok2vec: Model[list[Doc], list[Floats2d]]) -> Encoder:
    """Build two encoders whose vectors are concatenated, for each token and each text. The second one adds what the
    first one loses, for example the capital letters that an uncased transformer lowercases.

    encoder (Encoder): The first encoder, over a transformer for example.
    tok2vec (Model[list[Doc], list[Floats2d]]): The second one; its text vector is the mean of its token vectors.
    RETURNS (Encoder): The encoder; its width is the sum of the two widths.
    """
    layers = [encoder, build_tok2vec_encoder(tok2vec)]
    return Model("encoder_beside_tok2vec", _beside_forward, init=_beside_init, layers=layers, dims={"nO": None})


def _beside_init(model: Encoder, X: list[Doc] | None = None, Y=None) -> None:
    for layer in model.layers:
        layer.initialize(X=X)
    model.set_dim("nO", sum(layer.get_dim("nO") for layer in model.layers), force=True)


def _beside_forward(model: Encoder, docs: list[Doc], is_train: bool) -> tuple[Encoded, Callable]:
    (first, backprop_first), (second, backprop_second) = (layer(docs, is_train) for layer in model.layers)
    width, xp = model.layers[0].get_dim("nO"), model.ops.xp

    def backprop(d_encoded: Encoded):
        d_tokens, d_texts = d_encoded.tokens, d_encoded.texts
        backprop_second(Encoded(d_tokens[:, width:], d_texts[:, width:], second.lengths, second.cut))
        return backprop_first(Encoded(d_tokens[:, :width], d_texts[:, :width], first.lengths, first.cut))

    tokens, texts = xp.hstack([first.tokens, second.tokens]), xp.hstack([first.texts, second.texts])
    return Encoded(tokens, texts, first.lengths, numpy.maximum(first.cut, second.cut)), backprop
