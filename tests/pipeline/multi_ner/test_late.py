"""Late interaction, compared with its formulas."""

import numpy
import pytest
import torch
from spacy.pipeline.tok2vec import Tok2VecListener

from spacy_mre.encoders.over_tok2vec import build_tok2vec_encoder
from spacy_mre.pipeline.multi_ner.late import build_late_interaction
from spacy_mre.pipeline.multi_ner.transformer_tok2vec import build_transformer_tok2vec
from tests.pipeline.multi_ner.interactions import (
    QUESTIONS,
    check_gradient,
    make_cnn,
    make_docs,
    make_transformer,
    random_like,
    with_vectors,
)


def make_late(questions=True, **settings):
    reader = build_tok2vec_encoder(make_cnn(width=6)) if questions else None
    model = build_late_interaction(
        build_tok2vec_encoder(make_cnn()), reader, size=4, attention_heads=2, dropout=0.0, **settings
    )
    model.initialize(X=(make_docs(), make_docs(QUESTIONS)))
    return model


@pytest.mark.parametrize("questions", [True, False])
def test_every_token_attends_to_every_question(questions):
    model = make_late(questions)
    encoded = model.predict((make_docs(), make_docs(QUESTIONS)))
    assert encoded.vectors.shape == (3, int(encoded.lengths.sum()), 8)
    # Also for tokens that are too far from the question for a CNN.
    assert numpy.abs(encoded.vectors[0] - encoded.vectors[1]).max(axis=1).min() > 1e-4
    trained, _ = model.begin_update((make_docs(), make_docs(QUESTIONS)))
    assert trained.vectors == pytest.approx(encoded.vectors, abs=1e-5)


def test_cross_attention_by_hand():
    model = make_late(depth=1)
    docs, questions = make_docs(["Ida lives in Lima"]), make_docs(QUESTIONS)
    encoded = model.predict((docs, questions))
    module = model.get_ref("cross").shims[0].module
    (layer,) = module.layers
    tokens = torch.from_numpy(model.get_ref("encoder").predict(docs).tokens)
    read = model.get_ref("questions").predict(questions)
    boundaries = numpy.cumsum([0, *read.lengths])
    with torch.no_grad():
        for j in range(3):
            words = torch.from_numpy(read.tokens[boundaries[j] : boundaries[j + 1]])
            query, key, value = layer.query(layer.attention_norm(tokens)), layer.key(words), layer.value(words)
            heads = []
            for columns in (slice(0, 2), slice(2, 4)):
                weights = torch.softmax(query[:, columns] @ key[:, columns].T / 2**0.5, dim=1)
                heads.append(weights @ value[:, columns])
            seen = tokens + layer.output(torch.cat(heads, dim=1))
            expected = module.norm(seen + layer.feed(layer.feed_norm(seen)))
            assert encoded.vectors[j] == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.parametrize("questions", [True, False])
def test_gradients_of_texts_questions_and_attention(questions):
    model = make_late(questions)
    check_gradient(model, make_docs(), make_docs(QUESTIONS))


def test_questions_are_read_again_only_if_they_or_the_weights_changed(monkeypatch):
    model = make_late()
    reader = model.get_ref("questions")
    read, forward = [], reader._func

    def record(model, docs, is_train):
        read.append([doc.text for doc in docs])
        return forward(model, docs, is_train)

    monkeypatch.setattr(reader, "_func", record)
    docs, questions = make_docs(), make_docs(QUESTIONS)
    first = model.predict((docs, questions)).vectors
    assert model.predict((docs, questions)).vectors == pytest.approx(first) and len(read) == 1
    model.predict((docs, questions[:2]))
    assert read[1:] == [QUESTIONS[:2]]
    model.predict((docs, questions))
    (node, name), *_ = [(node, name) for node in reader.walk() for name in node.param_names if node.has_param(name)]
    before = node.get_param(name).copy()
    for value in (before + 1, before):  # averages are set and reset like this
        known = len(read)
        node.set_param(name, value)
        changed = model.predict((docs, questions)).vectors
        assert len(read) == known + 1
    assert changed == pytest.approx(first, abs=1e-6)
    assert make_late().from_bytes(model.to_bytes()).predict((docs, questions)).vectors == pytest.approx(first, abs=1e-6)


def test_one_transformer_reads_texts_and_questions(tiny_bert):
    tok2vec = build_transformer_tok2vec(make_transformer(tiny_bert))
    model = build_late_interaction(build_tok2vec_encoder(tok2vec), size=4, attention_heads=2, dropout=0.0)
    docs, questions = make_docs(), make_docs(QUESTIONS)
    model.initialize(X=(docs, questions))
    encoded, backprop = model.begin_update((docs, questions))
    assert encoded.vectors.shape == (3, int(encoded.lengths.sum()), 32)
    backprop(with_vectors(encoded, random_like(encoded.vectors)))
    module = next(node for node in model.walk() if node.name == "transformer").transformer
    assert all(
        weight.grad is not None and weight.grad.any()
        for name, weight in module.named_parameters()
        if "encoder.layer" in name and "key.bias" not in name
    )


def test_questions_are_not_read_by_a_listener():
    listening = build_tok2vec_encoder(Tok2VecListener("*", 8))
    for arguments in ([listening], [build_tok2vec_encoder(make_cnn()), listening]):
        with pytest.raises(ValueError, match="M840"):
            build_late_interaction(*arguments)
    assert build_late_interaction(listening, build_tok2vec_encoder(make_cnn())).get_ref("encoder") is listening
