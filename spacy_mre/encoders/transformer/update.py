"""The forward pass of an update: the fastest that the model, its settings and the device allow."""

from collections.abc import Callable
from functools import partial
from typing import Any

from thinc.api import ArgsKwargs, Model
from torch import Tensor

from ...training.dropout import is_slow_in_torch
from . import bert_training, mixed_precision

# The arguments of the Hugging Face model -> its last hidden states, and a function that passes gradients back.
Forward = Callable[[ArgsKwargs], tuple[Tensor, Callable[[ArgsKwargs], Any]]]


def forward_of_update(model: Model) -> Forward:
    """Get the forward pass of an update.

    model (Model): `TransformerModel`.
    RETURNS (Forward): In mixed precision if the model's config sets it.
    """
    shim, transformer = model.layers[0].shims[0], model.transformer
    if transformer.device.type != "cuda" and shim._mixed_precision:
        return partial(mixed_precision.begin_update, transformer)
    if is_slow_in_torch() and bert_training.has_trainable_layers(transformer):
        return partial(bert_training.begin_update, transformer)
    return partial(_begin_update, shim)


def _begin_update(shim: Any, inputs: ArgsKwargs) -> tuple[Tensor, Callable[[ArgsKwargs], Any]]:
    output, backprop = shim.begin_update(inputs)
    return output.last_hidden_state, backprop
