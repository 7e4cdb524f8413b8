import pickle

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.relations import get_relations
from spacy_mre.training.optimizer import make_adamw

pytest.importorskip("spacy_transformers")

LONG = "Ida lives in Lima . Tom lives in Oslo . The old tower of Lima fell . Ida and Tom are friends ."


@pytest.fixture(params=["transformer", "mre_transformer"])
def transformer(request):
    """The name of the stock component and of ours: every test here must pass with both."""
    return request.param


@pytest.fixture
def make_trf_nlp(tiny_bert, settings_of, transformer):
    def make(*factories, encoder=None, window=8, stride=6, **settings):
        nlp = spacy.blank("en")
        get_spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": window, "stride": stride}
        model = {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": tiny_bert,
            "get_spans": get_spans,
            "tokenizer_config": {"use_fast": True, "model_max_length": 32},
        }
        nlp.add_pipe(transformer, name="transformer", config={"model": model})
        listening = {"@architectures": "spacy_mre.TransformerEncoder.v1", **(encoder or {})}
        for factory in factories:
            if factory == "doc_cleaner":
                nlp.add_pipe(factory, config={"attrs": {"tensor": None, "_.trf_data": None}})
            elif factory == "ner":
                layer = {
                    "@architectures": "spacy-transformers.TransformerListener.v1",
                    "pooling": {"@layers": "reduce_mean.v1"},
                }
                nlp.add_pipe(factory, config={"model": {"tok2vec": {**layer, "grad_factor": 1.0}}})
            else:
                nlp.add_pipe(factory, config=settings_of(factory, encoder=listening, **settings.get(factory, {})))
        return nlp

    return make


@pytest.fixture
def learn(make_trf_nlp, make_examples):
    def train(*factories, steps=2, update=None, **settings):
        fix_random_seed(0)
        nlp = make_trf_nlp(*factories, **settings)
        examples = make_examples(nlp)
        nlp.initialize(lambda: examples)
        sgd = make_adamw(3e-3, head_learn_rate=1e-2)
        for _ in range(steps):
            nlp.update(examples, sgd=sgd, **(update or {}))
            sgd.step_schedules()
        return nlp, examples

    return train


def weights_of(nlp):
    (shim,) = [shim for node in nlp.get_pipe("transformer").model.walk() for shim in node.shims]
    return {name: weight for name, weight in shim._model.named_parameters() if "pooler" not in name}


def copies_of(nlp):
    return {name: weight.detach().clone() for name, weight in weights_of(nlp).items()}


def changed(nlp, before):
    return sorted(name for name, weight in weights_of(nlp).items() if not torch.equal(weight, before[name]))


# Train, save and load


def test_overfits_and_gives_the_same_after_saving(learn, annotations, written, tmp_path):
    nlp, examples = learn("spert_mt", "mre_textcat", "doc_cleaner", steps=120)
    for eg, doc in zip(examples, nlp.pipe(eg.text for eg in examples)):
        assert annotations(doc) == annotations(eg.reference)
        assert {label: float(score > 0.5) for label, score in doc.cats.items()} == eg.reference.cats
        assert doc._.trf_data is None and doc.tensor is None
    texts = [*(eg.text for eg in examples), LONG, ""]
    expected = [written(doc) for doc in nlp.pipe(texts)]
    nlp.to_disk(tmp_path)
    assert [written(doc) for doc in spacy.load(tmp_path).pipe(texts)] == expected
    assert [
        written(doc) for doc in spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes()).pipe(texts)
    ] == expected


@pytest.mark.parametrize(
    "factories",
    [("spert_mt",), ("mre_textcat",), ("ner", "spert_mt", "mre_textcat"), ("mre_textcat", "ner", "spert_mt")],
)
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_every_weight_of_the_transformer_is_trained(factories, pooling, make_trf_nlp, make_examples):
    nlp = make_trf_nlp(*factories, encoder={"pooling": pooling})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp.get_pipe("transformer").listening_components == list(factories)
    before, sgd = copies_of(nlp), make_adamw(1e-3)
    for _ in range(3):  # spaCy updates the encoder with the gradients of the previous batch
        nlp.update(examples, sgd=sgd)
        sgd.step_schedules()
    assert set(changed(nlp, before)) == set(before)


def test_two_processes_predict_the_same_as_one(learn, written):
    nlp, examples = learn("spert_mt", "mre_textcat", "doc_cleaner", steps=5)
    texts = [*(eg.text for eg in examples), LONG, ""]
    expected = [written(doc) for doc in nlp.pipe(texts, batch_size=2)]
    assert [written(doc) for doc in nlp.pipe(texts, batch_size=2, n_process=2)] == expected


# Windows


def test_a_long_text_is_read_in_several_windows(learn):
    nlp, _ = learn("spert_mt", "mre_textcat", steps=0)
    doc = nlp(LONG)
    state, align = doc._.trf_data.model_output.last_hidden_state, doc._.trf_data.align
    assert len(state) == 4  # windows of 8 tokens, at a distance of 6
    encoded = nlp.get_pipe("spert_mt").model.get_ref("encoder").predict([doc, nlp("Tom")])
    assert encoded.tokens.shape == (len(doc) + 1, 32) and encoded.lengths.tolist() == [len(doc), 1]
    assert encoded.offsets.tolist() == [0, len(doc)] and not encoded.cut.any()
    assert encoded.texts[0] == pytest.approx(state[:, 0].mean(axis=0), abs=1e-6)
    pieces = state.reshape(-1, 32)
    for i in range(len(doc)):
        assert encoded.tokens[i] == pytest.approx(pieces[align[i].dataXd.ravel()].mean(axis=0), abs=1e-5)
    assert len(align[6].dataXd) > len(align[0].dataXd)  # the seventh token is in two windows


def test_vectors_do_not_depend_on_the_batch(learn):
    nlp, _ = learn("spert_mt", "mre_textcat", steps=0)
    encoder = nlp.get_pipe("spert_mt").model.get_ref("encoder")
    texts = ["Tom", LONG, "", " \n ", "Ida lives in Lima ."]
    batched = encoder.predict(list(nlp.pipe(texts)))
    separate = [encoder.predict([nlp(text)]) for text in texts]
    assert numpy.concatenate([one.tokens for one in separate]) == pytest.approx(batched.tokens, abs=1e-5)
    assert numpy.concatenate([one.texts for one in separate]) == pytest.approx(batched.texts, abs=1e-5)
    assert not batched.texts[2].any()


def test_truncated_tokens_are_counted(learn):
    nlp, _ = learn("spert_mt", window=40, stride=40)
    text = "Ida " + "unknown " * 12  # seven pieces a word, 32 pieces a window
    with pytest.warns(UserWarning, match=r"W811.*7 tokens truncated by the encoder"):
        doc = nlp(text.strip())
    nlp(text.strip())
    assert nlp.get_pipe("spert_mt").left_out["tokens truncated by the encoder"] == 14
    encoded = nlp.get_pipe("spert_mt").model.get_ref("encoder").predict([doc])
    assert encoded.cut.tolist() == [7] and encoded.tokens[:6].any(axis=1).all() and not encoded.tokens[6:].any()


# Gradients


@pytest.fixture
def gradients_without(make_trf_nlp, make_examples):
    def run(*lacking, factories=("spert_mt", "mre_textcat"), encoder=None, extra=()):
        fix_random_seed(0)
        nlp = make_trf_nlp(*factories, encoder=encoder, spert_mt={"negatives": -1})
        examples = make_examples(nlp)
        nlp.initialize(lambda: examples)
        for eg in examples:
            if "spans" in lacking:
                bare = Doc(nlp.vocab, words=[token.text for token in eg.reference])
                bare.cats = eg.reference.cats
                eg.reference = bare
            if "cats" in lacking:
                eg.reference.cats = {}
        losses = nlp.update([*make_examples(nlp, extra), *examples], sgd=False)
        return losses, {
            name: weight.grad.clone() for name, weight in weights_of(nlp).items() if weight.grad is not None
        }

    return run


@pytest.mark.parametrize("factories", [("spert_mt", "mre_textcat"), ("mre_textcat", "spert_mt")])
def test_gradients_of_several_listeners_are_added(factories, gradients_without):
    """Also if one of them, the last or another one, learns nothing from a batch."""
    _, everything = gradients_without(factories=factories)
    _, cats = gradients_without("spans", factories=factories)
    _, spans = gradients_without("cats", factories=factories)
    losses, nothing = gradients_without("cats", "spans", factories=factories)
    assert losses["spert_mt"] == losses["mre_textcat"] == 0.0
    for name, gradient in everything.items():
        assert torch.allclose(cats[name] + spans[name], gradient, atol=1e-5)
        assert (cats[name].any() and spans[name].any()) or "key.bias" in name
        assert not nothing[name].any()


@pytest.mark.parametrize("text", ["", " \n "])
def test_texts_without_pieces_change_no_gradient(text, gradients_without):
    _, expected = gradients_without(factories=("mre_textcat",))
    _, gradients = gradients_without(factories=("mre_textcat",), extra=[([text] if text else [], None, None, None)])
    for name in expected:
        assert torch.allclose(expected[name], gradients[name], atol=1e-6)


def test_grad_factor_scales_the_gradient(gradients_without):
    _, full = gradients_without()
    _, half = gradients_without(encoder={"grad_factor": 0.5})
    _, none = gradients_without(encoder={"grad_factor": 0.0})
    for name in full:
        assert torch.allclose(full[name] / 2, half[name], atol=1e-6) and not none[name].any()


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("factory", ["spert_mt", "mre_textcat"])
def test_gradients_of_the_transformer_equal_finite_differences(factory, pooling, make_trf_nlp, make_examples):
    settings = {"negatives": -1} if factory == "spert_mt" else {}
    nlp = make_trf_nlp(factory, encoder={"pooling": pooling}, **{factory: settings})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    weights = weights_of(nlp)

    def loss():
        return nlp.update(examples, sgd=False)[factory]

    loss()
    gradients = {name: weight.grad.clone() for name, weight in weights.items()}
    length = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
    assert length > 0.01
    sides = []
    for sign in (1, -1, 0):
        before = copies_of(nlp)
        with torch.no_grad():
            for name, weight in weights.items():
                weight += sign * 1e-3 * gradients[name] / length
        sides.append(loss())
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(before[name])
    assert (sides[0] - sides[1]) / 2e-3 == pytest.approx(float(length), rel=0.05)


# Frozen and missing transformers, changed tokens


def test_heads_learn_on_a_frozen_transformer_that_annotates(learn):
    nlp, _ = learn("spert_mt", "mre_textcat", steps=0)
    before = copies_of(nlp)
    nlp, examples = learn(
        "spert_mt", "mre_textcat", steps=1, update={"exclude": ["transformer"], "annotates": ["transformer"]}
    )
    first = nlp.update(examples, sgd=False, exclude=["transformer"], annotates=["transformer"])
    sgd = make_adamw(1e-2)
    for _ in range(60):
        last = nlp.update(examples, sgd=sgd, exclude=["transformer"], annotates=["transformer"])
        sgd.step_schedules()
    assert changed(nlp, before) == []
    assert last["spert_mt"] < first["spert_mt"] / 2 and last["mre_textcat"] < first["mre_textcat"] * 0.8


def test_a_frozen_last_listener(make_trf_nlp, make_examples, transformer):
    """`mre_transformer` does not need it."""
    nlp = make_trf_nlp("spert_mt", "mre_textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.config["training"] = {**nlp.config["training"], "frozen_components": ["mre_textcat"]}
    if transformer == "mre_transformer":
        nlp.initialize(lambda: examples)
    else:
        with pytest.raises(ValueError, match=r"M304.*'mre_textcat' is frozen.*'transformer'"):
            nlp.initialize(lambda: examples)


def finish(nlp, sgd):
    """As `spacy train` does after the last component has run."""
    for _, pipe in nlp.pipeline:
        if hasattr(pipe, "finish_update"):
            pipe.finish_update(sgd)
    sgd.step_schedules()


@pytest.mark.parametrize("how", ["excluded", "disabled"])
def test_a_last_listener_that_returns_no_gradient(how, make_trf_nlp, make_examples, transformer):
    nlp = make_trf_nlp("mre_textcat", "spert_mt")
    examples, sgd = make_examples(nlp), make_adamw(1e-3)
    nlp.initialize(lambda: examples)
    before, heads = copies_of(nlp), nlp.get_pipe("spert_mt").model.to_bytes()
    exclude = ["spert_mt"] if how == "excluded" else []
    with nlp.select_pipes(disable=["spert_mt"] if how == "disabled" else []):
        if transformer == "mre_transformer":
            nlp.update(examples, sgd=False, exclude=exclude)
            finish(nlp, sgd)
            assert changed(nlp, before) == sorted(before)
            pickle.dumps(nlp.get_pipe("transformer"))
        else:
            nlp.update(examples, sgd=False, exclude=exclude)
            finish(nlp, sgd)
            with pytest.warns(UserWarning, match=r"W302.*'spert_mt' returned no gradient to 'transformer'"):
                nlp.update(examples, sgd=False, exclude=exclude)
            assert not changed(nlp, before)
    if how == "excluded":
        assert nlp.get_pipe("spert_mt").model.to_bytes() == heads


def test_the_loop_of_plain_spacy_without_the_last_listener(make_trf_nlp, make_examples, transformer):
    """Which finishes the update of the encoder before its listeners have run."""
    if transformer == "transformer":
        pytest.skip("it learns nothing without the last listener")
    nlp = make_trf_nlp("mre_textcat", "spert_mt")
    examples, sgd = make_examples(nlp), make_adamw(1e-3)
    nlp.initialize(lambda: examples)
    before = copies_of(nlp)
    for _ in range(2):
        nlp.update(examples, sgd=sgd, exclude=["spert_mt"])
        sgd.step_schedules()
    assert changed(nlp, before) == sorted(before)


def test_gradients_of_several_batches_add_up_without_the_last_listener(make_trf_nlp, make_examples, transformer):
    """As with `accumulate_gradient` of `spacy train`."""
    if transformer == "transformer":
        pytest.skip("it learns nothing without the last listener")

    def gradients(*factories, **options):
        fix_random_seed(0)
        nlp = make_trf_nlp(*factories)
        examples = make_examples(nlp)
        nlp.initialize(lambda: examples)
        for batch in (examples[:3], examples[3:]):
            nlp.update(batch, sgd=False, **options)
        nlp.get_pipe("transformer")._finish_batch()
        return {name: weight.grad for name, weight in weights_of(nlp).items() if not weight.grad.is_sparse}

    alone, beside = gradients("mre_textcat"), gradients("mre_textcat", "spert_mt", exclude=["spert_mt"])
    assert alone and all(gradient.any() for gradient in alone.values())
    for name, gradient in alone.items():
        assert torch.allclose(beside[name], gradient, rtol=1e-3, atol=1e-6), name


@pytest.mark.parametrize("factory", ["spert_mt", "mre_textcat"])
def test_a_missing_transformer_raises_m301(factory, make_trf_nlp, make_examples):
    nlp = make_trf_nlp(factory)
    nlp.remove_pipe("transformer")
    with pytest.raises(ValueError, match="M301"):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize("factory", ["spert_mt", "mre_textcat"])
def test_a_disabled_transformer_raises_m302(factory, learn):
    nlp, _ = learn(factory, steps=0)
    with nlp.select_pipes(disable=["transformer"]):
        with pytest.raises(ValueError, match="M302"):
            nlp("Ida lives in Lima .")
        with pytest.raises(ValueError, match="M302"):
            list(nlp.pipe(["", "Ida lives in Lima ."]))


@pytest.mark.parametrize("factory", ["spert_mt", "mre_textcat"])
def test_a_document_retokenized_after_the_transformer_raises_m303(factory, learn):
    nlp, _ = learn(factory, steps=0)
    doc = nlp.get_pipe("transformer")(nlp.make_doc("Ida lives in Lima ."))
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[1:3])
    with pytest.raises(ValueError, match=r"M303.*read 5 tokens.*has 4"):
        nlp.get_pipe(factory)(doc)


def test_empty_texts(learn, make_examples):
    nlp, examples = learn("mre_textcat", "spert_mt", steps=1)
    for texts in (["", ""], ["", "Ida lives in Lima .", "", " "], [" ", "\n\n"]):
        for doc, text in zip(nlp.pipe(texts), texts):
            assert doc.text == text and get_relations(doc) is not None and get_entities(doc) is not None
            assert sum(doc.cats.values()) == pytest.approx(1.0 if text else 0.0)
    sgd = make_adamw(1e-3)
    empty = make_examples(nlp, [("", [], [], {"people": 1.0, "travel": 0.0})] * 2)
    for batch in (empty, [*empty, *examples], empty, examples):
        assert all(numpy.isfinite(loss) for loss in nlp.update(batch, sgd=sgd).values())
        sgd.step_schedules()
    frozen = {"exclude": ["transformer"], "annotates": ["transformer"]}
    for batch in (empty, [*empty, *examples]):
        assert all(numpy.isfinite(loss) for loss in nlp.update(batch, sgd=sgd, **frozen).values())
    blank = Example(nlp.make_doc(" \n "), Doc(nlp.vocab, words=[" \n "], spaces=[False]))
    assert all(numpy.isfinite(loss) for loss in nlp.update([blank], sgd=sgd).values())


def test_empty_texts_over_a_listener_of_token_vectors(learn, make_examples):
    layer = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "pooling": {"@layers": "reduce_mean.v1"},
        "grad_factor": 1.0,
    }
    encoder = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": layer}
    nlp, examples = learn("mre_textcat", "spert_mt", steps=1, encoder=encoder)
    before, sgd = copies_of(nlp), make_adamw(1e-3)
    empty = make_examples(nlp, [("", [], [], {"people": 1.0, "travel": 0.0})])
    for batch in ([*empty, *examples], [*examples[:2], *empty, *examples[2:]], empty):
        assert all(numpy.isfinite(loss) for loss in nlp.update(batch, sgd=sgd).values())
        sgd.step_schedules()
    assert changed(nlp, before) == sorted(before)
    assert nlp("").cats == {"people": 0.0, "travel": 0.0}
