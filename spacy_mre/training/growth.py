"""New outputs and inputs for trained linear layers, as a change of their state dict. The old weights are kept."""

import torch
from torch import Tensor

State = dict[str, Tensor]

# A new label starts this far below the mean score of the old ones. The mean is at most the log-sum-exp of the scores,
# so in a softmax the new label has a share of less than e^-10, and the shares of the old ones shrink by less than that.
BELOW_OLD_LABELS = -10.0
# A score with a sigmoid of its own, of a new label or of something rare, starts with a probability of about 0.05.
PRIOR = -3.0
NO_OUTPUTS = slice(0, 0)


def add_output(state: State, layer: str, at: int, *, like: slice, offset: float) -> None:
    """Add an output to a linear layer.

    state (dict[str, Tensor]): The state dict, which is changed. A layer that it lacks is skipped.
    layer (str): The name of the layer.
    at (int): The index of the new output.
    like (slice): The new output is the mean of these outputs; 0 if there are none.
    offset (float): It is added to the bias, if the layer has one.
    """
    for name, added in (("weight", 0.0), ("bias", offset)):
        old = state.get(f"{layer}.{name}")
        if old is not None:
            alike = old[like]
            new = alike.mean(dim=0, keepdim=True) if len(alike) else torch.zeros_like(old[:1])
            state[f"{layer}.{name}"] = torch.cat([old[:at], new + added, old[at:]])


def add_input(state: State, layer: str) -> None:
    """Add a last input to a linear layer. Its weights are 0, so that it changes no output before training.

    state (dict[str, Tensor]): The state dict, which is changed. A layer that it lacks is skipped.
    layer (str): The name of the layer.
    """
    old = state.get(f"{layer}.weight")
    if old is not None:
        state[f"{layer}.weight"] = torch.cat([old, old.new_zeros(len(old), 1)], dim=1)
