"""The gradient of a batch's vectors, to which every listener adds its own."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from thinc.api import get_array_module
from thinc.types import Floats2d

from ...errors import Errors
from .piece_data import PieceData, gradient_of


class BatchGradient:
    """Adds up what the listeners return for one batch. The sum goes through the transformer once.

    datas (Sequence[PieceData]): The output of the transformer for each document.
    vectors (Floats2d): The vectors of all pieces.
    backprop (Callable[[Any], None]): Passes the gradient of the vectors to the weights. It keeps the memory of the
        forward pass until it is called.
    """

    def __init__(self, datas: Sequence[PieceData], vectors: Floats2d, backprop: Callable[[Any], None]):
        self.datas = datas
        self.backprop = backprop
        self.xp = get_array_module(vectors)
        self.sum: Floats2d | None = None
        self.added = 0

    def add(self, d_datas: Sequence[Any], name: str) -> float:
        """Add the gradient of one listener.

        d_datas (Sequence[Any]): The gradients of the documents.
        name (str): The name of the transformer component, for the error.
        RETURNS (float): The squared gradient.
        RAISES (ValueError): If it is not finite.
        """
        gradient = gradient_of(self.datas, d_datas, self.xp)
        squared = float((gradient**2).sum())
        if not math.isfinite(squared):
            raise ValueError(Errors.M808.format(names=f"the vectors of '{name}'"))
        self.sum = gradient if self.sum is None else self.sum + gradient
        self.added += 1
        return squared

    def finish(self, listeners: Iterable[Any]) -> None:
        """Pass the sum to the weights.

        listeners (Iterable[TransformerListener]): Those that have returned nothing forget the batch, which frees its
            memory.
        """
        self.backprop(self.sum)
        for listener in listeners:
            listener._batch_id = listener._outputs = listener._backprop = None

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        # The copy of a component, by pickle for example, has no forward pass to go back through.
        return _no_gradient, ()


def _no_gradient() -> None:
    return None
