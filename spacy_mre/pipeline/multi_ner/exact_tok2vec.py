"""Exact interaction: a tok2vec reads each question together with each text, as one Doc."""

from collections.abc import Callable
from typing import Any

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model
from thinc.types import Floats2d

from ...encoders.by_sentence import SENTENCE_TOK2VEC
from ...encoders.encoder import find_listeners
from ...errors import Errors
from .interaction import EncodedPairs, Interaction, TextsAndQuestions

SEPARATOR = "[SEP]"
# What tokenizers set, and what cannot be derived from the words: norms of exceptions, and the tags of a dictionary.
ATTRIBUTES: list[int | str] = ["NORM", "TAG", "LEMMA", "POS", "MORPH", "DEP"]


@registry.architectures("spacy_mre.CrossTok2Vec.v1")
def build_cross_tok2vec(tok2vec: Model[list[Doc], list[Floats2d]]) -> Interaction:
    """Read each question together with each text, as one Doc: question, "[SEP]", text.

    A CNN of depth d reads d tokens to each side. Farther from the question all types have the same vectors, so only
    `heads = "per_type"` tells them apart, and attention between types has no effect. `spacy_mre.BiLSTM.v1`,
    which reads the whole text, and `spacy_mre.LateInteraction.v1` do not have this limit.

    tok2vec (Model[list[Doc], list[Floats2d]]): A tok2vec, not a listener. It reads the norms, tags, lemmas and the like
        that the tokenizer sets, but not what other components set for the text as a whole: entities and sentences.
    RETURNS (Model[tuple[list[Doc], list[Doc]], EncodedPairs]): From texts and questions to vectors.
    RAISES (ValueError): If it is a listener, or reads each sentence alone.
    """
    if find_listeners(tok2vec):
        raise ValueError(Errors.M840)
    if any(node.name == SENTENCE_TOK2VEC for node in tok2vec.walk()):
        raise ValueError(Errors.M845)
    return Model("cross_tok2vec", _forward, init=_init, layers=[tok2vec], refs={"encoder": tok2vec}, dims={"nO": None})


def _init(model: Interaction, X: TextsAndQuestions | None = None, Y: Any = None) -> None:
    tok2vec = model.get_ref("encoder")
    docs = None if X is None else [_join(question, doc) for question in X[1] for doc in X[0]]
    tok2vec.initialize(X=docs or None)
    model.set_dim("nO", tok2vec.get_dim("nO"), force=True)


def _forward(
    model: Interaction, X: TextsAndQuestions, is_train: bool
) -> tuple[EncodedPairs, Callable[[EncodedPairs], list]]:
    docs, questions = X
    xp, width = model.ops.xp, model.get_dim("nO")
    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    text_lengths = numpy.tile(lengths, len(questions))
    joined = [_join(question, doc) for question in questions for doc in docs]
    arrays, backprop_tok2vec = model.get_ref("encoder")(joined, is_train)
    texts = [array[len(array) - length :] for array, length in zip(arrays, text_lengths.tolist())]
    vectors = xp.concatenate(texts).reshape(len(questions), -1, width)

    def backprop(d_encoded: EncodedPairs) -> list:
        d_arrays = [xp.zeros_like(array) for array in arrays]
        flat = d_encoded.vectors.reshape((-1, width))
        d_texts = xp.split(flat, numpy.cumsum(text_lengths)[:-1].tolist())
        for d_array, d_text in zip(d_arrays, d_texts):
            d_array[len(d_array) - len(d_text) :] = d_text
        backprop_tok2vec(d_arrays)
        return []

    return EncodedPairs.of_tokens(vectors, lengths), backprop


def _join(question: Doc, text: Doc) -> Doc:
    words = [*(token.text for token in question), SEPARATOR, *(token.text for token in text)]
    joined = Doc(text.vocab, words=words)
    separator = joined.to_array(ATTRIBUTES)[len(question) : len(question) + 1]
    rows = numpy.concatenate([question.to_array(ATTRIBUTES), separator, text.to_array(ATTRIBUTES)])
    return joined.from_array(ATTRIBUTES, rows)
