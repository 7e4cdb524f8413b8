"""Thinc's layers over tokens, some rows at a time in prediction.

A layer of thinc returns what its gradient needs, and a chain of layers keeps all of it until it returns, in prediction
too: in the tok2vec of `ja_ginza` that is about 60 kB per token, which a long text multiplies by its length. Here an
array of tokens goes through all layers in parts. A convolution reads rows on each side, so each part has these rows
too, and the results are those of the whole array, up to rounding.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
from thinc.api import Model, NumpyOps

# What the layers keep of as many rows fits into a processor's cache.
ROWS = 512
# Layers that compute each row from itself, or from its window, and those that join such layers: modules of thinc.
ROW_WISE = {
    f"thinc.layers.{name}"
    for name in (
        *("array_getitem", "clipped_linear", "dropout", "embed", "expand_window", "gelu", "hashembed", "layernorm"),
        *("linear", "maxout", "mish", "relu", "sigmoid", "swish"),
        *("chain", "concatenate", "residual"),
    )
}


def predict_in_parts(model: Model) -> None:
    """Let the layers of a model that read an array of tokens predict some rows at a time, on the CPU.

    model (Model): The model, changed in place. A layer is left alone if what it computes for a row may depend on more
        rows than the padding between two texts.
    """
    for node in model.walk():
        if node.name.startswith("with_array("):
            layer, padding = node.layers[0], node.attrs["pad"]
            if _is_row_wise(layer) and _window(layer) <= padding:
                layer._func = partial(_forward, layer._func, padding)


def _is_row_wise(layer: Model) -> bool:
    return all(getattr(node._func, "__module__", None) in ROW_WISE for node in layer.walk())


def _window(layer: Model) -> int:
    """The rows on each side that a layer reads."""
    return sum(node.attrs.get("window_size", 0) for node in layer.walk())


def _forward(
    forward: Callable, padding: int, model: Model, rows: Any, is_train: bool
) -> tuple[Any, Callable[[Any], Any]]:
    count = len(rows)
    if is_train or count <= ROWS or not isinstance(model.ops, NumpyOps):
        return forward(model, rows, is_train)
    results = None
    for begin in range(0, count, ROWS):
        first, end = max(begin - padding, 0), min(begin + ROWS, count)
        part, _ = forward(model, rows[first : end + padding], False)
        if results is None:
            results = numpy.empty((count, *part.shape[1:]), dtype=part.dtype)
        results[begin:end] = part[begin - first : end - first]
    # The gradient of a prediction, which hardly anybody asks for, is that of all rows at once.
    return results, lambda d_results: forward(model, rows, False)[1](d_results)
