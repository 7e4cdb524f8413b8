"""Weights in torch's file format, which is based on pickle: only tensors and plain values are read from it."""

from io import BytesIO
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import Errors
from ..unpacking import reason_of


def read_torch_file(data: Any, device: Any, origin: str) -> Any:
    """Read a file that `torch.save` wrote.

    data (Any): What should be its bytes.
    device (torch.device): Where the tensors go.
    origin (str): Where the bytes come from, for the error.
    RETURNS (Any): Tensors and plain values.
    RAISES (ValueError): If the bytes are broken, or contain objects.
    """
    try:
        # Given explicitly, because an environment variable can change the default.
        return torch.load(BytesIO(data), map_location=device, weights_only=True)
    except UnpicklingError:
        # torch advises to load the file without this protection.
        reason = "it contains more than tensors and plain values, or was not written by torch"
        raise ValueError(Errors.M012.format(origin=origin, reason=reason)) from None
    except Exception as error:
        raise ValueError(Errors.M012.format(origin=origin, reason=reason_of(error))) from None


def check_weights(module: nn.Module, state: Any, origin: str, ignored: tuple[str, ...] = ()) -> None:
    """Refuse weights that are not those of a module. torch itself converts a tensor of another type, and rounds.

    module (nn.Module): The module.
    state (Any): What should be its tensors by name.
    origin (str): Where they come from, for the error.
    ignored (tuple[str, ...]): Ends of names that the module need not have.
    RAISES (ValueError): If a tensor is missing, is not known, or has another shape or type.
    """
    if not isinstance(state, dict) or not all(isinstance(weight, Tensor) for weight in state.values()):
        raise ValueError(Errors.M012.format(origin=origin, reason="it has no table of weights"))
    check_state(module.state_dict(), state, origin, ignored)


def check_state(
    wanted: dict[str, Tensor], state: dict[str, Tensor], origin: str, ignored: tuple[str, ...] = ()
) -> None:
    """Refuse weights of other names, shapes or types than wanted.

    wanted (dict[str, Tensor]): Tensors by name; only their shapes and types are read.
    state (dict[str, Tensor]): The weights.
    origin (str): Where they come from, for the error.
    ignored (tuple[str, ...]): Ends of names that need not be wanted.
    RAISES (ValueError): If a tensor is missing, is not known, or has another shape or type.
    """
    missing = sorted(wanted.keys() - state.keys())
    unknown = sorted(name for name in state.keys() - wanted.keys() if not str(name).endswith(ignored or (" ",)))
    for what, names in (("it does not contain", missing), ("it contains the unknown", unknown)):
        if names:
            raise ValueError(Errors.M012.format(origin=origin, reason=f"{what} {names[0]!r:.100}"))
    for name, weight in wanted.items():
        found = state[name]
        if found.shape != weight.shape or found.dtype != weight.dtype:
            reason = (
                f"{name} has the shape {tuple(found.shape)} and type {found.dtype}, "
                f"not {tuple(weight.shape)} and {weight.dtype}"
            )
            raise ValueError(Errors.M012.format(origin=origin, reason=reason))


def read_weights(module: nn.Module, data: Any, device: Any) -> nn.Module:
    """Read the weights of a BiLSTM, or of another torch module that Thinc saves, in place of Thinc's own function.

    module (nn.Module): The module, which gets the weights.
    data (Any): What should be the bytes of its file.
    device (torch.device): Where the module goes.
    RETURNS (nn.Module): The module.
    RAISES (ValueError): If the bytes are broken, or contain other weights.
    """
    origin = f"The weights file of {type(module).__name__}"
    state = read_torch_file(data, device, origin)
    check_weights(module, state, origin)
    module.load_state_dict(state)
    return module.to(device)
