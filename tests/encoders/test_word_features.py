import numpy
import pytest
import spacy
from spacy.ml.models.tok2vec import MultiHashEmbed, build_hash_embed_cnn_tok2vec
from spacy.tokens import Doc

from spacy_mre.encoders.word_features import build_tok2vec_beside_tok2vec, build_word_tags, build_word_vectors

VOCAB = spacy.blank("en").vocab  # an empty vocabulary does not compute first letters and suffixes


def tagged(*pairs):
    words, tags = zip(*pairs)
    return Doc(VOCAB, words=list(words), tags=list(tags))


@pytest.fixture(scope="module")
def word_tags():
    model = build_word_tags(width=8, rows=100)
    model.initialize(X=[tagged(("京都", "place"))])
    return model


def test_the_same_word_with_other_tags_has_other_vectors(word_tags):
    doc = tagged(("京都", "place"), ("京都", "person"), ("京都", "place"))
    (vectors,) = word_tags.predict([doc])
    assert vectors.shape == (3, 8)
    assert not numpy.allclose(vectors[0], vectors[1])
    assert numpy.array_equal(vectors[0], vectors[2])


def test_words_with_the_same_tag_differ_by_first_letter_and_suffix(word_tags):
    (vectors,) = word_tags.predict([tagged(("青葉大学", "name"), ("青葉病院", "name"), ("若葉大学", "name"))])
    assert len(numpy.unique(vectors.round(5), axis=0)) == 3


def test_a_document_without_tags_has_vectors_too(word_tags):
    (vectors,) = word_tags.predict([Doc(VOCAB, words=["京都"])])
    assert vectors.shape == (1, 8)


def make_both(docs):
    first = build_hash_embed_cnn_tok2vec(
        width=6, depth=1, embed_size=50, window_size=1, maxout_pieces=2, subword_features=False, pretrained_vectors=None
    )
    both = build_tok2vec_beside_tok2vec(first, MultiHashEmbed(4, ["TAG"], [50], include_static_vectors=False))
    both.initialize(X=docs)
    return both


def test_vectors_of_two_tok2vecs_are_concatenated():
    docs = [tagged(("a", "x"), ("b", "y")), tagged(("c", "x"))]
    both = make_both(docs)
    assert both.get_dim("nO") == 10
    parts = [layer.predict(docs) for layer in both.layers]
    for vectors, first, second in zip(both.predict(docs), *parts):
        assert numpy.array_equal(vectors, numpy.hstack([first, second]))


def test_each_tok2vec_gets_its_part_of_the_gradient():
    docs = [tagged(("a", "x"), ("b", "y")), tagged(("c", "x"))]
    for layer_index, columns in ((0, slice(0, 6)), (1, slice(6, 10))):
        both = make_both(docs)
        vectors, backprop = both.begin_update(docs)
        d_vectors = [numpy.zeros_like(array) for array in vectors]
        for array in d_vectors:
            array[:, columns] = 1.0
        backprop(d_vectors)
        has_gradient = [
            any(node.get_grad(name).any() for node in layer.walk() for name in node.grad_names) for layer in both.layers
        ]
        assert has_gradient == [layer_index == 0, layer_index == 1]


# Word vectors


@pytest.fixture(scope="module")
def vocab_with_vectors():
    vocab = spacy.blank("en").vocab
    vocab.set_vector("ship", numpy.array([1, 0, 0], dtype="f"))
    vocab.set_vector("sails", numpy.array([0, 2, 0], dtype="f"))
    return vocab


def test_a_word_vector_does_not_depend_on_other_words(vocab_with_vectors):
    docs = [Doc(vocab_with_vectors, words=words) for words in (["ship", "sails"], ["a", "ship"], [])]
    model = build_word_vectors(4)
    model.initialize(X=docs)
    assert model.get_dim("nO") == 4
    first, second, empty = model.predict(docs)
    (weights,) = (node.get_param("W") for node in model.walk() if node.has_param("W"))
    assert numpy.allclose(first, [weights[:, 0], 2 * weights[:, 1]])
    assert not second[0].any(), "a word without a vector"
    assert numpy.array_equal(second[1], first[0])
    assert empty.shape == (0, 4)


def test_the_layer_over_word_vectors_is_trained(vocab_with_vectors):
    docs = [Doc(vocab_with_vectors, words=["ship", "sails", "a"])]
    model = build_word_vectors(4)
    model.initialize(X=docs)
    _, backprop = model.begin_update(docs)
    backprop([numpy.ones((3, 4), dtype="f")])
    (gradient,) = (node.get_grad("W") for node in model.walk() if node.has_grad("W"))
    assert numpy.allclose(gradient, [[1, 2, 0]] * 4)
