"""The layers of a BERT in prediction: the arithmetic of Hugging Face's modules, without their overhead.

A module call costs some microseconds, of which a layer has a dozen, and every intermediate result is a new tensor. Here
a layer is ten operations: queries, keys and values are one product, and large results go into buffers that all layers
use. The results are equal to the last bit."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

TYPES = (torch.float32, torch.bfloat16)
MODELS = ("BertModel", "CamembertModel", "RobertaModel", "XLMRobertaModel")


def bert_layers(transformer: Any) -> "BertLayers | None":
    """Prepare the layers of a model.

    transformer (PreTrainedModel): The model. It is not changed.
    RETURNS (Optional[BertLayers]): None if the model has another structure, is not in fp32 or bf16 on the CPU, or has
        modules that somebody has replaced (adapters) or hooked.
    """
    if type(transformer).__name__ not in MODELS or not type(transformer).__module__.startswith("transformers."):
        return None
    config, encoder = transformer.config, transformer.encoder
    if (
        config._attn_implementation != "sdpa"
        or config.hidden_act != "gelu"
        or config.is_decoder
        or getattr(config, "position_embedding_type", "absolute") != "absolute"
        or transformer.device.type != "cpu"
        or transformer.dtype not in TYPES
        or any(weight.dtype != transformer.dtype for weight in encoder.parameters())
        or any(module._forward_hooks or module._forward_pre_hooks for module in encoder.modules())
    ):
        return None
    made = BertLayers(encoder, config.num_attention_heads)
    linear, norms = (nn.Linear,) * 6, (nn.LayerNorm,) * 2
    if any(tuple(map(type, modules)) != (*linear, *norms) for modules in made.modules):
        return None
    return made


class BertLayers:
    """The layers of an encoder. Weights are read from its modules; those of queries, keys and values are also kept as
    one matrix, a copy, which is made again when a weight has changed.

    encoder (BertEncoder): The encoder.
    heads (int): Attention heads.
    """

    def __init__(self, encoder: Any, heads: int):
        self.heads = heads
        self.modules = [_modules(layer) for layer in encoder.layer]
        self._weights = [weight for modules in self.modules for module in modules for weight in module.parameters()]
        self._fingerprint: tuple[int, ...] = ()
        self._operands: list[tuple[Tensor, ...]] = []

    def __call__(self, states: Tensor, mask: Tensor) -> Tensor:
        """Run the layers, without a gradient.

        states (Tensor): The embeddings, windows x pieces x width.
        mask (Tensor): 1 for pieces, 0 for padding, windows x pieces.
        RETURNS (Tensor): The last hidden states, windows x pieces x width.
        """
        windows, pieces, width = states.shape
        by_head = (windows, pieces, 3, self.heads, width // self.heads)
        visible = None if bool(mask.all()) else mask[:, None, None, :].bool()
        states = states.reshape(-1, width)
        operands = self._current_operands()
        projected, inner = (states.new_empty(len(states), operands[0][i].shape[1]) for i in (0, 4))
        for qkv, qkv_bias, out, out_bias, up, up_bias, down, down_bias, *norms in operands:
            torch.addmm(qkv_bias, states, qkv, out=projected)
            query, key, value = projected.view(by_head).permute(2, 0, 3, 1, 4).unbind()
            context = functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
            attended = torch.addmm(out_bias, context.transpose(1, 2).reshape(-1, width), out).add_(states)
            states = torch.layer_norm(attended, (width,), norms[0], norms[1], self._eps)
            torch.ops.aten.gelu_(torch.addmm(up_bias, states, up, out=inner))
            transformed = torch.addmm(down_bias, inner, down, out=attended).add_(states)
            states = torch.layer_norm(transformed, (width,), norms[2], norms[3], self._eps)
        return states.view(windows, pieces, width)

    @property
    def _eps(self) -> float:
        return self.modules[0][-1].eps

    def _current_operands(self) -> list[tuple[Tensor, ...]]:
        """The matrices, transposed, and the vectors of each layer."""
        fingerprint = tuple(number for weight in self._weights for number in (weight.data_ptr(), weight._version))
        if fingerprint != self._fingerprint:
            self._operands = [_operands(*modules) for modules in self.modules]
            self._fingerprint = fingerprint
        return self._operands


def _modules(layer: Any) -> tuple[Any, ...]:
    attention = layer.attention
    return (
        attention.self.query,
        attention.self.key,
        attention.self.value,
        attention.output.dense,
        layer.intermediate.dense,
        layer.output.dense,
        attention.output.LayerNorm,
        layer.output.LayerNorm,
    )


def _operands(
    query: nn.Linear,
    key: nn.Linear,
    value: nn.Linear,
    out: nn.Linear,
    up: nn.Linear,
    down: nn.Linear,
    *norms: nn.LayerNorm,
) -> tuple[Tensor, ...]:
    qkv = torch.cat([query.weight, key.weight, value.weight]).detach()
    qkv_bias = torch.cat([query.bias, key.bias, value.bias]).detach()
    matrices = [qkv, qkv_bias]
    for module in (out, up, down):
        matrices += [module.weight.detach(), module.bias.detach()]
    transposed = [matrix.t() if matrix.ndim == 2 else matrix for matrix in matrices]
    return (*transposed, *(vector.detach() for norm in norms for vector in (norm.weight, norm.bias)))
