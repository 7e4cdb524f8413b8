"""Texts and questions -> vectors: exact and late, against plain forwards of the same weights."""

import numpy
import pytest
import spacy
import torch
from spacy.ml.models.tok2vec import build_hash_embed_cnn_tok2vec
from spacy.util import fix_random_seed, registry
from thinc.api import Model

from spacy_mre.encoders.over_tok2vec import build_tok2vec_encoder
from spacy_mre.pipeline.multi_ner.exact import Asked, build_cross_tok2vec, build_cross_transformer
from spacy_mre.pipeline.multi_ner.late import build_late_interaction, build_transformer_tok2vec

pytest.importorskip("spacy_transformers")

NLP = spacy.blank("en")
QUESTIONS = ["who lives in Lima", "the towers", "of"]
TEXTS = ["Ida lives in Lima .", "", " \n ", "Tom", "The old tower of Lima fell on Tom and Ida ."]


@pytest.fixture(autouse=True)
def one_seed():
    fix_random_seed(0)


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    """A random BERT of two layers, and a tokenizer that knows some words whole and all others by letter."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_bert")
    letters = "abcdefghijklmnopqrstuvwxyz."
    words = ["ida", "lives", "in", "tom", "li", "##ma", "and", "the", "of", "who", "old"]
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocab))
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    return str(folder)


def make_docs(texts=TEXTS):
    return [NLP.make_doc(text) for text in texts]


def make_transformer(name):
    config = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": name,
        "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 20, "stride": 15},
        "tokenizer_config": {"use_fast": True, "model_max_length": 64},
        "transformer_config": {},
        "mixed_precision": False,
        "grad_scaler_config": {},
    }
    return registry.resolve({"model": config})["model"]


@pytest.fixture
def make_cross(tiny_bert):
    def make(questions=QUESTIONS, **settings):
        model = build_cross_transformer(make_transformer(tiny_bert), **settings)
        model.initialize(X=(make_docs(), make_docs(questions)))
        return model

    return make


def random_like(array):
    return numpy.random.default_rng(0).normal(size=array.shape).astype("f")


def with_vectors(asked, vectors):
    return Asked(vectors, asked.firsts, asked.lasts, asked.sizes, asked.lengths, asked.cut)


# Exact, over a transformer


def read_one(model, question, text):
    """The states of the text's pieces, as anybody would compute them."""
    transformer = model.get_ref("encoder")
    inputs = transformer.tokenizer(question, text, return_tensors="pt")
    where = [i for i, part in enumerate(inputs.sequence_ids(0)) if part == 1]
    return transformer.transformer(**inputs).last_hidden_state[0, where], inputs


@pytest.mark.parametrize("max_batch_items", [1, 60, 4096])
def test_vectors_are_those_of_each_pair_alone(max_batch_items, make_cross):
    model = make_cross(max_batch_items=max_batch_items)
    docs = make_docs()
    asked = model.predict((docs, make_docs(QUESTIONS)))
    tokenizer = model.get_ref("encoder").tokenizer
    assert asked.vectors.shape == (3, int(asked.sizes.sum()), 16)
    assert asked.lengths.tolist() == [len(doc) for doc in docs] and asked.offsets.tolist() == [0, 5, 5, 6, 7]
    for j, question in enumerate(QUESTIONS):
        for doc, offset in zip(docs, asked.offsets):
            with torch.no_grad():
                states, _ = read_one(model, question, doc.text)
            done = 0
            for token in doc:
                pieces = tokenizer.tokenize(token.text)
                first, last = asked.firsts[offset + token.i], asked.lasts[offset + token.i]
                if not pieces:
                    assert (first, last) == (-1, -1)
                    continue
                assert asked.vectors[j, first] == pytest.approx(states[done].numpy(), abs=1e-5)
                assert asked.vectors[j, last] == pytest.approx(states[done + len(pieces) - 1].numpy(), abs=1e-5)
                done += len(pieces)
            assert done == len(states)


def test_positions_are_pieces_that_begin_or_end_a_token(make_cross):
    asked = make_cross().predict((make_docs(["Ida fell ."]), make_docs(QUESTIONS)))
    assert asked.firsts.tolist() == [0, 1, 3] and asked.lasts.tolist() == [0, 2, 3] and asked.sizes.tolist() == [4]


def test_gradients_are_those_of_each_pair_alone(make_cross):
    model = make_cross(max_batch_items=60)
    docs, questions = make_docs(["Ida lives .", "Tom"]), make_docs(QUESTIONS)
    asked, backprop = model.begin_update((docs, questions))
    weights = random_like(asked.vectors)
    assert backprop(with_vectors(asked, weights)) == []
    module = model.get_ref("encoder").transformer
    found = {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}
    module.zero_grad()
    # All pieces of these texts are whole words.
    loss = sum(
        (read_one(model, question.text, doc.text)[0] * torch.from_numpy(weights[j, first : first + len(doc)])).sum()
        for j, question in enumerate(questions)
        for doc, first in zip(docs, (0, 3))
    )
    loss.backward()
    for name, weight in module.named_parameters():
        if weight.grad is not None and "pooler" not in name:
            assert torch.allclose(found[name], weight.grad, atol=1e-4), name


def test_token_types_tell_question_and_text_apart(make_cross):
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
    asked = model.predict((docs, questions))
    assert not asked.cut.any() and asked.sizes.tolist() == [1, 21]
    words = text.split()
    # 16 pieces, less three special ones and the three of the longest question: windows of ten, four shared, the last one full.
    windows, readers = [(0, 10), (6, 16), (11, 21)], [0] * 8 + [1] * 6 + [2] * 7
    for j, question in enumerate(questions):
        for i, reader in enumerate(readers):
            begin, end = windows[reader]
            with torch.no_grad():
                states, _ = read_one(model, question.text, " ".join(words[begin:end]))
            assert asked.vectors[j, 1 + i] == pytest.approx(states[i - begin].numpy(), abs=1e-5), (j, i)


def test_mixed_precision_is_near_the_whole_one(make_cross):
    model, asking = make_cross(), (make_docs(), make_docs(QUESTIONS))
    exact = model.predict(asking).vectors
    model.get_ref("encoder").layers[0].shims[0]._mixed_precision = True
    asked, backprop = model.begin_update(asking)
    assert asked.vectors.dtype == numpy.float32
    assert asked.vectors == pytest.approx(exact, abs=0.1) and not (asked.vectors == exact).all()
    backprop(with_vectors(asked, random_like(asked.vectors)))
    weights = model.get_ref("encoder").transformer.parameters()
    assert all(weight.grad.dtype == torch.float32 for weight in weights if weight.grad is not None)


def test_a_question_may_take_half_of_the_encoder(make_cross):
    model = make_cross()
    room = (64 - 3) // 2
    model.predict((make_docs(), make_docs(["who " * room])))
    with pytest.raises(ValueError, match=f"M833.*{room + 1} pieces.*only {room}"):
        model.predict((make_docs(), make_docs(["who " * (room + 1)])))
    with pytest.raises(ValueError, match="M833"):
        model.initialize(X=(make_docs(), make_docs(["who " * (room + 1)])))


def test_texts_without_pieces(make_cross):
    model = make_cross()
    asked, backprop = model.begin_update((make_docs(["", " \n "]), make_docs(QUESTIONS)))
    assert (
        asked.vectors.shape == (3, 0, 16) and asked.firsts.tolist() == [-1] * len(asked.firsts) and not asked.cut.any()
    )
    assert backprop(asked) == []


def test_tokens_that_the_tokenizer_drops_are_counted(make_cross):
    asked = make_cross().predict((make_docs(["Ida \u200b Tom", "Tom"]), make_docs(QUESTIONS)))
    assert asked.cut.tolist() == [1, 0] and asked.firsts.tolist() == [0, -1, 1, 2]


# Exact, over a tok2vec


def make_cnn(width=8, depth=2):
    return build_hash_embed_cnn_tok2vec(
        width=width,
        depth=depth,
        embed_size=100,
        window_size=1,
        maxout_pieces=2,
        subword_features=False,
        pretrained_vectors=None,
    )


def test_a_tok2vec_reads_question_and_text_as_one_doc():
    model = build_cross_tok2vec(make_cnn())
    docs, questions = make_docs(), make_docs(QUESTIONS)
    model.initialize(X=(docs, questions))
    asked = model.predict((docs, questions))
    assert asked.vectors.shape == (3, sum(map(len, docs)), 8) and asked.sizes.tolist() == asked.lengths.tolist()
    for j, question in enumerate(questions):
        for doc, offset in zip(docs, asked.offsets):
            together = spacy.tokens.Doc(
                NLP.vocab, words=[*(token.text for token in question), "[SEP]", *(token.text for token in doc)]
            )
            (array,) = model.get_ref("encoder").predict([together])
            assert asked.vectors[j, offset : offset + len(doc)] == pytest.approx(array[len(question) + 1 :], abs=1e-5)


def test_norms_of_tokens_are_kept():
    model = build_cross_tok2vec(
        Model("norms", lambda model, docs, is_train: ([norms_of(doc) for doc in docs], lambda d: d), dims={"nO": 1})
    )
    model.initialize()
    (doc,) = make_docs(["I can't go"])
    asked = model.predict(([doc], make_docs(["who ?"])))
    assert asked.vectors[0, :, 0].tolist() == norms_of(doc)[:, 0].tolist()
    assert [token.norm_ for token in doc] != [token.lower_ for token in doc]


def norms_of(doc):
    return numpy.array([[float(token.norm % 10007)] for token in doc], dtype="f").reshape(-1, 1)


def test_a_cnn_sees_the_question_from_near_only():
    model = build_cross_tok2vec(make_cnn(depth=2))
    docs, questions = make_docs([TEXTS[-1]]), make_docs(QUESTIONS)
    model.initialize(X=(docs, questions))
    vectors = model.predict((docs, questions)).vectors
    apart = numpy.abs(vectors[0] - vectors[1]).max(axis=1) > 1e-6
    assert apart.tolist() == [True] + [False] * (len(docs[0]) - 1)  # two layers: the separator and one word of the text


def test_gradients_of_the_tok2vec():
    model = build_cross_tok2vec(make_cnn())
    docs, questions = make_docs(), make_docs(QUESTIONS)
    model.initialize(X=(docs, questions))
    check_gradient(model, docs, questions)


def check_gradient(model, docs, questions, tolerance=2e-2):
    """The change of a random sum of the vectors when the weights go a little way along their gradient."""
    asked, backprop = model.begin_update((docs, questions))
    weights = random_like(asked.vectors)
    backprop(with_vectors(asked, weights))
    pairs = []
    for node in model.walk():
        pairs += [(node.get_param(name), node.get_grad(name)) for name in node.param_names if node.has_grad(name)]
        for shim in node.shims:
            pairs += [
                (weight.data.numpy(), weight.grad.numpy())
                for weight in shim._model.parameters()
                if weight.grad is not None
            ]
    norm = float(numpy.sqrt(sum((gradient**2).sum() for _, gradient in pairs)))
    assert norm > 0
    values = []
    for step in (1e-3, -2e-3):
        for weight, gradient in pairs:
            weight += step * gradient / norm
        asked, _ = model.begin_update((docs, questions))
        values.append(float((asked.vectors.astype("float64") * weights).sum()))
    assert (values[0] - values[1]) / 2e-3 == pytest.approx(norm, rel=tolerance)


# Late interaction


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
    asked = model.predict((make_docs(), make_docs(QUESTIONS)))
    assert asked.vectors.shape == (3, int(asked.lengths.sum()), 8)
    assert (
        numpy.abs(asked.vectors[0] - asked.vectors[1]).max(axis=1).min() > 1e-4
    )  # also far from where a CNN would see the question
    trained, _ = model.begin_update((make_docs(), make_docs(QUESTIONS)))
    assert trained.vectors == pytest.approx(asked.vectors, abs=1e-5)


def test_cross_attention_by_hand():
    model = make_late(depth=1)
    docs, questions = make_docs(["Ida lives in Lima"]), make_docs(QUESTIONS)
    asked = model.predict((docs, questions))
    module = model.get_ref("cross").shims[0].module
    (layer,) = module.layers
    tokens = torch.from_numpy(model.get_ref("encoder").predict(docs).tokens)
    read = model.get_ref("questions").predict(questions)
    borders = numpy.cumsum([0, *read.lengths])
    with torch.no_grad():
        for j in range(3):
            words = torch.from_numpy(read.tokens[borders[j] : borders[j + 1]])
            query, key, value = layer.query(layer.attention_norm(tokens)), layer.key(words), layer.value(words)
            heads = []
            for columns in (slice(0, 2), slice(2, 4)):
                weights = torch.softmax(query[:, columns] @ key[:, columns].T / 2**0.5, dim=1)
                heads.append(weights @ value[:, columns])
            seen = tokens + layer.output(torch.cat(heads, dim=1))
            expected = module.norm(seen + layer.feed(layer.feed_norm(seen)))
            assert asked.vectors[j] == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.parametrize("questions", [True, False])
def test_gradients_of_texts_questions_and_attention(questions):
    model = make_late(questions)
    check_gradient(model, make_docs(), make_docs(QUESTIONS))


def test_questions_are_read_once_for_each_state_of_the_weights(monkeypatch):
    model = make_late()
    reader = model.get_ref("questions")
    read, forward = [], reader._func
    monkeypatch.setattr(
        reader,
        "_func",
        lambda model, docs, is_train: read.append([doc.text for doc in docs]) or forward(model, docs, is_train),
    )
    docs, questions = make_docs(), make_docs(QUESTIONS)
    first = model.predict((docs, questions)).vectors
    assert model.predict((docs, questions)).vectors == pytest.approx(first) and len(read) == 1
    model.predict((docs, questions[:2]))
    assert read[1:] == [QUESTIONS[:2]]
    model.predict((docs, questions))
    (node, name), *_ = [(node, name) for node in reader.walk() for name in node.param_names if node.has_param(name)]
    before = node.get_param(name).copy()
    for change in (
        lambda: node.set_param(name, before + 1),
        lambda: node.set_param(name, before),
    ):  # as averages come and go
        known = len(read)
        change()
        changed = model.predict((docs, questions)).vectors
        assert len(read) == known + 1
    assert changed == pytest.approx(first, abs=1e-6)
    assert make_late().from_bytes(model.to_bytes()).predict((docs, questions)).vectors == pytest.approx(first, abs=1e-6)


def test_a_transformer_of_ones_own_reads_both(tiny_bert):
    tok2vec = build_transformer_tok2vec(make_transformer(tiny_bert))
    model = build_late_interaction(build_tok2vec_encoder(tok2vec), size=4, attention_heads=2, dropout=0.0)
    docs, questions = make_docs(), make_docs(QUESTIONS)
    model.initialize(X=(docs, questions))
    asked, backprop = model.begin_update((docs, questions))
    assert asked.vectors.shape == (3, int(asked.lengths.sum()), 16)
    backprop(with_vectors(asked, random_like(asked.vectors)))
    module = [node for node in model.walk() if node.name == "transformer"][0].transformer
    assert all(
        weight.grad is not None and weight.grad.any()
        for name, weight in module.named_parameters()
        if "encoder.layer" in name and "key.bias" not in name
    )


def test_questions_are_not_read_by_a_listener():
    from spacy.pipeline.tok2vec import Tok2VecListener

    listening = build_tok2vec_encoder(Tok2VecListener("*", 8))
    for arguments in ([listening], [build_tok2vec_encoder(make_cnn()), listening]):
        with pytest.raises(ValueError, match="M840"):
            build_late_interaction(*arguments)
    with pytest.raises(ValueError, match="M840"):
        build_cross_tok2vec(Tok2VecListener("*", 8))
    assert build_late_interaction(listening, build_tok2vec_encoder(make_cnn())) is not None
