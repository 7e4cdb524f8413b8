"""Weights of torch inside a Thinc model, wherever they are: they are read by this package, not by Thinc and
spacy-transformers, which trust the bytes."""

from collections.abc import Iterator
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
    try:
        yield
    finally:
        for shim in others:
            shim._deserialize_model = default_deserialize_torch_model
        for shim in transformers:
            del shim.from_bytes
