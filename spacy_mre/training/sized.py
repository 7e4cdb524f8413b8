"""A torch module inside a Thinc model whose sizes are known only at initialisation, and travel with its weights."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import torch
from thinc.api import PyTorchShim, get_torch_default_device
from torch import nn

from .torch_weights import averaged_weights, take_gradients


class SizedShim(PyTorchShim):
    """Holds no module until `build` or `from_bytes` makes one."""

    def __init__(self, make: Callable[..., nn.Module]):
        self._make = make
        self.sizes: dict[str, Any] = {}
        super().__init__(None, serialize_model=self._save, deserialize_model=self._load)

    @property
    def module(self) -> nn.Module | None:
        """The module, once there is one."""
        return None if self._model is None else self._model["heads"]

    def build(self, **sizes: Any) -> None:
        """Make the module.

        sizes (Any): The arguments of its constructor: plain numbers, strings and booleans.
        """
        self.sizes = sizes
        # The name in front of every weight's tells the optimizer that it belongs to a head.
        self._model = nn.ModuleDict({"heads": self._make(**sizes)}).to(self.device)

    @property
    def device(self) -> torch.device:
        if self._model is None:
            return get_torch_default_device()
        return super().device

    def finish_update(self, optimizer) -> None:
        if self._model is not None and not take_gradients(optimizer, self):
            super().finish_update(optimizer)

    def use_params(self, params):
        """Use averaged weights for a while."""
        return averaged_weights(self, params)

    def _save(self, module: nn.Module) -> bytes:
        buffer = BytesIO()
        torch.save({"sizes": self.sizes, "state": None if module is None else module.state_dict()}, buffer)
        return buffer.getvalue()

    def _load(self, module: nn.Module, data: bytes, device: torch.device) -> nn.Module:
        saved = torch.load(BytesIO(data), map_location=device, weights_only=True)
        if saved["state"] is None:
            return None
        self.build(**saved["sizes"])
        self._model.load_state_dict(saved["state"])
        return self._model


def set_training(module: nn.Module, training: bool) -> None:
    """`module.train(training)`, without the walk over all its parts where it is so already."""
    if module.training != training:
        module.train(training)
