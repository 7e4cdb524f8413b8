"""The forward pass of an update: the fastest that the model, its settings and the device allow."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from thinc.api import ArgsKwargs, Model
from torch import Tensor

from ...training.dropout import is_slow_in_torch
from ...training.processor import warn_if_slow_in
from .bert_training import has_trainable_layers, run_in_training
from .mixed_precision import run_in_bf16

# The arguments of the Hugging Face model -> its last hidden states, and a function that passes gradients back.
Forward = Callable[[ArgsKwargs], tuple[Tensor, Callable[[ArgsKwargs], Any]]]


def forward_of_update(model: Model) -> Forward:
    """Get the forward pass of an update.

    model (Model): `TransformerModel`.
    RETURNS (Forward): In mixed precision if the model's config sets it.
    """
    shim, transformer = model.layers[0].shims[0], model.transformer
    if transformer.device.type != "cuda" and shim._mixed_precision:
        if transformer.device.type == "cpu":
            warn_if_slow_in("bf16", "mixed_precision = true")
        return partial(_run, run_in_bf16, transformer)
    if is_slow_in_torch() and has_trainable_layers(transformer):
        return partial(_run, run_in_training, transformer)
    return partial(_run_shim, shim)


def _run(
    run: Callable[..., Tensor], transformer: Any, inputs: ArgsKwargs
) -> tuple[Tensor, Callable[[ArgsKwargs], None]]:
    return run(transformer, inputs), lambda grads: torch.autograd.backward(*grads.args, **grads.kwargs)


def _run_shim(shim: Any, inputs: ArgsKwargs) -> tuple[Tensor, Callable[[ArgsKwargs], Any]]:
    output, backprop = shim.begin_update(inputs)
    return output.last_hidden_state, backprop
