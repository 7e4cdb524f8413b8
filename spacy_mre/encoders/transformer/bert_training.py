"""The layers of a BERT in training on a CPU: the arithmetic of Hugging Face's modules, with `training.dropout`, also
of the attention's weights, for which most of the random numbers are drawn."""

import math
from typing import Any

import torch
from thinc.api import ArgsKwargs
from torch import Tensor, nn
from torch.nn import functional

from ...training.dropout import drop
from .bert_layers import has_plain_layers, is_plain, layer_modules


def has_trainable_layers(transformer: Any) -> bool:
    """Whether `run_in_training` computes what the model does.

    transformer (PreTrainedModel): The model.
    RETURNS (bool): False if `has_plain_layers` is, or the model is not in fp32, saves memory by computing layers again,
        or has other modules for dropout.
    """
    return (
        transformer.dtype == torch.float32
        and not getattr(transformer, "is_gradient_checkpointing", False)
        and has_plain_layers(transformer)
        and all(
            type(one.dropout) is nn.Dropout and is_plain(one.dropout)
            for layer in transformer.encoder.layer
            for one in (layer.attention.output, layer.output)
        )
    )


def run_in_training(transformer: Any, inputs: ArgsKwargs) -> Tensor:
    """Run a model for which `has_trainable_layers` holds.

    transformer (PreTrainedModel): The model.
    inputs (ArgsKwargs): The keyword arguments of the model; `attention_mask` for pairs of pieces: rows x pieces x
        pieces.
    RETURNS (Tensor): The last hidden states, rows x pieces x width.
    """
    transformer.train()
    arguments = dict(inputs.kwargs)
    mask = arguments.pop("attention_mask")
    return _run_layers(transformer, transformer.embeddings(**arguments), mask)


def _run_layers(transformer: Any, states: Tensor, mask: Tensor) -> Tensor:
    rows, pieces, width = states.shape
    heads = transformer.config.num_attention_heads
    by_head = (rows, pieces, heads, width // heads)
    hidden = states.new_zeros(mask.shape).masked_fill_(mask == 0, torch.finfo(states.dtype).min)
    hidden = hidden[:, None].expand(-1, heads, -1, -1).reshape(-1, pieces, pieces)
    states = states.reshape(-1, width)
    for layer in transformer.encoder.layer:
        *projections, out, up, down, attention_norm, output_norm = layer_modules(layer)
        queries, keys, values = (
            module(states).view(by_head).transpose(1, 2).reshape(rows * heads, pieces, -1) for module in projections
        )
        scores = torch.baddbmm(hidden, queries, keys.transpose(1, 2), alpha=1 / math.sqrt(queries.shape[-1]))
        weights = drop(torch.softmax(scores, dim=-1), layer.attention.self.dropout_prob)
        context = torch.bmm(weights, values).view(rows, heads, pieces, -1).transpose(1, 2).reshape(-1, width)
        states = attention_norm(drop(out(context), layer.attention.output.dropout.p) + states)
        inner = functional.gelu(up(states))
        states = output_norm(drop(down(inner), layer.output.dropout.p) + states)
    return states.view(rows, pieces, width)
