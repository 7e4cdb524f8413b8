"""A tok2vec of question and text, compared with single Docs."""

import numpy
import pytest
import spacy
from spacy.ml.models.tok2vec import MaxoutWindowEncoder
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from thinc.api import Model

from spacy_mre.encoders.by_sentence import build_sentence_tok2vec
from spacy_mre.encoders.word_features import build_word_tags
from spacy_mre.pipeline.multi_ner.exact_tok2vec import build_cross_tok2vec
from tests.pipeline.multi_ner.interactions import NLP, QUESTIONS, TEXTS, check_gradient, make_cnn, make_docs


def test_a_tok2vec_reads_question_and_text_as_one_doc():
    model = build_cross_tok2vec(make_cnn())
    docs, questions = make_docs(), make_docs(QUESTIONS)
    model.initialize(X=(docs, questions))
    encoded = model.predict((docs, questions))
    assert encoded.vectors.shape == (3, sum(map(len, docs)), 8) and encoded.sizes.tolist() == encoded.lengths.tolist()
    for j, question in enumerate(questions):
        for doc, offset in zip(docs, encoded.offsets):
            together = spacy.tokens.Doc(
                NLP.vocab, words=[*(token.text for token in question), "[SEP]", *(token.text for token in doc)]
            )
            (array,) = model.get_ref("encoder").predict([together])
            assert encoded.vectors[j, offset : offset + len(doc)] == pytest.approx(array[len(question) + 1 :], abs=1e-5)


def test_norms_of_tokens_are_kept():
    model = build_cross_tok2vec(
        Model("norms", lambda model, docs, is_train: ([norms_of(doc) for doc in docs], lambda d: d), dims={"nO": 1})
    )
    model.initialize()
    (doc,) = make_docs(["I can't go"])
    encoded = model.predict(([doc], make_docs(["who ?"])))
    assert encoded.vectors[0, :, 0].tolist() == norms_of(doc)[:, 0].tolist()
    assert [token.norm_ for token in doc] != [token.lower_ for token in doc]


def test_what_the_tokenizer_sets_is_kept():
    read = []

    def forward(model, docs, is_train):
        read.extend(docs)
        return [norms_of(doc) for doc in docs], lambda d_arrays: d_arrays

    model = build_cross_tok2vec(Model("attributes", forward, dims={"nO": 1}))
    model.initialize()
    values = {"tags": "PRP", "lemmas": "I", "pos": "PRON", "morphs": "Case=Nom", "deps": "nsubj"}
    text = Doc(NLP.vocab, words=["I", "go"], **{name: [value, ""] for name, value in values.items()})
    question = Doc(NLP.vocab, words=["who", "?"], tags=["WP", "."])
    model.predict(([text], [question]))
    (joined,) = read
    assert [token.text for token in joined] == ["who", "?", "[SEP]", "I", "go"]
    assert [token.tag_ for token in joined] == ["WP", ".", "", "PRP", ""]
    token = joined[3]
    assert (token.lemma_, token.pos_, str(token.morph), token.dep_) == ("I", "PRON", "Case=Nom", "nsubj")
    assert (str(joined[4].morph), joined[4].pos_, joined[4].dep_) == ("", "", "")


def test_an_embedding_of_tags_sees_them():
    model = build_cross_tok2vec(build_word_tags(width=8, rows=100))
    plain, tagged = (Doc(NLP.vocab, words=["Ida"], tags=[tag]) for tag in ("", "NNP"))
    model.initialize(X=([plain], [tagged]))
    vectors = model.predict(([plain, tagged], make_docs(["who ?"]))).vectors[0]
    assert numpy.abs(vectors[0] - vectors[1]).max() > 1e-3


def norms_of(doc):
    return numpy.array([[float(token.norm % 10007)] for token in doc], dtype="f").reshape(-1, 1)


def test_a_cnn_reads_the_question_only_nearby():
    model = build_cross_tok2vec(make_cnn(depth=2))
    docs, questions = make_docs([TEXTS[-1]]), make_docs(QUESTIONS)
    model.initialize(X=(docs, questions))
    vectors = model.predict((docs, questions)).vectors
    apart = numpy.abs(vectors[0] - vectors[1]).max(axis=1) > 1e-6
    # Two layers reach the separator and one token of the text.
    assert apart.tolist() == [True] + [False] * (len(docs[0]) - 1)


def test_gradients_of_the_tok2vec():
    model = build_cross_tok2vec(make_cnn())
    docs, questions = make_docs(), make_docs(QUESTIONS)
    model.initialize(X=(docs, questions))
    check_gradient(model, docs, questions)


def test_the_tok2vec_is_not_a_listener():
    with pytest.raises(ValueError, match="M840"):
        build_cross_tok2vec(Tok2VecListener("*", 8))


def test_sentences_are_not_read_alone():
    listed = build_word_tags(width=8)
    with pytest.raises(ValueError, match="M845"):
        build_cross_tok2vec(build_sentence_tok2vec(listed, MaxoutWindowEncoder(8, 1, 3, 1)))
