"""A torch module inside a Thinc model whose sizes are known only at initialization and are saved with its weights."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, cast

import torch
from thinc.api import Model, PyTorchShim, get_torch_default_device
from torch import nn

from ..errors import Errors
from ..unpacking import is_ours, reason_of
from .torch_file import check_weights, read_torch_file
from .torch_weights import averaged_weights, renew_id, take_gradients

# For errors.
ORIGIN = "The weights file of the heads"


class SizedShim(PyTorchShim):
    """Holds no module until `build` or `from_bytes` makes one.

    Only sizes are saved with the weights. The settings come from the config each time, so that the config in force
    wins.

    make (Callable[..., nn.Module]): Makes the module from sizes and settings, given as keyword arguments.
    settings (dict[str, Any]): Arguments of `make` that the config sets.
    """

    def __init__(self, make: Callable[..., nn.Module], settings: dict[str, Any] | None = None):
        self._make = make
        self.settings = settings or {}
        self.sizes: dict[str, Any] = {}
        super().__init__(None, serialize_model=self._save, deserialize_model=self._load)

    @property
    def module(self) -> Any:
        """The module; None before `build`."""
        return None if self._model is None else self._model["heads"]

    def make(self, **sizes: Any) -> nn.Module:
        """Make a module that is not stored, with new weights.

        sizes (Any): Sizes that differ from those of the stored module.
        RETURNS (nn.Module): The module.
        """
        return self._make(**{**self.sizes, **sizes}, **self.settings).to(self.device)

    def build(self, **sizes: Any) -> None:
        """Make the module with new weights.

        sizes (Any): The arguments of `make` that are saved with the weights: plain numbers and strings.
        """
        self.sizes = sizes
        # The prefix of every weight's name tells the optimizer that it belongs to a head.
        self._model = nn.ModuleDict({"heads": self.make()})

    def grow(self, state: dict[str, Any], **sizes: Any) -> None:
        """Make the module again with other sizes, for new labels.

        state (dict[str, Tensor]): The weights of the larger module, made of the old ones (see `growth.py`).
        sizes (Any): The sizes that change.
        """
        self.build(**{**self.sizes, **sizes})
        self.module.load_state_dict(state)
        renew_id(self)  # moments and averages of the old weights have other shapes

    @property
    def device(self) -> torch.device:
        if self._model is None:
            return get_torch_default_device()
        return super().device

    def finish_update(self, optimizer: Any) -> None:
        if self._model is not None and not take_gradients(optimizer, self):
            super().finish_update(optimizer)

    def use_params(self, params: Any) -> Any:
        """Use averaged weights within a context."""
        return averaged_weights(self, params)

    def _save(self, module: nn.Module | None) -> bytes:
        buffer = BytesIO()
        torch.save({"sizes": self.sizes, "state": None if module is None else module.state_dict()}, buffer)
        return buffer.getvalue()

    def _load(self, module: nn.Module | None, data: bytes, device: torch.device) -> nn.Module | None:
        saved = read_torch_file(data, device, ORIGIN)
        if not isinstance(saved, dict) or saved.keys() != {"sizes", "state"} or not _are_sizes(saved["sizes"]):
            raise ValueError(Errors.M012.format(origin=ORIGIN, reason="it has no sizes and weights"))
        if saved["state"] is None:
            return None
        sizes, state = saved["sizes"], saved["state"]
        try:
            with torch.device("meta"):  # without memory, of which wrong sizes could need any amount
                check_weights(nn.ModuleDict({"heads": self._make(**sizes, **self.settings)}), state, ORIGIN)
        except Exception as error:
            settings = ", ".join(f"{name} = {value}" for name, value in self.settings.items())
            reason = str(error).removeprefix("[M012] ") if is_ours(error) else reason_of(error)
            raise ValueError(Errors.M804.format(settings=settings, reason=reason)) from None
        self.build(**sizes)
        self._model.load_state_dict(state)
        return self._model


def _are_sizes(sizes: Any) -> bool:
    """Whether these are names with plain numbers and strings; numbers of weights are never negative."""
    return isinstance(sizes, dict) and all(
        isinstance(name, str) and (isinstance(size, str | float) or (isinstance(size, int) and size >= 0))
        for name, size in sizes.items()
    )


def sized_shim(model: Model) -> SizedShim:
    """The shim of a layer that has a `SizedShim`.

    model (Model): The layer.
    RETURNS (SizedShim): Its shim.
    """
    return cast(SizedShim, model.shims[0])


def set_training(module: nn.Module, training: bool) -> None:
    """Call `module.train(training)` only if that changes something: it walks over all parts of the module.

    The parts come first, and the module itself last: a thread that finds the module in evaluation mode must not run
    into a dropout layer that another thread has not reached yet.

    module (nn.Module): The module.
    training (bool): True for training, False for prediction.
    """
    if module.training != training:
        for part in module.children():
            part.train(training)
        module.train(training)
