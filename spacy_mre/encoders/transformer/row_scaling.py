"""Scale the rows of activations before they are rounded to int8.

ONNX Runtime rounds all activations of a matrix product with one scale. In the feed-forward layers of a transformer some
tokens have values several times as large as those of the others, which then have only a few of the 256 integers. So
each row x is divided by its largest absolute value a, and its product is multiplied by it: a (x / a) W = x W. All rows
have the same range then, whatever else is in the batch.

A scale for each token is the usual remedy, see Yao et al. 2022, "ZeroQuant", section 4.1.
"""

from pathlib import Path

import numpy
import onnx
from onnx import ModelProto, NodeProto, helper, numpy_helper

# Instead of the largest value of a row of zeros, by which nothing can be divided.
LEAST = 1e-6


def scale_rows(path: Path) -> None:
    """Scale the rows of the inputs of feed-forward layers: of products with a constant matrix that is not square, as
    the matrices of attention are, whose inputs have no such tokens.

    path (Path): An ONNX file, which is changed. Its results differ by rounding only.
    """
    model: ModelProto = onnx.load(path)
    graph = model.graph
    matrices = {each.name for each in graph.initializer if len(each.dims) == 2 and each.dims[0] != each.dims[1]}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in matrices:
            nodes.extend(_scaled(node))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.append(numpy_helper.from_array(numpy.array(LEAST, dtype="f"), "least"))
    onnx.save(model, path)


def _scaled(node: NodeProto) -> list[NodeProto]:
    """The nodes that replace a product."""
    (states, matrix), (product,) = node.input, node.output
    absolute, largest, scale, rows, scaled = (
        f"{product}.{name}" for name in ("absolute", "largest", "scale", "rows", "scaled")
    )
    return [
        helper.make_node("Abs", [states], [absolute], absolute),
        helper.make_node("ReduceMax", [absolute], [largest], largest, axes=[-1], keepdims=1),
        helper.make_node("Max", [largest, "least"], [scale], scale),
        helper.make_node("Div", [states, scale], [rows], rows),
        helper.make_node("MatMul", [rows, matrix], [scaled], node.name),
        helper.make_node("Mul", [scaled, scale], [product], product),
    ]
