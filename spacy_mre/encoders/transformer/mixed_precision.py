"""Mixed precision in training.

On a GPU the shim of spacy-transformers computes in fp16 and scales the gradients. On a CPU it knows no mixed precision.
There this is bf16, which has the range of fp32, so that gradients need no scale.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from thinc.api import ArgsKwargs, Model
from torch import nn

# The arguments of the Hugging Face model -> its output, and a function that passes gradients back.
Forward = Callable[[ArgsKwargs], tuple[Any, Callable[[ArgsKwargs], Any]]]


@contextmanager
def forward_of_update(model: Model) -> Iterator[Forward]:
    """A context for all forward passes of an update. In bf16 the weights are rounded once for all of them.

    model (Model): `TransformerModel`.
    YIELDS (Forward): The forward pass, in mixed precision if the model's config sets it.
    """
    shim = model.layers[0].shims[0]
    if not shim._mixed_precision or scales_gradients(model):
        yield shim.begin_update
        return
    with torch.autocast("cpu", torch.bfloat16):
        yield partial(_begin_update, model.transformer)


def scales_gradients(model: Model) -> bool:
    """RETURNS (bool): Whether the shim scales gradients, as it does in mixed precision on a GPU."""
    shim = model.layers[0].shims[0]
    return bool(shim._mixed_precision) and model.transformer.device.type != "cpu"


def _begin_update(transformer: nn.Module, inputs: ArgsKwargs) -> tuple[Any, Callable[[ArgsKwargs], Any]]:
    output = transformer.train()(*inputs.args, **inputs.kwargs)
    return output, lambda grads: torch.autograd.backward(*grads.args, **grads.kwargs)
