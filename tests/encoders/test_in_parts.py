"""Thinc's layers over tokens, some rows at a time."""

import tracemalloc

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from spacy.ml.models.tok2vec import MaxoutWindowEncoder, MishWindowEncoder, MultiHashEmbed, build_Tok2Vec_model
from spacy.tokens import Doc
from thinc.api import Linear, Model, chain, residual, with_array

from spacy_mre.encoders import in_parts
from spacy_mre.encoders.in_parts import predict_in_parts

WIDTH = 6


def make_texts(lengths, seed=0):
    generator = numpy.random.default_rng(seed)
    return [generator.normal(size=(length, WIDTH)).astype("float32") for length in lengths]


def forwards(model):
    """The functions of the layers that read arrays."""
    return [node.layers[0]._func for node in model.walk() if node.name.startswith("with_array(")]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 9), max_size=4).filter(any), st.integers(0, 2), st.integers(1, 3), st.integers(1, 5))
def test_a_convolution_in_parts_equals_the_whole_one(lengths, window_size, depth, rows):
    model = MaxoutWindowEncoder(width=WIDTH, window_size=window_size, maxout_pieces=2, depth=depth)
    texts = make_texts(lengths)
    model.initialize(X=make_texts([3]))
    expected = model.predict(texts)
    predict_in_parts(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_parts, "ROWS", rows)
        found = model.predict(texts)
    assert [text.shape for text in found] == [text.shape for text in expected]
    for one, other in zip(found, expected):
        assert_allclose(one, other, atol=1e-5)


def make_tok2vec():
    embed = MultiHashEmbed(32, ["NORM", "SHAPE"], [100, 100], include_static_vectors=False)
    model = build_Tok2Vec_model(embed, MaxoutWindowEncoder(32, window_size=1, maxout_pieces=3, depth=4))
    model.initialize(X=[Doc(spacy.blank("en").vocab, words=["Ida", "left"])])
    return model


def make_doc(length):
    return Doc(spacy.blank("en").vocab, words=[f"word{i % 50}" for i in range(length)])


def peak_of(call):
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_long_text_needs_a_fraction_of_the_memory():
    model, docs = make_tok2vec(), [make_doc(10_000), make_doc(3)]
    expected, whole = peak_of(lambda: model.predict(docs))
    predict_in_parts(model)
    found, of_parts = peak_of(lambda: model.predict(docs))
    assert of_parts < whole / 3
    for one, other in zip(found, expected):
        assert_allclose(one, other, atol=1e-5)


def test_training_is_as_before(monkeypatch):
    monkeypatch.setattr(in_parts, "ROWS", 2)
    gradients = []
    for in_part in (False, True):
        model = MaxoutWindowEncoder(width=WIDTH, window_size=1, maxout_pieces=2, depth=2)
        texts = make_texts([7, 2])
        spacy.util.fix_random_seed(0)
        model.initialize(X=texts)
        if in_part:
            predict_in_parts(model)
        for is_train in (True, False):
            for node in model.walk():
                if node.has_param("W"):
                    node.set_grad("W", node.get_param("W") * 0)
            vectors, backprop = model(texts, is_train)
            gradients.append(numpy.concatenate(backprop([numpy.ones_like(text) for text in vectors])))
    for gradient in gradients[1:]:
        assert_allclose(gradient, gradients[0], atol=1e-5)


def sums_of_all_rows():
    return Model("sums", lambda model, rows, is_train: (numpy.repeat(rows.sum(0, keepdims=True), len(rows), 0), None))


@pytest.mark.parametrize(
    "model",
    [
        with_array(sums_of_all_rows()),
        with_array(chain(Linear(WIDTH, WIDTH), residual(sums_of_all_rows()))),
        MishWindowEncoder(width=WIDTH, window_size=1, depth=1),  # without padding between texts
    ],
    ids=["another", "another within known ones", "beyond the padding"],
)
def test_layers_that_may_read_other_rows_are_left_alone(model):
    before = forwards(model)
    predict_in_parts(model)
    assert forwards(model) == before


def test_a_second_time_changes_nothing():
    model = make_tok2vec()
    before = forwards(model)
    predict_in_parts(model)
    once = forwards(model)
    predict_in_parts(model)
    assert len(once) == 3 and forwards(model) == once and not set(once) & set(before)


def test_a_copy_predicts_in_parts_too():
    model = make_tok2vec()
    predict_in_parts(model)
    assert forwards(model.copy()) == forwards(model)
