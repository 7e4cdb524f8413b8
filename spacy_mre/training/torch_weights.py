"""Between an optimizer and the weights of a torch module: gradients handed over as they are, of embeddings those rows alone that have one, and averaged
weights in place of its own for a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from thinc.api import Optimizer, PyTorchShim, xp2torch
from thinc.types import FloatsXd
from torch import nn

# An embedding table of this many rows is updated by row: a batch touches few of them.
MIN_SPARSE_ROWS = 2000


def as_named(name: str) -> str:
    """The name that an optimizer knows a weight by: its own."""
    return name


def take_gradients(optimizer: Optimizer, shim: Any, known_as: Callable[[str], str] = as_named) -> bool:
    """Give the gradients of a shim's torch weights to an optimizer that takes them without a copy.

    optimizer (Optimizer): Any; `spacy_mre.AdamW.v1` takes them.
    shim (PyTorchShim): Holds the weights.
    known_as (Callable[[str], str]): The name by which the optimizer knows a weight.
    RETURNS (bool): Whether it took them. If not, Thinc's own way is to be gone.
    """
    if not hasattr(optimizer, "take"):
        return False
    for name, parameter in shim._model.named_parameters():
        optimizer.take((shim.id, known_as(name)), parameter)
    return True


def keep_touched_rows(module: nn.Module, wanted: bool = True) -> None:
    """A batch touches few of the many rows of an embedding table: their gradients alone are kept, and nothing is done to the others.

    module (nn.Module): Its large embeddings get sparse gradients, which `hand_over` gives to the optimizer.
    wanted (bool): Otherwise they get dense ones. Default: True.
    """
    for part in module.modules():
        if isinstance(part, nn.Embedding):
            part.sparse = wanted and part.num_embeddings >= MIN_SPARSE_ROWS


def hand_over(optimizer: Optimizer, shim: PyTorchShim) -> None:
    """Give the gradients of a shim's torch weights to an optimizer, sparse ones too. Thinc's own way is to be gone afterwards: it finds what was left.

    optimizer (Optimizer): `spacy_mre.AdamW.v1` takes them as they are; for any other one, the rows of embeddings are filled up.
    shim (PyTorchShim): Holds the weights.
    """
    if not take_gradients(optimizer, shim):
        for parameter in shim._model.parameters():
            if parameter.grad is not None and parameter.grad.is_sparse:
                parameter.grad = parameter.grad.to_dense()


@contextmanager
def averaged_weights(
    shim: PyTorchShim, averages: dict[tuple[int, str], FloatsXd], known_as: Callable[[str], str] = as_named
) -> Iterator[Any]:
    """Use averaged weights, as `spacy train` does while it evaluates and saves. Weights without an average, which no gradient has reached, stay as they
    are and are not copied. (Thinc's own shim looks for averages under names that no optimizer writes.)

    shim (PyTorchShim): Holds the module, or none yet.
    averages (Dict[Tuple[int, str], FloatsXd]): By the id of the shim and the name of the weight, as the optimizer keeps them.
    known_as (Callable[[str], str]): The name by which the optimizer knows a weight.
    """
    own = dict(shim._model.named_parameters()) if shim._model is not None else {}
    averaged = {name: weight for name, weight in own.items() if (shim.id, known_as(name)) in averages}
    backup = {name: weight.detach().clone() for name, weight in averaged.items()}
    for name, weight in averaged.items():
        weight.data.copy_(xp2torch(averages[shim.id, known_as(name)]))
    try:
        yield
    finally:
        for name, weight in averaged.items():
            weight.data.copy_(backup[name])
