"""A transformer of question and text, compared with forward passes of single pairs."""

import numpy
import pytest
import torch

from spacy_mre.pipeline.multi_ner.exact import build_cross_transformer
from tests.pipeline.multi_ner.interactions import (
    QUESTIONS,
    make_docs,
    make_transformer,
    random_like,
    with_vectors,
)
from tests.pipeline.multi_ner.pipelines import drop_snowmen


@pytest.fixture
def make_cross(tiny_bert):
    def make(questions=QUESTIONS, **settings):
        model = build_cross_transformer(make_transformer(tiny_bert), **settings)
        model.initialize(X=(make_docs(), make_docs(questions)))
        return model

    return make


def read_one(model, question, text):
    """The states of the pieces of the text, from a forward pass of one pair."""
    transformer = model.get_ref("encoder")
    inputs = transformer.tokenizer(question, text, return_tensors="pt")
    where = [i for i, part in enumerate(inputs.sequence_ids(0)) if part == 1]
    return transformer.transformer(**inputs).last_hidden_state[0, where], inputs


@pytest.mark.parametrize("max_batch_items", [1, 60, 4096])
def test_vectors_equal_those_of_each_pair_alone(max_batch_items, make_cross):
    model = make_cross(max_batch_items=max_batch_items)
    docs = make_docs()
    encoded = model.predict((docs, make_docs(QUESTIONS)))
    tokenizer = model.get_ref("encoder").tokenizer
    assert encoded.vectors.shape == (3, int(encoded.sizes.sum()), 32)
    assert encoded.lengths.tolist() == [len(doc) for doc in docs] and encoded.offsets.tolist() == [0, 5, 5, 6, 7]
    for j, question in enumerate(QUESTIONS):
        for doc, offset in zip(docs, encoded.offsets):
            with torch.no_grad():
                states, _ = read_one(model, question, doc.text)
            done = 0
            for token in doc:
                pieces = tokenizer.tokenize(token.text)
                first, last = encoded.firsts[offset + token.i], encoded.lasts[offset + token.i]
                if not pieces:
                    assert (first, last) == (-1, -1)
                    continue
                assert encoded.vectors[j, first] == pytest.approx(states[done].numpy(), abs=1e-5)
                assert encoded.vectors[j, last] == pytest.approx(states[done + len(pieces) - 1].numpy(), abs=1e-5)
                done += len(pieces)
            assert done == len(states)


def test_positions_are_pieces_that_begin_or_end_a_token(make_cross):
    encoded = make_cross().predict((make_docs(["Ida fell ."]), make_docs(QUESTIONS)))
    assert (
        encoded.firsts.tolist() == [0, 1, 3] and encoded.lasts.tolist() == [0, 2, 3] and encoded.sizes.tolist() == [4]
    )


def test_gradients_equal_those_of_each_pair_alone(make_cross):
    model = make_cross(max_batch_items=60)
    docs, questions = make_docs(["Ida lives .", "Tom"]), make_docs(QUESTIONS)
    encoded, backprop = model.begin_update((docs, questions))
    weights = random_like(encoded.vectors)
    assert backprop(with_vectors(encoded, weights)) == []
    module = model.get_ref("encoder").transformer
    found = {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}
    module.zero_grad()
    # These texts have one piece per token.
    loss = sum(
        (read_one(model, question.text, doc.text)[0] * torch.from_numpy(weights[j, first : first + len(doc)])).sum()
        for j, question in enumerate(questions)
        for doc, first in zip(docs, (0, 3))
    )
    loss.backward()
    for name, weight in module.named_parameters():
        if weight.grad is not None and "pooler" not in name:
            assert torch.allclose(found[name], weight.grad, atol=1e-4), name


def test_question_and_text_have_different_token_types(make_cross):
    model = make_cross()
    module = model.get_ref("encoder").transformer
    seen = []
    module.register_forward_pre_hook(lambda module, args, kwargs: seen.append(kwargs), with_kwargs=True)
    model.predict((make_docs(["Tom", "Ida and Tom"]), make_docs(["who ida"])))
    (inputs,) = seen
    assert inputs["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 0, 0]]
    assert inputs["attention_mask"].tolist() == [[1] * 8, [1] * 6 + [0] * 2]


def test_a_long_text_is_read_in_windows(make_cross):
    model = make_cross(["who", "the old of"], max_length=16, overlap=4)
    text = "ida and tom and the old of ida in tom lives ida and tom and the old of ida in tom"
    docs, questions = make_docs(["Tom", text]), make_docs(["who", "the old of"])
    encoded = model.predict((docs, questions))
    assert not encoded.cut.any() and encoded.sizes.tolist() == [1, 21]
    words = text.split()
    # Of 16 pieces, three are special and three are of the longest question: windows of ten that share four.
    windows, readers = [(0, 10), (6, 16), (11, 21)], [0] * 8 + [1] * 6 + [2] * 7
    for j, question in enumerate(questions):
        for i, reader in enumerate(readers):
            begin, end = windows[reader]
            with torch.no_grad():
                states, _ = read_one(model, question.text, " ".join(words[begin:end]))
            assert encoded.vectors[j, 1 + i] == pytest.approx(states[i - begin].numpy(), abs=1e-5), (j, i)


def test_mixed_precision_is_close_to_full_precision(make_cross):
    model, asking = make_cross(), (make_docs(), make_docs(QUESTIONS))
    exact = model.predict(asking).vectors
    model.get_ref("encoder").layers[0].shims[0]._mixed_precision = True
    encoded, backprop = model.begin_update(asking)
    assert encoded.vectors.dtype == numpy.float32
    assert encoded.vectors == pytest.approx(exact, abs=0.1) and not (encoded.vectors == exact).all()
    backprop(with_vectors(encoded, random_like(encoded.vectors)))
    weights = model.get_ref("encoder").transformer.parameters()
    assert all(weight.grad.dtype == torch.float32 for weight in weights if weight.grad is not None)


def test_a_question_may_take_half_of_the_encoder(make_cross):
    model = make_cross()
    room = (64 - 3) // 2
    model.predict((make_docs(), make_docs(["who " * room])))
    with pytest.raises(ValueError, match=f"M833.*{room + 1} wordpieces.*room for {room}"):
        model.predict((make_docs(), make_docs(["who " * (room + 1)])))
    with pytest.raises(ValueError, match="M833"):
        model.initialize(X=(make_docs(), make_docs(["who " * (room + 1)])))


def test_texts_without_pieces(make_cross):
    model = make_cross()
    encoded, backprop = model.begin_update((make_docs(["", " \n "]), make_docs(QUESTIONS)))
    assert encoded.vectors.shape == (3, 0, 32) and not encoded.cut.any()
    assert encoded.firsts.tolist() == [-1] * len(encoded.firsts)
    assert backprop(encoded) == []


def test_tokens_without_pieces_are_counted(make_cross):
    model = make_cross()
    drop_snowmen(model.get_ref("encoder").tokenizer)
    encoded = model.predict((make_docs(["Ida ☃ Tom", "Ida \u200b Tom"]), make_docs(QUESTIONS)))
    assert encoded.cut.tolist() == [1, 0] and encoded.firsts.tolist() == [0, -1, 1, 2, -1, 3]
