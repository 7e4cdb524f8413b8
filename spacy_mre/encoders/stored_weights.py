"""Weights of torch inside a Thinc model, wherever they are: they are read by this package, not by Thinc and
spacy-transformers, which trust the bytes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from thinc.api import Model, PyTorchShim
from thinc.shims.pytorch import default_deserialize_torch_model


@contextmanager
def own_readers(model: Model) -> Iterator[None]:
    """Within this context, a Thinc model that is loaded reads the BiLSTMs and transformers inside it with the functions
    of this package.

    model (Model): Any model.
    """
    shims = [shim for node in model.walk() for shim in node.shims if isinstance(shim, PyTorchShim)]
    transformers = [shim for shim in shims if hasattr(shim, "_hfmodel")]
    others: list[Any] = [shim for shim in shims if shim._deserialize_model is default_deserialize_torch_model]
    if others:
        from ..training.torch_file import read_weights
    for shim in others:
        shim._deserialize_model = read_weights
    if transformers:
        from .transformer.stored_bytes import read_stored
    for shim in transformers:
        shim.from_bytes = partial(read_stored, shim)
    # The names of pretrained models, for example. Thinc takes them from the bytes, but they belong to the config.
    attributes = [(node, dict(node.attrs)) for node in model.walk() if "name" in node.attrs]
    try:
        yield
    finally:
        for node, before in attributes:
            node.attrs.clear()
            node.attrs.update(before)
            if "has_transformer" in before:
                node.attrs["has_transformer"] = node.layers[0].shims[0]._hfmodel.transformer is not None
        for shim in others:
            shim._deserialize_model = default_deserialize_torch_model
        for shim in transformers:
            del shim.from_bytes


def wrong_array(model: Model) -> str:
    """Find an array that does not fit its layer. Thinc takes any array, and compiled code reads beyond its end.

    model (Model): A model that was loaded.
    RETURNS (str): What is wrong; empty if all layers of Thinc have arrays of the right shape and type.
    """
    for node in model.walk():
        if not getattr(node._func, "__module__", "").startswith("thinc.layers."):
            continue
        dims = {name: node.get_dim(name) for name in node.dim_names if node.has_dim(name)}
        for name in node.param_names:
            shape = _shape_of(name, dims)
            if shape and node.has_param(name):
                array = node.get_param(name)
                if array.shape != shape or array.dtype != "float32":
                    found = f"the shape {array.shape} and type {array.dtype}"
                    return f"{name} of the layer '{node.name}' has {found}, not {shape} and float32"
    return ""


def _shape_of(name: str, dims: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape of an array of a Thinc layer; None for those that only the layer knows."""
    rows = ("nO",) if "nO" in dims else ("nI",)
    pieces = ("nP",) if "nP" in dims else ()
    axes = {"W": (*rows, *pieces, "nI"), "b": (*rows, *pieces), "E": ("nV", "nO"), "G": ("nI",), "Q": ("nO",)}.get(name)
    return tuple(dims[axis] for axis in axes) if axes and all(axis in dims for axis in axes) else None
