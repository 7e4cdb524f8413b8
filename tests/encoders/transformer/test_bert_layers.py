"""The layers of a BERT in prediction compute what its modules compute."""

import pytest
import torch
from torch import nn

transformers = pytest.importorskip("transformers")

from spacy_mre.encoders.transformer.bert_layers import has_plain_layers  # noqa: E402
from spacy_mre.encoders.transformer.engines import TorchEngine  # noqa: E402

KINDS = ["Bert", "Roberta", "XLMRoberta", "Camembert"]


@pytest.fixture
def batch():
    ids = torch.randint(5, 50, (4, 11), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    for row, length in enumerate((11, 7, 1, 9)):
        mask[row, length:] = 0
    return ids.masked_fill(mask == 0, 1), mask


def states_of_model(model, ids, mask):
    with torch.inference_mode():
        return model(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()]


def states_of_engine(engine, ids, mask):
    return engine(ids.numpy(), mask.numpy(), None)[mask.bool()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padded", [True, False])
def test_states_are_those_of_the_model(make_model, batch, kind, padded):
    model, (ids, mask) = make_model(kind), batch
    if not padded:
        ids, mask = ids[:, :1], mask[:, :1]
    engine = TorchEngine(model, "fp32")
    assert has_plain_layers(engine.transformer)
    found, expected = states_of_engine(engine, ids, mask), states_of_model(model, ids, mask)
    assert torch.equal(found, expected) or torch.allclose(found, expected, rtol=0, atol=1e-6)


def test_states_in_bf16_are_those_of_the_model(make_model, batch):
    model = make_model()
    engine = TorchEngine(model, "bf16")
    assert has_plain_layers(engine.transformer)
    found, exact = states_of_engine(engine, *batch), states_of_model(model, *batch)
    assert found.dtype == torch.float32
    assert torch.equal(found, states_of_model(engine.transformer, *batch).float())
    assert torch.allclose(found, exact, atol=0.1) and not torch.allclose(found, exact, rtol=0, atol=1e-5)


def test_token_types_are_used(make_model, batch):
    model, (ids, mask) = make_model(), batch
    types = (ids > 20).long()
    found = TorchEngine(model, "fp32")(ids.numpy(), mask.numpy(), types.numpy())
    with torch.inference_mode():
        expected = model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
    assert torch.allclose(found[mask.bool()], expected[mask.bool()], rtol=0, atol=1e-6)
    assert not torch.allclose(found, TorchEngine(model, "fp32")(ids.numpy(), mask.numpy(), None), atol=1e-3)


def add_in_place(model):
    with torch.no_grad():
        model.encoder.layer[1].attention.self.value.weight[0] += 1.0


def add_to_data(model):
    model.encoder.layer[0].attention.self.value.weight.data.add_(0.1)


def replace_data(model):
    bias = model.encoder.layer[0].output.dense.bias
    bias.data = bias.data + torch.eye(24)[0]


def assign(model):
    model.load_state_dict({name: weight * 1.1 for name, weight in model.state_dict().items()}, assign=True)


def cut_layers(model):
    model.encoder.layer = model.encoder.layer[:1]


def add_no_layers(model):
    model.encoder.layer = nn.ModuleList()


@pytest.mark.parametrize("change", [add_in_place, add_to_data, replace_data, assign, cut_layers, add_no_layers])
def test_changed_weights_and_layers_are_used(make_model, batch, change):
    model = make_model()
    engine = TorchEngine(model, "fp32")
    before = states_of_engine(engine, *batch)
    change(model)
    assert has_plain_layers(model)
    found, expected = states_of_engine(engine, *batch), states_of_model(model, *batch)
    assert torch.allclose(found, expected, rtol=0, atol=1e-6) and not torch.allclose(found, before, atol=1e-3)


class Doubled(nn.Linear):
    def forward(self, vectors):
        return 2 * super().forward(vectors)


def replace_linear(model):
    model.encoder.layer[1].attention.self.query = Doubled(24, 24)


def replace_layer(model):
    class Layer(nn.Module):
        def forward(self, states, *args, **kwargs):
            return (states,)

    model.encoder.layer[0] = Layer()


class Around(nn.Module):
    """A module around another one, as torch.compile and adapters make it."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def __getattr__(self, name):
        return super().__getattr__(name) if name == "module" else getattr(self.module, name)

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)


def wrap_attention(model):
    model.encoder.layer[0].attention = Around(model.encoder.layer[0].attention)


def wrap_projections(model):
    model.encoder.layer[0].attention.self = Around(model.encoder.layer[0].attention.self)


def wrap_output(model):
    model.encoder.layer[1].output = Around(model.encoder.layer[1].output)


def replace_forward(model):
    model.encoder.layer[0].output.forward = lambda states, inputs: inputs


def hook(model):
    model.encoder.layer[0].register_forward_hook(lambda module, args, output: (2 * output[0],))


def hook_the_model(model):
    model.register_forward_hook(lambda module, args, output: type(output)(last_hidden_state=2 * output[0]))


def prune(model):
    model.prune_heads({1: [0]})


CHANGES = (replace_linear, replace_layer, replace_forward, hook, hook_the_model, prune)
CHANGES += (wrap_attention, wrap_projections, wrap_output)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_after", [True, False])
def test_changed_models_run_themselves(make_model, batch, change, is_after):
    model = make_model()
    engine = TorchEngine(model, "fp32")
    if is_after:
        states_of_engine(engine, *batch)
    change(model)
    assert not has_plain_layers(model)
    assert torch.equal(states_of_engine(engine, *batch), states_of_model(model, *batch))


def test_other_types_run_themselves(make_model):
    assert not has_plain_layers(make_model().half())
    model = make_model()
    model.encoder.layer[0].output.dense.to(torch.bfloat16)
    assert not has_plain_layers(model)


def test_the_first_prediction_in_inference_mode(make_model, batch):
    engines = []
    with torch.inference_mode():
        for precision in ("fp32", "bf16"):
            engines.append(TorchEngine(make_model(), precision))
            states_of_engine(engines[-1], *batch)
    for engine in engines:
        assert torch.equal(states_of_engine(engine, *batch), states_of_model(engine.transformer, *batch).float())


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_act": "relu"},
        {"attn_implementation": "eager"},
        {"attn_implementation": "eager", "position_embedding_type": "relative_key"},
        {"is_decoder": True},
    ],
)
def test_other_structures_run_themselves(make_model, batch, settings):
    model = make_model(**settings)
    engine = TorchEngine(model, "fp32")
    assert not has_plain_layers(model)
    assert torch.equal(states_of_engine(engine, *batch), states_of_model(model, *batch))


def test_other_models_run_themselves():
    config = transformers.DistilBertConfig(vocab_size=50, dim=24, hidden_dim=40, n_heads=3, n_layers=1)
    assert not has_plain_layers(transformers.DistilBertModel(config))


def test_autocast_is_respected(make_model, batch):
    engine = TorchEngine(make_model(), "fp32")
    with torch.autocast("cpu", torch.bfloat16):
        lowered = states_of_engine(engine, *batch)
    exact = states_of_engine(engine, *batch)
    assert torch.allclose(lowered, exact, atol=0.1) and not torch.allclose(lowered, exact, rtol=0, atol=1e-5)
