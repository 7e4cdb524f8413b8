"""Tests of `freeze_layers`: which weights are trained."""

import pytest
import spacy
import torch
from spacy.training import Example
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
)

from spacy_mre.encoders.transformer.frozen_layers import find_layers, freeze_layers
from spacy_mre.training.optimizer import make_adamw

pytest.importorskip("spacy_transformers")

SMALL = {"vocab_size": 20, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "num_hidden_layers": 3}
DISTILBERT = {"vocab_size": 20, "dim": 8, "n_heads": 2, "hidden_dim": 8, "n_layers": 3}
MODELS = {
    "bert": lambda: BertModel(BertConfig(**SMALL)),
    "roberta": lambda: RobertaModel(RobertaConfig(**SMALL)),
    "distilbert": lambda: DistilBertModel(DistilBertConfig(**DISTILBERT)),
}


def trained_names(model):
    return [name for name, weight in model.named_parameters() if weight.requires_grad]


@pytest.mark.parametrize("name", MODELS)
def test_layers_below_are_not_trained(name):
    model = MODELS[name]()
    freeze_layers(model, 2)
    of_layers = {n.split("layer.")[1].split(".")[0] for n in trained_names(model) if "layer." in n}
    assert of_layers == {"2"}
    assert not [n for n in trained_names(model) if n.startswith("embeddings")]
    freeze_layers(model, 1)
    assert {n.split("layer.")[1].split(".")[0] for n in trained_names(model) if "layer." in n} == {"1", "2"}


@pytest.mark.parametrize("name", MODELS)
def test_none(name):
    model = MODELS[name]()
    before = trained_names(model)
    freeze_layers(model, 0)
    assert trained_names(model) == before


def test_too_many():
    with pytest.raises(ValueError, match=r"M313.*freeze_layers = 3.* has 3 layers"):
        freeze_layers(MODELS["bert"](), 3)


def test_layers_with_the_same_weights():
    model = AlbertModel(AlbertConfig(**SMALL, embedding_size=8))
    assert find_layers(model) == []
    with pytest.raises(ValueError, match=r"M313.* has 0 layers"):
        freeze_layers(model, 1)


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


def test_it_is_checked_before_the_first_update(make_nlp):
    nlp, examples = make_nlp(2)
    with pytest.raises(ValueError, match="M313"):
        nlp.update(examples, sgd=make_adamw(0.005))


def test_it_is_a_setting_of_the_loaded_pipeline(make_nlp, tmp_path):
    nlp, _ = make_nlp(1)
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("transformer").freeze_layers == 1
    config = {"components.transformer.freeze_layers": 0}
    assert spacy.load(tmp_path, config=config).get_pipe("transformer").freeze_layers == 0
    with pytest.raises(ValueError, match=r"M002.*freeze_layers"):
        spacy.load(tmp_path, config={"components.transformer.freeze_layers": -1})
