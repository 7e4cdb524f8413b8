"""Rows of activations with a range of their own, before they are rounded to int8."""

import numpy
import pytest
import torch
from torch import nn

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from spacy_mre.encoders.transformer.row_scaling import scale_rows


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16)).eval()


@pytest.fixture
def states():
    """Tokens, of which one has values that are thirty times as large, and one has none."""
    states = numpy.random.default_rng(0).standard_normal((2, 5, 16), dtype="f")
    states[0, 2] *= 30
    states[1, 4] = 0
    return states


@pytest.fixture
def path(layer, states, tmp_path):
    path = tmp_path / "layer.onnx"
    torch.onnx.export(
        layer, (torch.from_numpy(states),), str(path), input_names=["x"], output_names=["y"], opset_version=17,
        dynamo=False,
    )  # fmt: skip
    return path


def run(path, states):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": states})[0]


def quantize(path):
    quantized = path.with_name("int8.onnx")
    quantize_dynamic(
        path, quantized, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8,
        reduce_range=True,  # without VNNI, sums of eight bits overflow
        extra_options={"MatMulConstBOnly": True},
    )  # fmt: skip
    return quantized


@pytest.mark.filterwarnings("ignore")
def test_scaled_rows_give_the_same_products(path, layer, states):
    with torch.no_grad():
        expected = layer(torch.from_numpy(states)).numpy()
    scale_rows(path)
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("ReduceMax") == kinds.count("MatMul") - 1 == 2  # not that of the square matrix
    assert run(path, states) == pytest.approx(expected, abs=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_tokens_with_small_values_keep_their_precision(path, states):
    exact = run(path, states)
    others = numpy.ones((2, 5), dtype=bool)
    others[0, 2] = False

    def error():
        return float(numpy.abs(run(quantize(path), states) - exact)[others].mean())

    before = error()
    scale_rows(path)
    assert error() < 0.5 * before


@pytest.mark.filterwarnings("ignore")
def test_the_other_tokens_of_a_batch_do_not_matter(layer, states, tmp_path):
    path = tmp_path / "layer.onnx"
    torch.onnx.export(
        layer[1:], (torch.from_numpy(states),), str(path), input_names=["x"], output_names=["y"], opset_version=17,
        dynamic_axes={"x": {0: "texts"}}, dynamo=False,
    )  # fmt: skip
    scale_rows(path)
    quantized = quantize(path)
    assert run(quantized, states)[1] == pytest.approx(run(quantized, states[1:])[0], abs=0.01)
