"""The engines that run a transformer in prediction: torch in several precisions, or ONNX Runtime, also in int8."""

import copy
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from ...errors import Errors
from ...training.processor import warn_if_slow_in
from ...training.sized import set_training
from .bert_layers import has_plain_layers, run_layers
from .int8_weights import rounded_to_int8

PACKAGES = {"torch": (), "onnx": ("onnx", "onnxruntime")}
PRECISIONS = {"torch": ("fp32", "bf16", "fp16"), "onnx": ("fp32", "int8")}
TORCH_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def make_engine(transformer: nn.Module, engine: str, precision: str) -> Callable[..., Tensor]:
    """Make an engine.

    transformer (PreTrainedModel): The Hugging Face model, in fp32. It is not changed.
    engine (str): "torch" or "onnx".
    precision (str): "fp32", "bf16" and "fp16" with torch; "fp32" and "int8" with ONNX Runtime on the CPU.
    RETURNS (Callable[[numpy.ndarray, numpy.ndarray, Optional[numpy.ndarray]], Tensor]): From ids, mask and token
        types (windows x pieces) to the last hidden states (fp32, windows x pieces x width).
    """
    return TorchEngine(transformer, precision) if engine == "torch" else OnnxEngine(transformer, precision)


class _Engine:
    """Is not copied: the copy of a component, by pickle for example, makes an engine from its own weights. A session of
    ONNX Runtime cannot be copied at all."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _no_engine, ()


def _no_engine() -> None:
    return None


class TorchEngine(_Engine):
    """The model itself, or a copy of it in half precision."""

    def __init__(self, transformer: nn.Module, precision: str):
        dtype = TORCH_TYPES[precision]
        if precision != "fp32" and next(transformer.parameters()).device.type == "cpu":
            warn_if_slow_in(precision, f'precision = "{precision}"')
        self.transformer: Any = transformer if dtype == torch.float32 else copy.deepcopy(transformer).to(dtype)

    def __call__(self, ids: numpy.ndarray, mask: numpy.ndarray, types: numpy.ndarray | None) -> Tensor:
        set_training(self.transformer, False)
        inputs = torch_inputs(ids, mask, types, self.transformer.device)
        with torch.inference_mode():
            if not has_plain_layers(self.transformer):
                return self.transformer(**inputs).last_hidden_state.float()
            visible = inputs.pop("attention_mask")
            return run_layers(self.transformer, self.transformer.embeddings(**inputs), visible).float()


class OnnxEngine(_Engine):
    """The model's graph, run by ONNX Runtime on the CPU. In int8 the weights of linear layers have one scale per
    output channel, those of the embeddings one per row, activations of feed-forward layers one per token, and other
    activations one per batch, so that results depend a little on the batch."""

    def __init__(self, transformer: nn.Module, precision: str):
        try:
            import onnx  # noqa: F401
            import onnxruntime
            from onnxruntime.quantization import QuantType, quantize_dynamic
        except ImportError as e:
            raise ImportError(Errors.M311.format(module=e.name)) from e
        if next(transformer.parameters()).device.type != "cpu":
            raise ValueError(Errors.M312.format(precision=precision))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "encoder.onnx"
            with rounded_to_int8(transformer) if precision == "int8" else nullcontext():
                self.names = _export(transformer, path)
            if precision == "int8":
                from .row_scaling import scale_rows

                scale_rows(path)
                quantized = Path(folder) / "encoder.int8.onnx"
                with _quiet():
                    quantize_dynamic(
                        path,
                        quantized,
                        op_types_to_quantize=["MatMul"],
                        per_channel=True,
                        weight_type=QuantType.QInt8,
                        extra_options={"MatMulConstBOnly": True},
                    )
                path = quantized
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = torch.get_num_threads()
            # Idle threads would otherwise keep the cores busy.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            options.log_severity_level = 3
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, ids: numpy.ndarray, mask: numpy.ndarray, types: numpy.ndarray | None) -> Tensor:
        inputs = {"input_ids": ids, "attention_mask": mask.astype(numpy.int64), "token_type_ids": types}
        (states,) = self.session.run(None, {name: inputs[name] for name in self.names})
        return torch.from_numpy(states)


def torch_inputs(ids: numpy.ndarray, mask: numpy.ndarray, types: numpy.ndarray | None, device: Any) -> dict:
    """RETURNS (dict): The arguments of a Hugging Face model, on the device."""
    inputs = {"input_ids": ids, "attention_mask": mask.astype(numpy.int64), "token_type_ids": types}
    return {
        name: torch.from_numpy(array).to(device, non_blocking=True)
        for name, array in inputs.items()
        if array is not None
    }


class _LastHiddenState(nn.Module):
    def __init__(self, transformer: nn.Module):
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the advice of the quantizer, which does not help a user who only loads a pipeline."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _export(transformer: nn.Module, path: Path) -> list:
    """Write the graph, with dynamic sizes of batch and window, and return the names of its inputs."""
    names = ["input_ids", "attention_mask"]
    example = torch.ones(2, 8, dtype=torch.int64)
    example_mask = example.clone()
    example_mask[0, -1] = 0  # without padding the mask would be left out of the graph
    training = transformer.training
    transformer.eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _LastHiddenState(transformer),
            (example, example_mask),
            str(path),
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_axes={name: {0: "windows", 1: "pieces"} for name in [*names, "last_hidden_state"]},
            opset_version=17,
            dynamo=False,
        )
    transformer.train(training)
    return names
