"""The layers of a BERT in prediction: the arithmetic of Hugging Face's modules, without their overhead.

A module call costs some microseconds, of which a layer has a dozen, and every intermediate result is a new tensor. Here
a layer is a dozen operations, and large results go into buffers that all layers use. The results are equal to the last
bit. Nothing is kept from one call to the next: weights and modules may change in between.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

TYPES = (torch.float32, torch.bfloat16)
MODELS = ("Bert", "Camembert", "Roberta", "XLMRoberta")


def run_layers(transformer: Any, states: Tensor, mask: Tensor) -> Tensor:
    """Run the layers of a model for which `has_plain_layers` holds, without a gradient.

    transformer (PreTrainedModel): The model.
    states (Tensor): The embeddings, windows x pieces x width.
    mask (Tensor): 1 for pieces, 0 for padding, windows x pieces.
    RETURNS (Tensor): The last hidden states, windows x pieces x width.
    """
    windows, pieces, width = states.shape
    heads = transformer.config.num_attention_heads
    by_head = (windows, pieces, heads, width // heads)
    visible = None if bool(mask.all()) else mask[:, None, None, :].bool()
    states = states.reshape(-1, width)
    projected = states.new_empty(3, len(states), width)
    inner = states.new_empty(len(states), transformer.config.intermediate_size)
    for query, key, value, out, up, down, attention_norm, output_norm in map(layer_modules, transformer.encoder.layer):
        for module, result in zip((query, key, value), projected):
            _multiply(module, states, result)
        queries, keys, values = (result.view(by_head).transpose(1, 2) for result in projected)
        context = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=visible)
        attended = _multiply(out, context.transpose(1, 2).reshape(-1, width)).add_(states)
        states = _normalize(attention_norm, attended)
        torch.ops.aten.gelu_(_multiply(up, states, inner))
        states = _normalize(output_norm, _multiply(down, inner, attended).add_(states))
    return states.view(windows, pieces, width)


def has_plain_layers(transformer: Any) -> bool:
    """Whether `run_layers` computes what the model does.

    transformer (PreTrainedModel): The model.
    RETURNS (bool): False if the model has another structure, is not in fp32 or bf16 on the CPU, or has modules that
        somebody has replaced (adapters), pruned or hooked.
    """
    config, dtype = transformer.config, transformer.dtype
    kind = type(transformer).__name__.removesuffix("Model")
    return (
        kind in MODELS
        and type(transformer).__module__.startswith("transformers.")
        and config._attn_implementation == "sdpa"
        and config.hidden_act == "gelu"
        and not config.is_decoder
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
        and transformer.device.type == "cpu"
        and dtype in TYPES
        and not torch.is_autocast_enabled("cpu")
        and is_plain(transformer)
        and is_plain(transformer.encoder)
        and all(_is_plain_layer(layer, kind, config.hidden_size, dtype) for layer in transformer.encoder.layer)
    )


def _is_plain_layer(layer: Any, kind: str, width: int, dtype: torch.dtype) -> bool:
    if type(layer).__name__ != f"{kind}Layer":
        return False
    attention = layer.attention
    parents = (layer, attention, attention.self, attention.output, layer.intermediate, layer.output)
    try:
        *linear, attention_norm, output_norm = layer_modules(layer)
    except KeyError:  # a module around another one, such as an adapter
        return False
    return (
        type(attention.self).__name__ == f"{kind}SdpaSelfAttention"
        and all(map(is_plain, parents))
        and all(type(one) is nn.Linear and one.weight.dtype is dtype and is_plain(one) for one in linear)
        and all(type(one) is nn.LayerNorm and is_plain(one) for one in (attention_norm, output_norm))
        and linear[0].out_features == width
    )


def is_plain(module: nn.Module) -> bool:
    """RETURNS (bool): Whether only the module's own code runs when it is called."""
    return not (module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))


def layer_modules(layer: Any) -> tuple[Any, ...]:
    """The modules with weights: query, key, value, the output of attention, both linear layers of the feed-forward
    part, and the norms after attention and after that part. Reading their dictionaries takes half the time of
    `nn.Module.__getattr__`.

    layer (nn.Module): A layer of a BERT.
    RETURNS (tuple[nn.Module, ...]): Eight modules.
    RAISES (KeyError): If it has others.
    """
    attention, inner, output = map(layer._modules.__getitem__, ("attention", "intermediate", "output"))
    attending, attended = map(attention._modules.__getitem__, ("self", "output"))
    projections = map(attending._modules.__getitem__, ("query", "key", "value"))
    linear = attended._modules["dense"], inner._modules["dense"], output._modules["dense"]
    return *projections, *linear, attended._modules["LayerNorm"], output._modules["LayerNorm"]


def _multiply(module: nn.Linear, vectors: Tensor, out: Tensor | None = None) -> Tensor:
    weights: Any = module._parameters
    return torch.addmm(weights["bias"], vectors, weights["weight"].t(), out=out)


def _normalize(module: nn.LayerNorm, vectors: Tensor) -> Tensor:
    weights: Any = module._parameters
    return torch.layer_norm(vectors, module.normalized_shape, weights["weight"], weights["bias"], module.eps)
