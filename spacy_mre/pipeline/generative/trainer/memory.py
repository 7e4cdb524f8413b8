"""The memory that a training needs on each device, computed from the config of the model: nothing is loaded.

In bytes, for a batch of T = rows x tokens per row, with e = 2 bytes per number in bfloat16 and 4 in float32:

weights      weights x e; in 4 bits 0.516 for those of linear layers (a scale per 64 weights, itself in 8 bits)
copies       weights x 2, if weights in float32 are computed in bfloat16
gradients    trained weights x 4
optimizer    trained weights x 8 (two averages of AdamW)
activations  T x inputs and outputs of all linear layers x 5.2; with adapters x 7, or 5.5 if the weights are in
             bfloat16; with --bf16 x 3.2, or 4.1 with adapters. With gradient checkpointing those of one layer, and
             T x width x e for each layer
logits       T x vocabulary x 12 (logits, log probabilities and gradient in float32); + 2 with --bf16

The numbers of activations are those of the tensors that torch keeps for the backward pass of LLaMA models. Left out are
what CUDA itself takes (about 1 GB), fragments, the workspace of kernels, the matrices of eager attention, the cache of
generation at checkpoints, and what several processes exchange. Adapters are merged in the memory of the CPU: weights x
e.
"""

from dataclasses import asdict, dataclass

import torch
from transformers import AutoConfig, PretrainedConfig

from ..checkpoints import AUTO_CLASSES, load_config_of
from .adapters import is_linear, with_adapters
from .loading import read_config
from .recipe import Recipe

NF4_BYTES = (4 + 8 / 64 + 32 / (64 * 256)) / 8
# The tokens of a row, if --max-length does not say it.
DEFAULT_LENGTH = 512


@dataclass(frozen=True)
class Memory:
    """The memory of a training, in bytes. The fields are those of the module's text."""

    weights: int
    copies: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """RETURNS (int): The sum."""
        return sum(asdict(self).values())


def estimate_memory(recipe: Recipe, config: PretrainedConfig | None = None) -> Memory:
    """Compute the memory of a training.

    recipe (Recipe): The settings.
    config (Optional[PretrainedConfig]): The config of the model. Default: that of `recipe.model`.
    RETURNS (Memory): The memory.
    RAISES (ValueError): If there is no such model, or its config cannot be used.
    """
    config = config or _config(recipe)
    kind = "seq2seq" if config.is_encoder_decoder else "causal"
    decoder = config.get_text_config(decoder=True)
    with torch.device("meta"):
        module = AUTO_CLASSES[kind].from_config(config, torch_dtype=getattr(torch, recipe.weights_dtype))
        output = module.get_output_embeddings()
        linear = [layer for layer in module.modules() if is_linear(layer) and layer is not output]
        quantized = sum(layer.weight.numel() for layer in linear)
        widths = sum(sum(layer.weight.shape) for layer in linear)
        count = module.num_parameters()
        if recipe.lora_rank:
            module = with_adapters(module, recipe, kind)
    trained = sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
    size = 2 if recipe.weights_dtype != "float32" else 4
    computed_size = 2 if recipe.computes_in_bf16 else size
    tokens = recipe.batch_size * (recipe.max_length or DEFAULT_LENGTH)
    weights = quantized * NF4_BYTES + (count - quantized) * size if recipe.load_in_4bit else count * size
    if recipe.lora_rank:
        weights += trained * 4
    activations = tokens * widths * _kept_bytes(recipe)
    if recipe.gradient_checkpointing:
        layers = max(decoder.num_hidden_layers * (2 if kind == "seq2seq" else 1), 1)
        activations = activations / layers + tokens * decoder.hidden_size * computed_size * layers
    logit_bytes = 12 + 2 * recipe.computes_in_bf16
    return Memory(
        weights=round(weights),
        copies=count * 2 if recipe.computes_in_bf16 and size == 4 else 0,
        gradients=trained * 4,
        optimizer=trained * 8,
        activations=round(activations),
        logits=tokens * decoder.vocab_size * logit_bytes,
    )


def _kept_bytes(recipe: Recipe) -> float:
    """Of an input or output of a linear layer: itself, what is computed from it, and the copy that adapters read."""
    if recipe.computes_in_bf16:
        return 4.1 if recipe.lora_rank else 3.2
    if recipe.lora_rank:
        return 7.0 if recipe.weights_dtype == "float32" else 5.5
    return 5.2


def _config(recipe: Recipe) -> PretrainedConfig:
    if not recipe.is_from_scratch:
        return load_config_of(recipe.model)
    made = read_config(recipe)
    settings = {"vocab_size": (made.get("tokenizer") or {}).get("vocab_size", 4000), **made["config"]}
    return AutoConfig.for_model(settings.pop("model_type"), **settings)
