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


def forward_of_update(model: Model) -> Forward:
    """Get the forward pass of an update.

    model (Model): `TransformerModel`.
    RETURNS (Forward): In mixed precision if the model's config sets it.
    """
    shim = model.layers[0].shims[0]
    if not shim._mixed_precision or model.transformer.device.type == "cuda":
        return shim.begin_update
    return partial(_begin_update, model.transformer)


@contextmanager
def in_full_precision(model: Model) -> Iterator[None]:
    """A context without mixed precision, for the one forward pass that spacy-transformers makes when it loads a model.
    On a CPU the shim would warn that mixed precision is off.

    model (Model): `TransformerModel`.
    YIELDS (None): Once; the setting is restored afterwards.
    """
    shim = model.layers[0].shims[0]
    setting, shim._mixed_precision = shim._mixed_precision, False
    try:
        yield
    finally:
        shim._mixed_precision = setting


def _begin_update(transformer: nn.Module, inputs: ArgsKwargs) -> tuple[Any, Callable[[ArgsKwargs], Any]]:
    """In a context of its own: one for several passes would add up their gradients in bf16."""
    with torch.autocast(inputs.kwargs["input_ids"].device.type, torch.bfloat16):
        output = transformer.train()(*inputs.args, **inputs.kwargs)
    return output, lambda grads: torch.autograd.backward(*grads.args, **grads.kwargs)
