"""Tests of mixed precision in training, on the CPU: bf16, without a scale of gradients."""

import warnings

import numpy
import pytest
import spacy
import torch
from spacy.training import Example

pytest.importorskip("spacy_transformers")

from spacy_mre.encoders.transformer.component import MRETransformer
from spacy_mre.encoders.transformer.engines import make_engine
from spacy_mre.training import processor
from spacy_mre.training.optimizer import make_adamw
from spacy_mre.training.torch_weights import scales_gradients
from tests.encoders.transformer.test_component import TEXTS

CATS = {"town": 1.0, "person": 0.0}


@pytest.fixture
def make_nlp(tiny_bert):
    def make(mixed_precision, max_batch_items=1024):
        torch.manual_seed(0)
        nlp = spacy.blank("en")
        model = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": tiny_bert}
        model |= {"mixed_precision": mixed_precision, "transformer_config": {"hidden_dropout_prob": 0.0}}
        model["transformer_config"]["attention_probs_dropout_prob"] = 0.0
        nlp.add_pipe("mre_transformer", name="transformer", config={"model": model, "max_batch_items": max_batch_items})
        encoder = {"@architectures": "spacy_mre.TransformerEncoder.v1"}
        nlp.add_pipe("mre_textcat", config={"model": {"encoder": encoder}})
        examples = [Example.from_dict(nlp.make_doc(text), {"cats": CATS}) for text in TEXTS]
        nlp.initialize(lambda: examples)
        return nlp, examples

    return make


def encode(nlp, examples):
    """The vectors of an update."""
    transformer = nlp.get_pipe("transformer")
    assert isinstance(transformer, MRETransformer)
    return transformer._encode_for_update(transformer._tokenize([eg.predicted for eg in examples]))


def test_vectors_are_rounded_but_close(make_nlp):
    vectors = [encode(*make_nlp(mixed))[0] for mixed in (False, True)]
    assert vectors[1].dtype == numpy.float32
    assert not numpy.array_equal(*vectors)
    numpy.testing.assert_allclose(*vectors, atol=0.1)


def test_nothing_is_said_of_a_missing_gpu(make_nlp):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*CUDA.*")
        nlp, _ = make_nlp(True)
    assert nlp.get_pipe("transformer").model.layers[0].shims[0]._mixed_precision


def test_a_cpu_on_which_it_is_slow_is_told(make_nlp, monkeypatch):
    monkeypatch.setattr(processor, "describe_processor", lambda: "flags : fpu avx2")
    nlp, examples = make_nlp(True)
    processor.warn_if_slow_in.cache_clear()
    with pytest.warns(UserWarning, match="W303.*mixed_precision = true computes in bf16") as told:
        encode(nlp, examples)
        encode(nlp, examples)
    transformer = nlp.get_pipe("transformer")
    for precision in ("bf16", "fp16"):
        with pytest.warns(UserWarning, match=f'W303.*precision = "{precision}" computes in {precision}'):
            make_engine(transformer.model.transformer, "torch", precision)
    processor.warn_if_slow_in.cache_clear()
    assert sum("W303" in str(one.message) for one in told) == 1
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*W303.*")
        make_engine(transformer.model.transformer, "torch", "fp32")
        encode(*make_nlp(False))


@pytest.mark.parametrize("max_batch_items", [1024, 12])
def test_gradients_are_close_and_not_scaled(make_nlp, max_batch_items):
    """Also of many forward passes, whose gradients are added up in fp32."""
    gradients = []
    for mixed in (False, True):
        nlp, examples = make_nlp(mixed, max_batch_items)
        examples = examples * 10
        vectors, backprop = encode(nlp, examples)
        backprop(numpy.tanh(vectors))
        model = nlp.get_pipe("transformer").model
        assert not scales_gradients(model.layers[0].shims[0])
        weight = dict(model.transformer.named_parameters())["encoder.layer.0.output.dense.weight"]
        assert weight.dtype == weight.grad.dtype == torch.float32
        gradients.append(weight.grad.flatten())
    assert (gradients[1] - gradients[0]).norm() < 0.01 * gradients[0].norm()


def test_it_is_learned(make_nlp):
    nlp, examples = make_nlp(True)
    sgd = make_adamw(0.005)
    for _ in range(30):
        losses = nlp.update(examples, sgd=sgd)
        sgd.step_schedules()
    assert losses["mre_textcat"] < 0.05
    assert nlp(TEXTS[0]).cats["town"] > 0.9
