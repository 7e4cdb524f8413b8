"""Gradients of torch weights passed to an optimizer without a copy, sparse gradients of embeddings, and averaged
weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import torch
from thinc.api import Model, Optimizer, PyTorchShim, xp2torch
from thinc.shims.shim import Shim
from thinc.types import FloatsXd
from torch import nn

from .forked import use_one_thread_when_forked

use_one_thread_when_forked()

# An embedding table of this many rows is updated by row: a batch touches few of them.
MIN_SPARSE_ROWS = 2000


# By id, the torch weights that were trained under it.
_SHIMS: "WeakValueDictionary[int, Any]" = WeakValueDictionary()


def same_name(name: str) -> str:
    """RETURNS (str): The same name."""
    return name


def take_gradients(optimizer: Optimizer, shim: Any, rename: Callable[[str], str] = same_name) -> bool:
    """Pass the gradients of a shim's torch weights to an optimizer without a copy, if it supports that.

    optimizer (Optimizer): Any optimizer; `spacy_mre.AdamW.v1` supports it.
    shim (PyTorchShim): The shim of the weights.
    rename (Callable[[str], str]): From the name of a weight to its name in the optimizer.
    RETURNS (bool): Whether the optimizer took them. If not, use Thinc's own method.
    """
    _give_own_id(shim)
    if not hasattr(optimizer, "take"):
        return False
    for name, parameter in shim._model.named_parameters():
        optimizer.take((shim.id, rename(name)), parameter)
    return True


def scales_gradients(shim: PyTorchShim) -> bool:
    """Whether a shim scales gradients, as Thinc's do in mixed precision on a GPU. Then only its own method knows
    whether the gradients overflowed, and skips the update.

    shim (PyTorchShim): The shim.
    RETURNS (bool): False without mixed precision, and on a CPU.
    """
    return bool(shim._mixed_precision and shim._grad_scaler._enabled) and shim.device.type == "cuda"


def use_sparse_gradients(shim: PyTorchShim) -> None:
    """Use sparse gradients for large embedding tables, of which a batch uses few rows; dense ones if they are scaled.

    shim (PyTorchShim): Its large embeddings get sparse gradients, which `pass_gradients` passes to the optimizer.
    """
    is_sparse = not scales_gradients(shim)
    for layer in shim._model.modules():
        if isinstance(layer, nn.Embedding):
            layer.sparse = is_sparse and layer.num_embeddings >= MIN_SPARSE_ROWS


def pass_gradients(optimizer: Optimizer, shim: PyTorchShim) -> None:
    """Pass the gradients of a shim's torch weights to an optimizer, including sparse ones, unless the shim scales them.
    Call Thinc's own method afterwards, for the rest.

    optimizer (Optimizer): `spacy_mre.AdamW.v1` takes sparse gradients; for other optimizers they are made dense.
    shim (PyTorchShim): The shim of the weights.
    """
    if scales_gradients(shim):
        _give_own_id(shim)
    elif not take_gradients(optimizer, shim):
        for parameter in shim._model.parameters():
            if parameter.grad is not None and parameter.grad.is_sparse:
                parameter.grad = parameter.grad.to_dense()


@contextmanager
def averaged_weights(
    shim: PyTorchShim, averages: dict[tuple[int, str], FloatsXd], rename: Callable[[str], str] = same_name
) -> Iterator[Any]:
    """Use averaged weights within a context, as `spacy train` does when it evaluates and saves. Weights without an
    average are not changed. (Thinc's own shim searches for averages under names that no optimizer uses.)

    shim (PyTorchShim): The shim; it may have no module yet.
    averages (dict[tuple[int, str], FloatsXd]): By the id of the shim and the name of the weight, from the optimizer.
    rename (Callable[[str], str]): From the name of a weight to its name in the optimizer.
    """
    weights = dict(shim._model.named_parameters()) if shim._model is not None else {}
    averaged = {name: weight for name, weight in weights.items() if (shim.id, rename(name)) in averages}
    backup = {name: weight.detach().clone() for name, weight in averaged.items()}
    for name, weight in averaged.items():
        weight.data.copy_(xp2torch(averages[shim.id, rename(name)]))
    try:
        yield
    finally:
        for name, weight in averaged.items():
            weight.data.copy_(backup[name])


def fingerprint(model: Model) -> list[float]:
    """The first number of each weight of a model. Updates, averages and loading change at least one of them.

    model (Model): The model.
    RETURNS (list[float]): The numbers.
    """
    numbers = []
    for node in model.walk():
        numbers += [xp2torch(node.get_param(name)).reshape(-1)[:1] for name in node.param_names if node.has_param(name)]
        for shim in node.shims:
            module = getattr(shim, "_model", None)
            if isinstance(module, nn.Module):
                numbers += [weight.detach().reshape(-1)[:1].float() for weight in module.parameters()]
    return torch.cat(numbers).tolist() if numbers else []


def renew_id(shim: Any) -> None:
    """Give a shim an id of its own. Optimizers store moments and averages of weights by this id.

    shim (PyTorchShim): The shim.
    """
    with Shim.global_id_lock:
        Shim.global_id += 1
        shim.id = Shim.global_id


def _give_own_id(shim: Any) -> None:
    """The copy of a shim has the id of the original. If both are trained, the second one gets another id."""
    if _SHIMS.setdefault(shim.id, shim) is not shim:
        renew_id(shim)
        _SHIMS[shim.id] = shim
