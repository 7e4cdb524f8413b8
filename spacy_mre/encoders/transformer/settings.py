"""The choices of `mre_transformer`."""

from typing import Literal

Engine = Literal["torch", "onnx"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]
