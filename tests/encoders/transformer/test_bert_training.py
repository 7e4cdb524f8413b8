"""The layers of a BERT in training compute what its modules compute, and drop as much."""

from types import SimpleNamespace

import numpy
import pytest
import torch
from thinc.api import ArgsKwargs
from torch import nn

transformers = pytest.importorskip("transformers")

from spacy_mre.encoders.transformer import update  # noqa: E402
from spacy_mre.encoders.transformer.bert_training import has_trainable_layers, run_in_training  # noqa: E402
from spacy_mre.encoders.transformer.mixed_precision import run_in_bf16  # noqa: E402
from spacy_mre.encoders.transformer.packing import attention_mask, pack_rows  # noqa: E402
from spacy_mre.training import dropout  # noqa: E402
from tests.encoders.transformer.test_bert_layers import KINDS  # noqa: E402


@pytest.fixture(autouse=True)
def slow_dropout(monkeypatch):
    """So that Intel's CPUs are no exception."""
    monkeypatch.setattr(dropout, "is_slow_in_torch", lambda: True)


@pytest.fixture
def inputs():
    """Two rows of windows of 9 + 2, and of 6 + 4 pieces and one of padding."""
    (rows,) = pack_rows(numpy.asarray([9, 6, 4, 2]), max_items=100, row_size=10)
    assert rows.mask.shape == (2, 11) and not rows.mask.all()
    ids = torch.randint(5, 50, rows.mask.shape, generator=torch.Generator().manual_seed(1))
    mask = torch.from_numpy(attention_mask(rows).astype(numpy.int64))
    return {"input_ids": ids, "attention_mask": mask, "position_ids": torch.from_numpy(rows.positions) + 2}


def without_dropout(make, kind="Bert", **settings):
    return make(kind, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **settings)


def gradients(model):
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frozen", [0, 1])
def test_states_and_gradients_are_those_of_the_model(make_model, inputs, kind, frozen, monkeypatch):
    model = without_dropout(make_model, kind)
    if frozen:
        model.requires_grad_(False)
        model.encoder.layer[1].requires_grad_(True)
    assert has_trainable_layers(model)
    expected = model.train()(**inputs).last_hidden_state
    direction = torch.randn_like(expected)
    expected.backward(direction)
    expected_gradients = gradients(model)
    model.zero_grad()

    monkeypatch.setattr(update, "is_slow_in_torch", lambda: True)
    shim = SimpleNamespace(_mixed_precision=False)
    layers = SimpleNamespace(layers=[SimpleNamespace(shims=[shim])], transformer=model.eval())
    states, backprop = update.forward_of_update(layers)(ArgsKwargs((), inputs))
    assert model.training and states.requires_grad
    backprop(ArgsKwargs(((states,),), {"grad_tensors": [direction]}))
    assert torch.allclose(states, expected, rtol=0, atol=1e-5)
    found = gradients(model)
    assert found.keys() == expected_gradients.keys() and len(found) >= 16
    for name, gradient in expected_gradients.items():
        assert torch.allclose(found[name], gradient, rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("place", ["hidden_dropout_prob", "attention_probs_dropout_prob"])
def test_the_mean_over_dropout_masks_is_that_of_the_model(make_model, inputs, place):
    """Each kind of dropout by itself: mean and standard deviation of the states."""
    model = make_model(**{"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, place: 0.4})
    model.train().embeddings.dropout.p = 0.0
    forwards = (lambda: model(**inputs).last_hidden_state, lambda: run_in_training(model, ArgsKwargs((), inputs)))
    moments = []
    for forward in forwards:
        torch.manual_seed(0)
        with torch.no_grad():
            states = torch.stack([forward() for _ in range(600)])
        moments.append((states.mean(dim=0), states.std(dim=0)))
    (mean, deviation), (found_mean, found_deviation) = moments
    assert deviation.mean() > 0.01
    # A difference of two means of 600 has a deviation of 0.058 standard deviations.
    assert ((found_mean - mean) / deviation).std() == pytest.approx(0.058, abs=0.02)
    assert (found_deviation / deviation).mean() == pytest.approx(1, abs=0.02)


def test_dropout_differs_from_call_to_call(make_model, inputs):
    model = make_model()
    one, other = (run_in_training(model, ArgsKwargs((), inputs)) for _ in range(2))
    assert not torch.allclose(one, other, atol=1e-3)


def checkpoint(model):
    model.gradient_checkpointing_enable()


def replace_dropout(model):
    model.encoder.layer[1].output.dropout = nn.AlphaDropout(0.1)


def hook_dropout(model):
    model.encoder.layer[0].attention.output.dropout.register_forward_hook(lambda *_: None)


def hook_layer(model):
    model.encoder.layer[0].register_forward_hook(lambda *_: None)


def to_bf16(model):
    model.bfloat16()


@pytest.mark.parametrize("change", [checkpoint, replace_dropout, hook_dropout, hook_layer, to_bf16])
def test_what_is_left_to_the_model(make_model, change):
    model = make_model()
    assert has_trainable_layers(model)
    change(model)
    assert not has_trainable_layers(model)


def test_another_structure_is_left_to_the_model():
    config = transformers.DistilBertConfig(vocab_size=50, dim=24, hidden_dim=40, n_heads=3, n_layers=1)
    assert not has_trainable_layers(transformers.DistilBertModel(config))


@pytest.mark.parametrize("slow", [True, False])
def test_it_is_used_where_torchs_dropout_is_slow(make_model, monkeypatch, slow):
    monkeypatch.setattr(update, "is_slow_in_torch", lambda: slow)
    shim = SimpleNamespace(_mixed_precision=False)
    model = SimpleNamespace(layers=[SimpleNamespace(shims=[shim])], transformer=make_model())
    assert (update.forward_of_update(model).args[0] is run_in_training) is slow
    shim._mixed_precision = True
    assert update.forward_of_update(model).args[0] is run_in_bf16
