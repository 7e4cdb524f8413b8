import string

import numpy
import pytest
import spacy
from confection import ConfigValidationError
from spacy.ml.models.tok2vec import build_hash_embed_cnn_tok2vec
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab
from thinc.api import Model

from spacy_mre.encoders.encoder import Encoded, find_listeners
from spacy_mre.encoders.over_tok2vec import DEFAULT_ENCODER, build_encoder_beside_tok2vec, build_tok2vec_encoder
from spacy_mre.encoders.over_transformer import build_transformer_encoder

WIDTH = 4
VOCAB = Vocab()


def make_docs(*texts):
    return [Doc(VOCAB, words=text.split(" ") if text else []) for text in texts]


def random(*shape, seed=0):
    return numpy.random.default_rng(seed).normal(size=shape).astype("f")


def weighted_sum(encoded, weights):
    return float((encoded.tokens * weights.tokens).sum() + (encoded.texts * weights.texts).sum())


def random_gradient(encoded):
    return Encoded(
        random(*encoded.tokens.shape, seed=1), random(*encoded.texts.shape, seed=2), encoded.lengths, encoded.cut
    )


# Over a tok2vec


class FakeTok2Vec:
    """Returns random vectors, and records the gradient."""

    def __init__(self, docs):
        self.vectors = [random(len(doc), WIDTH, seed=i) for i, doc in enumerate(docs)]
        self.gradient: list[numpy.ndarray] = []
        self.model = Model("fake", self.forward, dims={"nO": WIDTH})

    def forward(self, model, docs, is_train):
        def backprop(gradient):
            self.gradient = gradient
            return docs

        # In prediction it is asked only about texts with tokens.
        return self.vectors if is_train else [vectors for vectors in self.vectors if len(vectors)], backprop


def tok2vec_encoder(docs, text_pooling="mean"):
    fake = FakeTok2Vec(docs)
    encoder = build_tok2vec_encoder(fake.model, text_pooling)
    encoder.initialize()
    return encoder, fake


@pytest.mark.parametrize("pooling, pool", [("mean", numpy.mean), ("max", numpy.max)])
def test_tok2vec_vectors_and_text_vectors(pooling, pool):
    docs = make_docs("a b c", "", "d")
    encoder, fake = tok2vec_encoder(docs, pooling)
    encoded = encoder.predict(docs)
    assert encoder.get_dim("nO") == WIDTH
    assert numpy.array_equal(encoded.tokens, numpy.concatenate(fake.vectors))
    assert numpy.allclose(encoded.texts[0], pool(fake.vectors[0], axis=0), atol=1e-6)
    assert not encoded.texts[1].any()
    assert numpy.allclose(encoded.texts[2], fake.vectors[2][0])
    assert (encoded.lengths.tolist(), encoded.offsets.tolist(), encoded.cut.tolist()) == (
        [3, 0, 1],
        [0, 3, 3],
        [0, 0, 0],
    )


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_tok2vec_gradients_by_finite_differences(pooling):
    docs = make_docs("a b c", "", "d")
    encoder, fake = tok2vec_encoder(docs, pooling)
    encoded, backprop = encoder.begin_update(docs)
    weights = random_gradient(encoded)
    before = weights.tokens.copy()
    assert backprop(weights) is docs
    assert numpy.array_equal(weights.tokens, before)  # the caller's gradient is not changed
    assert [len(array) for array in fake.gradient] == [3, 0, 1]
    for doc, row, column in [(0, 0, 0), (0, 1, 3), (0, 2, 1), (2, 0, 2)]:
        values = []
        for step in (1e-2, -1e-2):
            fake.vectors[doc][row, column] += step
            values.append(weighted_sum(encoder.predict(docs), weights))
            fake.vectors[doc][row, column] -= step
        assert fake.gradient[doc][row, column] == pytest.approx((values[0] - values[1]) / 2e-2, abs=2e-3)


@pytest.mark.parametrize("texts", [(), ("",), ("", "")])
def test_tok2vec_with_empty_batches(texts):
    docs = make_docs(*texts)
    encoder, fake = tok2vec_encoder(docs)
    encoded, backprop = encoder.begin_update(docs)
    assert (encoded.tokens.shape, encoded.texts.shape) == ((0, WIDTH), (len(texts), WIDTH))
    backprop(encoded)
    assert [len(array) for array in fake.gradient] == [0] * len(texts)


def test_a_tok2vec_that_read_other_tokens_raises_m303():
    encoder, _ = tok2vec_encoder(make_docs("a b c"))
    with pytest.raises(ValueError, match=r"\[M303\].*3 tokens.*2"):
        encoder.predict(make_docs("a b"))


def test_a_tok2vec_of_spacy_gets_a_gradient():
    tok2vec = build_hash_embed_cnn_tok2vec(
        width=8, depth=1, embed_size=50, window_size=1, maxout_pieces=2, subword_features=False, pretrained_vectors=None
    )
    docs = [spacy.blank("en").make_doc(text) for text in ("a b c", "d e")]
    encoder = build_tok2vec_encoder(tok2vec)
    encoder.initialize(X=docs)
    encoded, backprop = encoder.begin_update(docs)
    backprop(random_gradient(encoded))
    assert encoded.tokens.shape == (5, 8)
    assert any(
        node.has_grad(name) and node.get_grad(name).any() for node in encoder.walk() for name in node.param_names
    )


# A concatenation of two encoders


def test_two_encoders_are_concatenated():
    docs = make_docs("a b c", "", "d")
    first, second = FakeTok2Vec(docs), FakeTok2Vec(docs)
    encoder = build_encoder_beside_tok2vec(build_tok2vec_encoder(first.model, "max"), second.model)
    encoder.initialize()
    assert encoder.get_dim("nO") == 2 * WIDTH
    encoded, backprop = encoder.begin_update(docs)
    other, fake = tok2vec_encoder(docs, "max")
    single, backprop_single = other.begin_update(docs)
    assert (encoded.tokens == numpy.hstack([single.tokens, single.tokens])).all()
    assert (encoded.texts[:, :WIDTH] == single.texts).all()
    assert encoded.texts[0, WIDTH:] == pytest.approx(second.vectors[0].mean(axis=0))
    assert encoded.lengths.tolist() == [3, 0, 1]
    gradient = random_gradient(encoded)
    backprop(gradient)
    backprop_single(Encoded(gradient.tokens[:, :WIDTH], gradient.texts[:, :WIDTH], encoded.lengths, encoded.cut))
    assert (numpy.vstack(first.gradient) == numpy.vstack(fake.gradient)).all()
    from_texts = gradient.texts[[0, 0, 0, 2], WIDTH:] / numpy.asarray([[3], [3], [3], [1]])
    assert numpy.vstack(second.gradient) == pytest.approx(gradient.tokens[:, WIDTH:] + from_texts)


# Over a transformer: a tiny BERT with random weights and one piece per character


@pytest.fixture(scope="module")
def nlp(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("spacy_transformers")
    path = tmp_path_factory.mktemp("bert")
    characters = string.ascii_lowercase
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *characters,
        *(f"##{character}" for character in characters),
    ]
    (path / "vocab.txt").write_text("\n".join(pieces), encoding="utf8")
    transformers.BertTokenizerFast(vocab_file=str(path / "vocab.txt")).save_pretrained(path)
    config = transformers.BertConfig(
        vocab_size=len(pieces),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    transformers.set_seed(0)
    transformers.BertModel(config).save_pretrained(path)
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(path),
        "tokenizer_config": {"use_fast": True, "model_max_length": 16},
        "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 5, "stride": 3},
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp


TEXTS = ("abc de f gh i jkl mn", "ab\n cd", "x")
# The first window of this text has more than 14 pieces. The third token is truncated, and the second window begins
# after it.
LONG = "abcdef ghijklmnop qr \n st uv"


def encode(nlp, texts, **settings):
    docs = [nlp.make_doc(text) for text in texts]
    transformer = nlp.get_pipe("transformer")
    transformer.set_annotations(docs, transformer.predict(docs))
    encoder = build_transformer_encoder(**settings)
    encoder.layers[0].set_dim("nO", 8)
    encoder.initialize()
    return docs, encoder


def test_pooling_in_the_config_wins_over_the_saved_one(nlp):
    docs, mean = encode(nlp, TEXTS, pooling="mean", grad_factor=1.0)
    _, maximum = encode(nlp, TEXTS, pooling="max", grad_factor=0.0)
    maximum.from_bytes(mean.to_bytes())
    assert not numpy.allclose(maximum.predict(docs).tokens, mean.predict(docs).tokens)
    docs = make_docs("a b c")
    mean, fake = tok2vec_encoder(docs, "mean")
    maximum = build_tok2vec_encoder(fake.model, "max").from_bytes(mean.to_bytes())
    assert numpy.allclose(maximum.predict(docs).texts[0], fake.vectors[0].max(axis=0))


@pytest.mark.parametrize("pooling, pool", [("mean", numpy.mean), ("max", numpy.max)])
def test_pieces_are_pooled_to_tokens(nlp, pooling, pool):
    docs, encoder = encode(nlp, (*TEXTS, LONG), pooling=pooling)
    encoded = encoder.predict(docs)
    expected, without_pieces = [], 0
    for doc in docs:
        data = doc._.trf_data
        flat = data.model_output.last_hidden_state.reshape(-1, 8)
        for i in range(len(doc)):
            rows = data.align[i].dataXd.reshape(-1)
            expected.append(pool(flat[rows], axis=0) if len(rows) else numpy.zeros(8))
            without_pieces += not len(rows)
    assert without_pieces >= 2  # white space, and truncated tokens
    assert numpy.allclose(encoded.tokens, numpy.stack(expected), atol=1e-6)
    assert encoded.lengths.tolist() == [len(doc) for doc in docs]


def test_tokens_without_pieces_are_zeros(nlp):
    docs, encoder = encode(nlp, TEXTS)
    encoded = encoder.predict(docs)
    spaces = [token.is_space for doc in docs for token in doc]
    assert any(spaces) and not all(spaces)
    assert [not row.any() for row in encoded.tokens] == spaces
    assert encoded.cut.tolist() == [0, 0, 0]


def test_the_text_vector_is_the_average_of_the_first_pieces_of_the_windows(nlp):
    docs, encoder = encode(nlp, TEXTS)
    encoded = encoder.predict(docs)
    states = [doc._.trf_data.model_output.last_hidden_state for doc in docs]
    assert [len(state) for state in states] == [2, 1, 1]
    for text, state, doc in zip(encoded.texts, states, docs):
        assert all(window[0] == "[CLS]" for window in doc._.trf_data.wordpieces.strings)
        assert numpy.allclose(text, sum(window[0] for window in state) / len(state), atol=1e-6)


def test_truncated_tokens_are_counted_without_white_space(nlp):
    docs, encoder = encode(nlp, ("x", LONG))
    encoded = encoder.predict(docs)
    missing = [token for token, row in zip(docs[1], encoded.tokens[1:]) if not row.any()]
    assert any(token.is_space for token in missing)
    assert encoded.cut.tolist() == [0, sum(not token.is_space for token in missing)]
    assert encoded.cut[1] >= 1


@pytest.mark.parametrize(
    "words, cut",
    [
        (["x", "\u200b", "ab"], 0),  # dropped by the tokenizer
        (["x", "\ufffd", "ab"], 0),
        (["\u00ad", "x", "\u0301"], 0),
        (["x", "abcdefghijklmnop", "qr"], 1),
        (["x", "abcdefghijklmnop", "qr", "\u200b", "st", "u"], 1),  # the second window begins with the fourth
    ],
)
def test_tokens_that_never_have_pieces_are_not_truncated(nlp, words, cut):
    transformer, docs = nlp.get_pipe("transformer"), [Doc(nlp.vocab, words=each) for each in (["x"], words)]
    transformer.set_annotations(docs, transformer.predict(docs))
    _, encoder = encode(nlp, [])
    encoded = encoder.predict(docs)
    assert not encoded.tokens.any(axis=1).all()
    assert encoded.cut.tolist() == [0, cut]


def test_batches_with_some_empty_documents(nlp):
    docs, encoder = encode(nlp, ("", "ab c", ""))
    encoded = encoder.predict(docs)
    single = encoder.predict(docs[1:2])
    assert encoded.lengths.tolist() == [0, 2, 0]
    assert numpy.allclose(encoded.tokens, single.tokens)
    assert numpy.allclose(encoded.texts[1], single.texts[0]) and not encoded.texts[[0, 2]].any()


@pytest.mark.parametrize("texts", [(), ("",)])
def test_empty_batches(nlp, texts):
    encoder = encode(nlp, ("a",))[1]
    encoded = encoder.predict([nlp.make_doc(text) for text in texts])
    assert (encoded.tokens.shape, encoded.texts.shape) == ((0, 8), (len(texts), 8))


def begin_update(encoder, docs, datas):
    received: list = []
    listener = encoder.layers[0]
    listener.receive(listener.get_batch_id(docs), datas, received.extend)
    encoded, backprop = encoder.begin_update(docs)
    return encoded, backprop, received


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("grad_factor", [1.0, 0.5, 0.0])
def test_gradients_by_finite_differences(nlp, pooling, grad_factor):
    docs, encoder = encode(nlp, (TEXTS[0], "", TEXTS[1], LONG), pooling=pooling, grad_factor=grad_factor)
    full = nlp.get_pipe("transformer").model.predict(docs)
    states = [data.model_output.last_hidden_state for data in full.doc_data if "last_hidden_state" in data.model_output]
    for i, state in enumerate(states):
        state[...] = random(*state.shape, seed=i)  # far enough apart that the steps below do not move a maximum
    encoded, backprop, received = begin_update(encoder, docs, full.doc_data)
    weights = random_gradient(encoded)
    backprop(weights)
    gradients = [data.model_output.last_hidden_state for data in received]
    assert [gradient.shape for gradient in gradients] == [state.shape for state in states]
    compared = 0
    for state, gradient in zip(states, gradients):
        for window in range(state.shape[0]):
            for piece in range(state.shape[1]):
                values = []
                for step in (2e-3, -2e-3):
                    state[window, piece, 3] += step
                    values.append(weighted_sum(begin_update(encoder, docs, full.doc_data)[0], weights))
                    state[window, piece, 3] -= step
                assert gradient[window, piece, 3] == pytest.approx(
                    grad_factor * (values[0] - values[1]) / 4e-3, abs=5e-3
                )
                compared += 1
    assert compared > 30


def test_the_transformer_accepts_the_gradient(nlp):
    docs, encoder = encode(nlp, (TEXTS[0], TEXTS[2]))
    full, backprop_transformer = nlp.get_pipe("transformer").model.begin_update(docs)
    encoded, backprop, received = begin_update(encoder, docs, full.doc_data)
    backprop(random_gradient(encoded))
    backprop_transformer(full.unsplit_by_doc([data.model_output.to_tuple() for data in received]))
    module = nlp.get_pipe("transformer").model.transformer
    assert module.embeddings.word_embeddings.weight.grad.any()
    module.zero_grad()


def test_documents_without_transformer_output_raise_m302(nlp):
    _docs, encoder = encode(nlp, ("ab c",))
    with pytest.raises(ValueError, match=r"\[M302\]"):
        encoder.predict([nlp.make_doc("ab c")])


def test_retokenizing_after_the_transformer_raises_m303(nlp):
    docs, encoder = encode(nlp, ("ab c de",))
    with docs[0].retokenize() as retokenizer:
        retokenizer.merge(docs[0][0:2])
    with pytest.raises(ValueError, match=r"\[M303\].*3 tokens.*has 2"):
        encoder.predict(docs)


def test_a_missing_transformer_raises_m301(nlp):
    with pytest.raises(ValueError, match=r"\[M301\].*somewhere"):
        build_transformer_encoder(upstream="somewhere").initialize()


@pytest.mark.parametrize(
    "name, setting", [("spacy_mre.TransformerEncoder.v1", "pooling"), ("spacy_mre.Tok2VecEncoder.v1", "text_pooling")]
)
def test_an_unknown_pooling_is_rejected_by_the_config(name, setting):
    encoder = {"@architectures": name, setting: "first"}
    if setting == "text_pooling":
        encoder["tok2vec"] = DEFAULT_ENCODER["tok2vec"]
    with pytest.raises(ConfigValidationError, match=setting):
        registry.resolve({"encoder": encoder})


def test_the_listeners_of_an_encoder_are_found(nlp):
    (listener,) = find_listeners(build_transformer_encoder(upstream="mine"))
    assert listener.upstream_name == "mine"
    from spacy.pipeline.tok2vec import Tok2VecListener

    listener = Tok2VecListener("theirs", width=8)
    assert find_listeners(build_tok2vec_encoder(listener)) == [listener]
    assert find_listeners(build_tok2vec_encoder(FakeTok2Vec([]).model)) == []
