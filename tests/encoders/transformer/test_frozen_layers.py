"""Tests of `freeze_layers`: which weights are trained."""

import pytest
import spacy
import torch
from spacy.training import Example

pytest.importorskip("spacy_transformers")

from transformers import AutoConfig, AutoModel

from spacy_mre.encoders.transformer.frozen_layers import find_layers, freeze_lowest
from spacy_mre.training.optimizer import make_adamw

SMALL = {"vocab_size": 20, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "num_hidden_layers": 3}
MODELS = {
    "bert": SMALL,
    "roberta": SMALL,
    "electra": {**SMALL, "embedding_size": 4},
    "deberta-v2": {**SMALL, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "mpnet": SMALL,
    "distilbert": {"vocab_size": 20, "dim": 8, "n_heads": 2, "hidden_dim": 8, "n_layers": 3},
    "gpt2": {"vocab_size": 20, "n_embd": 8, "n_head": 2, "n_layer": 3},
}


def make_model(name):
    return AutoModel.from_config(AutoConfig.for_model(name, **MODELS[name]))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_the_backward_pass_ends_above_them(name, count):
    model = make_model(name)
    freeze_lowest(model, count)
    states = model(torch.tensor([[2, 3, 4]]), output_hidden_states=True).hidden_states
    assert [state.requires_grad for state in states] == [False] * (count + 1) + [True] * (3 - count)
    layers = find_layers(model)
    assert {weight for layer in layers[count:] for weight in layer.parameters()} == {
        weight for weight in model.parameters() if weight.requires_grad
    }


@pytest.mark.parametrize("name", MODELS)
def test_none(name):
    model = make_model(name)
    before = [weight.requires_grad for weight in model.parameters()]
    freeze_lowest(model, 0)
    assert [weight.requires_grad for weight in model.parameters()] == before


def test_too_many():
    with pytest.raises(ValueError, match=r"M313.*freeze_layers = 3.* has 3 layers"):
        freeze_lowest(make_model("bert"), 3)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("albert", {**SMALL, "embedding_size": 8}),
        ("xlm", {"vocab_size": 20, "emb_dim": 8, "n_layers": 3, "n_heads": 2}),
    ],
)
def test_layers_that_cannot_be_told_apart(name, settings):
    """Those of ALBERT have the same weights, those of XLM are several lists."""
    model = AutoModel.from_config(AutoConfig.for_model(name, **settings))
    assert find_layers(model) == []
    with pytest.raises(ValueError, match=r"M313.* has 0 layers"):
        freeze_lowest(model, 1)


@pytest.fixture
def make_nlp(tiny_bert):
    def make(freeze_layers):
        torch.manual_seed(0)
        nlp = spacy.blank("en")
        model = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": tiny_bert}
        config = {"model": model, "freeze_layers": freeze_layers}
        nlp.add_pipe("mre_transformer", name="transformer", config=config)
        encoder = {"@architectures": "spacy_mre.TransformerEncoder.v1"}
        nlp.add_pipe("mre_textcat", config={"model": {"encoder": encoder}})
        texts = {"Ida lives in Lima .": "town", "Tom and Ida are friends .": "person"}
        cats = [{"cats": {label: float(label == gold) for label in texts.values()}} for gold in texts.values()]
        examples = [Example.from_dict(nlp.make_doc(text), gold) for text, gold in zip(texts, cats)]
        nlp.initialize(lambda: examples)
        return nlp, examples

    return make


def test_a_pipeline_learns_above_them(make_nlp):
    nlp, examples = make_nlp(1)
    model = nlp.get_pipe("transformer").model.transformer
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    sgd = make_adamw(0.005)
    for _ in range(30):
        losses = nlp.update(examples, sgd=sgd)
        sgd.step_schedules()
    assert losses["mre_textcat"] < 0.1
    changed = {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    assert "encoder.layer.1.output.dense.weight" in changed
    assert not [name for name in changed if name.startswith(("embeddings", "encoder.layer.0"))]


def test_it_is_checked_when_the_pipeline_is_initialized(make_nlp):
    with pytest.raises(ValueError, match=r"M313.* has 2 layers"):
        make_nlp(2)


def test_it_is_a_setting_of_the_loaded_pipeline(make_nlp, tmp_path):
    nlp, _ = make_nlp(1)
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("transformer").freeze_layers == 1
    config = {"components.transformer.freeze_layers": 0}
    assert spacy.load(tmp_path, config=config).get_pipe("transformer").freeze_layers == 0
    with pytest.raises(ValueError, match=r"M002.*freeze_layers"):
        spacy.load(tmp_path, config={"components.transformer.freeze_layers": -1})
