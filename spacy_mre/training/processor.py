"""What the processor of this machine is, on which the speed of torch depends."""

import platform
import warnings
from functools import cache
from pathlib import Path
from typing import Literal

from ..errors import Warnings

# Flags of processors that multiply matrices in a precision, of x86 and of ARM.
MULTIPLIES = {"bf16": {"amx_bf16", "avx512_bf16", "bf16"}, "fp16": {"amx_fp16", "avx512_fp16", "asimdhp"}}


@cache
def describe_processor() -> str:
    """RETURNS (str): What Linux tells of the processor; elsewhere only its name, or nothing."""
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf8") if path.exists() else platform.processor()


def is_slow_in(precision: Literal["bf16", "fp16"]) -> bool:
    """Whether this processor has no instructions for matrices in a precision. Torch then takes several times as long
    as in fp32.

    precision (Literal): "bf16" or "fp16".
    RETURNS (bool): False if Linux does not list what the processor can do.
    """
    flags = {
        flag
        for line in describe_processor().splitlines()
        if line.partition(":")[0].strip() in ("flags", "Features")
        for flag in line.partition(":")[2].split()
    }
    return bool(flags) and not flags & MULTIPLIES[precision]


@cache
def warn_if_slow_in(precision: Literal["bf16", "fp16"], setting: str) -> None:
    """Warn, once in a process, of a precision that is slow here.

    precision (Literal): "bf16" or "fp16".
    setting (str): The setting that asks for it, as it is written in a config.
    """
    if is_slow_in(precision):
        flags = ", ".join(sorted(MULTIPLIES[precision]))
        warnings.warn(Warnings.W303.format(setting=setting, precision=precision, flags=flags), stacklevel=2)
