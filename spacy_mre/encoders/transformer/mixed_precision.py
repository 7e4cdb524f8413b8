"""Mixed precision in training.

On a GPU the shim of spacy-transformers computes in fp16 and scales the gradients. On a CPU it knows no mixed precision.
There this is bf16, which has the range of fp32, so that gradients need no scale.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from thinc.api import ArgsKwargs, Model
from torch import Tensor


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


def run_in_bf16(transformer: Any, inputs: ArgsKwargs) -> Tensor:
    """Run a model in training. Its context is its own: one for several passes would add up their gradients in bf16.

    transformer (PreTrainedModel): The model.
    inputs (ArgsKwargs): The arguments of the model.
    RETURNS (Tensor): The last hidden states, rows x pieces x width.
    """
    with torch.autocast(inputs.kwargs["input_ids"].device.type, torch.bfloat16):
        return transformer.train()(*inputs.args, **inputs.kwargs).last_hidden_state
