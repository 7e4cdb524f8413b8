"""Matrix products of thinc's layers by torch, on the CPU.

Thinc multiplies matrices with BLIS, in one thread. Torch is faster on processors with AVX-512, and uses the threads
that `torch.set_num_threads` allows.
"""

from typing import Any

import numpy
import torch
from thinc.api import Model, NumpyOps
from thinc.types import Floats2d

from ..training.forked import use_one_thread_when_forked

use_one_thread_when_forked()


class TorchGemmOps(NumpyOps):
    """Thinc's operations on NumPy arrays, with matrix products by torch."""

    def gemm(
        self,
        x: Floats2d,
        y: Floats2d,
        *,
        out: Floats2d | None = None,
        trans1: bool = False,
        trans2: bool = False,
    ) -> Floats2d:
        """Multiply two matrices.

        x (Floats2d): The first one, of float32.
        y (Floats2d): The second one, of float32.
        out (Optional[Floats2d]): Where to write the product. Default: a new array.
        trans1 (bool): Transpose the first one. Default: False.
        trans2 (bool): Transpose the second one. Default: False.
        RETURNS (Floats2d): The product.
        """
        if not (_is_tensor(x) and _is_tensor(y) and (out is None or _is_tensor(out))):
            return super().gemm(x, y, out=out, trans1=trans1, trans2=trans2)
        first, second = torch.from_numpy(x), torch.from_numpy(y)
        first, second = first.T if trans1 else first, second.T if trans2 else second
        product = numpy.empty((first.shape[0], second.shape[1]), dtype="f") if out is None else out
        # With `out`, autocast leaves the product in float32, as thinc's own does.
        torch.mm(first, second, out=torch.from_numpy(product))
        return product


def _is_tensor(array: Any) -> bool:
    """Whether torch can share the memory of an array: it has no read-only tensors."""
    flags = array.flags
    return array.dtype == numpy.float32 and array.ndim == 2 and flags.c_contiguous and flags.writeable


def use_torch_gemm(model: Model) -> None:
    """Let the layers of a model that run with NumPy multiply matrices with torch. Those that run on a GPU, or with
    Apple's library, are left alone. A copy of the model multiplies with thinc again.

    model (Model): The model, changed in place.
    """
    ops = TorchGemmOps()
    for node in model.walk():
        if type(node.ops) is NumpyOps:
            node.ops = ops
