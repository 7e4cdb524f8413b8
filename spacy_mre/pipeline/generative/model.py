"""Thinc models that contain a Hugging Face language model, for the generative components.

Nothing is loaded when a pipeline is built: `initialize` loads the model, and a trained pipeline contains it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import torch
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats1d

from ...errors import Errors
from .checkpoints import DTYPES, MadeModel
from .language_model import LanguageModel
from .settings import TokenizerSource
from .shim import LMShim


class SourcesAndTargets(NamedTuple):
    """A batch for training.

    sources (list[list[int]]): Tokens, as `LanguageModel.source_ids` returns them.
    targets (list[list[int]]): Tokens, as `LanguageModel.target_ids` returns them.
    """

    sources: list[list[int]]
    targets: list[list[int]]


LMModel: TypeAlias = Model[SourcesAndTargets, Floats1d]


def wrap_pretrained(
    make: Callable[..., MadeModel],
    kind: type[LanguageModel],
    name: str,
    config: dict[str, Any] | None,
    tokenizer: TokenizerSource,
    dtype: str,
    mixed_precision: bool,
    **settings: Any,
) -> LMModel:
    if bool(name) == bool(config):
        raise ValueError(Errors.M930)
    if dtype not in DTYPES:
        raise ValueError(Errors.M001.format(setting="dtype", value=dtype, allowed=", ".join(DTYPES)))
    settings.update(kind=kind.kind, name=name, config=config, tokenizer=tokenizer, dtype=dtype)
    return wrap(partial(make, **settings), kind, name, mixed_precision, dtype)


def wrap(
    make: Callable[[Iterable[str]], MadeModel],
    kind: type[LanguageModel],
    name: str,
    mixed_precision: bool,
    dtype: str = "float32",
) -> LMModel:
    attrs = {"kind": kind.kind, "name": name, "mixed_precision": mixed_precision}
    return Model("language_model", _forward, init=_init, shims=[LMShim(make, dtype)], attrs=attrs)


def _init(model: LMModel, X: Iterable[str] | None = None, Y=None) -> None:
    model.shims[0].build(X or ())


def _forward(
    model: LMModel, X: SourcesAndTargets, is_train: bool
) -> tuple[Floats1d, Callable[[Floats1d], SourcesAndTargets]]:
    shim = model.shims[0]
    lm = shim.lm
    if is_train and shim.dtype != "float32":
        raise ValueError(Errors.M938.format(dtype=shim.dtype))
    lm.module.train(is_train)
    with (
        torch.set_grad_enabled(is_train),
        torch.autocast(lm.device.type, torch.bfloat16, enabled=model.attrs["mixed_precision"]),
    ):
        log_probs = lm.log_probs(*X)

    def backprop(d_losses: Floats1d) -> SourcesAndTargets:
        torch.autograd.backward(log_probs, -xp2torch(d_losses))
        return SourcesAndTargets([], [])

    return torch2xp(-log_probs.detach()), backprop
