import gc
import json
import weakref

import pytest
import torch
from transformers import TrainerCallback

from spacy_mre.pipeline.generative.checkpoints import load_language_model
from spacy_mre.pipeline.generative.trainer import loading
from spacy_mre.pipeline.generative.trainer.adapters import four_bits
from spacy_mre.pipeline.generative.trainer.train import train_generative
from tests.pipeline.generative.trainer.tiny import recipe, weights

pytest.importorskip("peft")


class Seen(TrainerCallback):
    """Keeps a weak reference to the model in training, and what its layers are."""

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        self.model = weakref.ref(model)
        self.layers = {type(layer).__name__ for layer in model.modules()}
        self.dtypes = {weight.dtype for weight in model.parameters() if weight.requires_grad}


def changed(before, after):
    before, after = weights(before), weights(after)
    return {name.split(".")[-2] for name in before if not torch.equal(before[name], after[name])}


def test_adapters_of_chosen_layers(base, rows, tmp_path):
    wanted = recipe(str(base), lora_rank=4, lora_targets="q_proj, up_proj", lora_dropout=0.2)
    train_generative(wanted, rows, tmp_path, progress=False)
    assert changed(base, tmp_path) == {"q_proj", "up_proj"}
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["lora_dropout"] == 0.2 and config["lora_alpha"] == 8


def test_all_linear_layers_but_the_output_layer_by_default(base, rows, tmp_path):
    train_generative(recipe(str(base), lora_rank=4), rows, tmp_path, progress=False)
    attention, mlp = {"q_proj", "k_proj", "v_proj", "o_proj"}, {"gate_proj", "up_proj", "down_proj"}
    assert changed(base, tmp_path) == attention | mlp


def test_unknown_layers_are_refused(base, rows, tmp_path):
    with pytest.raises(ValueError, match=r"M975.*: query.*down_proj, gate_proj"):
        train_generative(recipe(str(base), lora_rank=4, lora_targets="q_proj,query"), rows, tmp_path, progress=False)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_weights_are_in_memory_once_when_adapters_are_merged(dtype, base, rows, tmp_path, monkeypatch):
    seen, alive = Seen(), []
    load = loading.load_language_model

    def load_and_look(*args, **kwargs):
        alive.append(hasattr(seen, "model") and seen.model() is not None)
        return load(*args, **kwargs)

    monkeypatch.setattr(loading, "load_language_model", load_and_look)
    train_generative(recipe(str(base), lora_rank=4, dtype=dtype), rows, tmp_path, progress=False, callbacks=[seen])
    assert alive == [False, False]
    assert next(load_saved(tmp_path)).dtype == getattr(torch, dtype)


def load_saved(folder):
    from safetensors.torch import load_file

    return iter(load_file(folder / "model.safetensors").values())


def test_weights_in_4_bits(base, rows, tmp_path):
    pytest.importorskip("bitsandbytes")
    config = four_bits()
    assert config.bnb_4bit_quant_type == "nf4" and config.bnb_4bit_use_double_quant
    assert config.bnb_4bit_compute_dtype == torch.bfloat16
    seen = Seen()
    wanted = recipe(str(base), lora_rank=4, load_in_4bit=True, max_steps=4)
    summary = train_generative(wanted, rows, tmp_path, progress=False, callbacks=[seen])
    assert summary["train_loss"] < 1 and "Linear4bit" in seen.layers and seen.dtypes == {torch.float32}
    # The adapters are in the weights, which are in bfloat16 and not in 4 bits.
    assert {weight.dtype for weight in load_saved(tmp_path)} == {torch.bfloat16}
    assert "q_proj" in changed(base, tmp_path)
    assert "quantization_config" not in json.loads((tmp_path / "config.json").read_text())
    assert load_language_model(tmp_path).module.dtype == torch.float32
    gc.collect()


def test_a_model_that_cannot_be_loaded_in_4_bits(base, rows, tmp_path, monkeypatch):
    pytest.importorskip("bitsandbytes")

    def fail(*args, **kwargs):
        raise RuntimeError("no device")

    monkeypatch.setattr("transformers.quantizers.quantizer_bnb_4bit.Bnb4BitHfQuantizer.validate_environment", fail)
    with pytest.raises(ValueError, match=r"M971.*no device.*spacy-mre\[qlora\]"):
        train_generative(recipe(str(base), lora_rank=4, load_in_4bit=True), rows, tmp_path, progress=False)
