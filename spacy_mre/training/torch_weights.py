"""Gradients of torch weights passed to an optimizer without a copy, sparse gradients of embeddings, and averaged
weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from thinc.api import Optimizer, PyTorchShim, xp2torch
from thinc.types import FloatsXd
from torch import nn

from .forked import use_one_thread_when_forked

use_one_thread_when_forked()

# An embedding table of this many rows is updated by row: a batch touches few of them.
MIN_SPARSE_ROWS = 2000


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
    if not hasattr(optimizer, "take"):
        return False
    for name, parameter in shim._model.named_parameters():
        optimizer.take((shim.id, rename(name)), parameter)
    return True


def use_sparse_gradients(module: nn.Module, enabled: bool = True) -> None:
    """Use sparse gradients for large embedding tables, of which a batch uses few rows.

    module (nn.Module): Its large embeddings get sparse gradients, which `pass_gradients` passes to the optimizer.
    enabled (bool): False for dense gradients. Default: True.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Embedding):
            layer.sparse = enabled and layer.num_embeddings >= MIN_SPARSE_ROWS


def pass_gradients(optimizer: Optimizer, shim: PyTorchShim) -> None:
    """Pass the gradients of a shim's torch weights to an optimizer, including sparse ones. Call Thinc's own method
    afterwards, for the rest.

    optimizer (Optimizer): `spacy_mre.AdamW.v1` takes sparse gradients; for other optimizers they are made dense.
    shim (PyTorchShim): The shim of the weights.
    """
    if not take_gradients(optimizer, shim):
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
