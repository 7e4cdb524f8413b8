"""Encoders that read each sentence alone, so that a document has the vectors of its sentences."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeAlias, cast

import numpy
from spacy.tokens import Doc, Span
from spacy.util import registry
from thinc.api import Model, get_array_module
from thinc.types import Floats2d

from ..annotations.sentences import sentence_numbers
from ..settings import Positive, checked

Tok2Vec: TypeAlias = Model[list[Doc], list[Floats2d]]
Sequences = list[Floats2d]

SENTENCE_TOK2VEC = "sentence_tok2vec"


@registry.architectures("spacy_mre.SentenceTok2Vec.v1")
def build_sentence_tok2vec(embed: Tok2Vec, encode: Model[Sequences, Sequences]) -> Tok2Vec:
    """Build a tok2vec like `spacy.Tok2Vec.v2`, whose `encode` reads each sentence alone. See `sentence_numbers` for how
    sentences are found.

    embed (Model[list[Doc], list[Floats2d]]): From documents to the vectors of their tokens.
    encode (Model[list[Floats2d], list[Floats2d]]): From the vectors of a sentence to those in its context.
    RETURNS (Model[list[Doc], list[Floats2d]]): The tok2vec.
    """
    dims = {"nO": encode.get_dim("nO") if encode.has_dim("nO") else None}
    refs = {"embed": embed, "encode": encode}
    return Model(SENTENCE_TOK2VEC, _forward, init=_init, layers=[embed, encode], dims=dims, refs=refs)


@checked
def make_sentence_spans(window: Positive = 256, stride: Positive = 192) -> Callable[[list[Doc]], list[list[Span]]]:
    """Make the `get_spans` of a transformer that reads each sentence alone: `@span_getters =
    "spacy_mre.sentence_spans.v1"`. Its entry point is read by the registry of spacy-transformers.

    window (int): The most tokens of a span; longer sentences are split into overlapping windows. Default: 256.
    stride (int): The tokens between the starts of two windows. Default: 192.
    RETURNS (Callable[[list[Doc]], list[list[Span]]]): From documents to the spans of each.
    """

    def get_spans(docs: list[Doc]) -> list[list[Span]]:
        return [list(_windows(doc, window, stride)) for doc in docs]

    return get_spans


def _windows(doc: Doc, window: int, stride: int) -> Iterator[Span]:
    for start, end in _sentences(doc):
        while end - start > window:
            yield doc[start : start + window]
            start += stride
        yield doc[start:end]


def _sentences(doc: Doc) -> list[tuple[int, int]]:
    """Start and end of each sentence, in tokens."""
    if not len(doc):
        return []
    bounds = [0, *(numpy.flatnonzero(numpy.diff(sentence_numbers(doc))) + 1).tolist(), len(doc)]
    return list(pairwise(bounds))


def _forward(model: Tok2Vec, docs: list[Doc], is_train: bool) -> tuple[Sequences, Callable[[Sequences], list[Doc]]]:
    embed, encode = cast(tuple[Tok2Vec, Any], model.layers)
    embedded, backprop_embed = embed(docs, is_train)
    sentences = [_sentences(doc) for doc in docs]
    if not any(sentences):
        return [model.ops.alloc2f(0, model.get_dim("nO")) for _ in docs], lambda d_texts: []
    encoded, backprop_encode = encode(_split(embedded, sentences), is_train)

    def backprop(d_texts: Sequences) -> list[Doc]:
        return backprop_embed(_join(backprop_encode(_split(d_texts, sentences)), sentences))

    return _join(encoded, sentences), backprop


def _init(model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
    embed, encode = cast(tuple[Tok2Vec, Any], model.layers)
    embed.initialize(X=X)
    encode.initialize(X=embed.predict(X) if X else None)
    if not model.has_dim("nO") and encode.has_dim("nO"):
        model.set_dim("nO", encode.get_dim("nO"))


def _split(texts: Sequences, sentences: list[list[tuple[int, int]]]) -> Sequences:
    return [vectors[start:end] for vectors, found in zip(texts, sentences) for start, end in found]


def _join(vectors: Sequences, sentences: list[list[tuple[int, int]]]) -> Sequences:
    """The vectors of texts from those of their sentences, of which there is at least one."""
    xp = get_array_module(vectors[0])
    texts, first = [], 0
    for found in sentences:
        texts.append(xp.concatenate([vectors[0][:0], *vectors[first : first + len(found)]]))
        first += len(found)
    return texts
