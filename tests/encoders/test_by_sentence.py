"""A document has the vectors of its sentences."""

import numpy
import pytest
import spacy
from spacy.ml.models.tok2vec import MaxoutWindowEncoder, MultiHashEmbed
from spacy.tokens import Doc
from thinc.api import Adam, fix_random_seed

from spacy_mre.encoders.bilstm import build_bilstm
from spacy_mre.encoders.by_sentence import build_sentence_tok2vec, make_sentence_spans

WIDTH = 16
SENTENCES = ["Ida lives in Lima .", "It rained !", "Tom , who sings , left ."]


def make_model(encode):
    fix_random_seed(0)
    return build_sentence_tok2vec(MultiHashEmbed(WIDTH, ["NORM", "SHAPE"], [50, 50], False), encode)


def encoders():
    return {"bilstm": build_bilstm(WIDTH), "cnn": MaxoutWindowEncoder(WIDTH, 1, 2, 2)}


@pytest.fixture(params=["bilstm", "cnn"])
def model(request):
    model = make_model(encoders()[request.param])
    model.initialize(X=[spacy.blank("en")("Ida lives")])
    return model


def test_a_document_has_the_vectors_of_its_sentences(model):
    nlp = spacy.blank("en")
    document, *alone = model.predict([nlp(" ".join(SENTENCES)), *map(nlp, SENTENCES)])
    numpy.testing.assert_allclose(document, numpy.concatenate(alone), atol=1e-6)
    assert model.get_dim("nO") == WIDTH


def test_the_sentences_of_a_component_are_used(model):
    nlp = spacy.blank("en")
    doc = nlp(" ".join(SENTENCES[:2]))
    for token in doc:
        token.is_sent_start = token.i == 0
    whole, of_sentences = model.predict([doc, nlp(" ".join(SENTENCES[:2]))])
    assert abs(whole - of_sentences).max() > 1e-3


def test_empty_texts(model):
    nlp = spacy.blank("en")
    vectors, backprop = model([nlp(""), nlp("Ida sings ."), nlp("")], is_train=True)
    assert [found.shape for found in vectors] == [(0, WIDTH), (3, WIDTH), (0, WIDTH)]
    backprop(vectors)
    vectors, backprop = model([nlp(""), nlp("")], is_train=True)
    assert [found.shape for found in vectors] == [(0, WIDTH)] * 2
    backprop(vectors)
    assert model.predict([]) == []


def test_the_gradients_are_those_of_the_sentences():
    """One step on a document changes the weights as one step on its sentences."""
    nlp = spacy.blank("en")

    def step(docs):
        model = make_model(encoders()["cnn"])
        model.initialize(X=[nlp("Ida lives")])
        vectors, backprop = model(docs, is_train=True)
        backprop([numpy.ones_like(found) for found in vectors])
        model.finish_update(Adam(0.01))
        return model.predict([nlp(" ".join(SENTENCES))])[0]

    document, sentences = step([nlp(" ".join(SENTENCES))]), step([nlp(text) for text in SENTENCES])
    numpy.testing.assert_allclose(document, sentences, atol=1e-5)


def test_spans_are_sentences():
    nlp = spacy.blank("ja")
    docs = [nlp("東京です。大阪です。"), nlp("")]
    assert [[span.text for span in spans] for spans in make_sentence_spans()(docs)] == [
        ["東京です。", "大阪です。"],
        [],
    ]


def test_long_sentences_have_windows():
    doc = Doc(spacy.blank("en").vocab, words=["a"] * 10 + ["."] + ["b"] * 3)
    spans = make_sentence_spans(window=4, stride=3)([doc])[0]
    assert [(span.start, span.end) for span in spans] == [(0, 4), (3, 7), (6, 10), (9, 11), (11, 14)]
