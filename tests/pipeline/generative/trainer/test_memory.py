import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoModelForCausalLM, BertConfig, EncoderDecoderConfig, LlamaConfig, T5Config

from spacy_mre.pipeline.generative.trainer.adapters import four_bits, with_adapters
from spacy_mre.pipeline.generative.trainer.memory import estimate_memory
from spacy_mre.pipeline.generative.trainer.recipe import Recipe

CONFIG = LlamaConfig(
    hidden_size=256,
    intermediate_size=704,
    num_hidden_layers=6,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=500,
)
ROWS, LENGTH = 2, 96


def kept_for_backward(model, ids, bf16):
    """The bytes of the tensors that are kept for the backward pass, without the weights themselves."""
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept, alive = {}, []

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with saved_tensors_hooks(pack, lambda x: x), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        model(input_ids=ids, labels=ids, use_cache=False)
    return sum(kept.values())


@pytest.mark.parametrize(
    "lora_rank, bf16, dtype",
    [
        (0, False, "float32"),
        (0, True, "float32"),
        (8, False, "float32"),
        (8, True, "float32"),
        (8, False, "bfloat16"),
        (8, True, "bfloat16"),
    ],
)
def test_the_estimate_is_near_what_torch_keeps(lora_rank, bf16, dtype):
    recipe = Recipe("m", lora_rank=lora_rank, bf16=bf16, dtype=dtype, batch_size=ROWS, max_length=LENGTH)
    estimated = estimate_memory(recipe, CONFIG)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(CONFIG, torch_dtype=getattr(torch, dtype))
    weights = sum(weight.nbytes for weight in model.parameters())
    if lora_rank:
        model = with_adapters(model, recipe, "causal")
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert estimated.weights == weights + (trained * 4 if lora_rank else 0)
    assert (estimated.gradients, estimated.optimizer) == (trained * 4, trained * 8)
    measured = kept_for_backward(model.train(), torch.randint(0, 500, (ROWS, LENGTH)), bf16)
    kept = estimated.copies + estimated.activations + estimated.logits
    assert kept == pytest.approx(measured, rel=0.25)


def test_ways_of_saving_memory_save_it():
    def estimate(**settings):
        return estimate_memory(Recipe("m", **{"batch_size": 2, "max_length": 32, **settings}), CONFIG)

    whole, lora = estimate(), estimate(lora_rank=8)
    half, quarter = estimate(lora_rank=8, dtype="bfloat16"), estimate(lora_rank=8, load_in_4bit=True)
    assert whole.total > lora.total > half.total > quarter.total
    assert lora.optimizer < whole.optimizer / 10
    assert quarter.weights < half.weights < lora.weights
    assert estimate(gradient_checkpointing=True).activations < whole.activations / 3
    assert estimate(batch_size=1).activations * 2 == pytest.approx(whole.activations)
    assert estimate(max_length=64).logits == 2 * whole.logits


def test_the_weights_in_4_bits(tmp_path):
    pytest.importorskip("bitsandbytes")
    AutoModelForCausalLM.from_config(CONFIG).save_pretrained(tmp_path)
    settings = {"quantization_config": four_bits(), "torch_dtype": torch.bfloat16}
    model = AutoModelForCausalLM.from_pretrained(tmp_path, **settings)
    recipe = Recipe("m", lora_rank=1, load_in_4bit=True)
    estimated = estimate_memory(recipe, CONFIG)
    adapters = estimated.gradients
    # The scales of the quantization are not in the footprint.
    assert model.get_memory_footprint() == pytest.approx(estimated.weights - adapters, rel=0.05)


BERT = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=100)
T5 = T5Config(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=100)


@pytest.mark.parametrize("config", [T5, EncoderDecoderConfig.from_encoder_decoder_configs(BERT, BERT)])
def test_an_encoder_decoder(config):
    memory = estimate_memory(Recipe("m", batch_size=1, max_length=64, gradient_checkpointing=True), config)
    assert memory.logits == 64 * 100 * 12 and 0 < memory.activations < memory.total
