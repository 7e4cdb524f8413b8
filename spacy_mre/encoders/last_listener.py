"""The last listener of a shared encoder. The encoders of spaCy and spacy-transformers learn from a batch when it has
returned its gradient, and silently not at all if its component is frozen, excluded or disabled."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from thinc.api import Model

from ..errors import Warnings
from .encoder import find_listeners


def needs_last_listener(encoder: Any) -> bool:
    """RETURNS (bool): Whether a shared encoder learns only if its last listener returns a gradient; `mre_transformer`
    learns from those that do."""
    return getattr(encoder, "needs_last_listener", True)


class LastListeners:
    """Watches, for a component, whether the last listeners of its encoders return their gradients."""

    def __init__(self) -> None:
        # By encoder, the component of the listener that has not returned its gradient of the last batch.
        self._awaited: dict[str, str] = {}
        self._has_warned = False

    def check(self) -> None:
        """Warn, once, of the encoders that did not learn from the last batch."""
        awaited, self._awaited = self._awaited, {}
        if self._has_warned:
            return
        for encoder, last in awaited.items():
            warnings.warn(Warnings.W302.format(encoder=encoder, last=last), stacklevel=3)
            self._has_warned = True

    def watch(self, model: Model) -> None:
        """Wait for the last listeners, when the encoders have sent a batch and before the component learns from it.

        model (Model): The model of the component.
        """
        listeners = find_listeners(model)
        for listener in listeners:
            encoder = _sender(listener)
            if encoder is None or not needs_last_listener(encoder):
                continue
            last = encoder.listeners[-1]
            names = [name for name, of_name in encoder.listener_map.items() if any(each is last for each in of_name)]
            if names and last._backprop is not None and not any(each is last for each in listeners):
                self._awaited[encoder.name] = names[0]
                last._backprop = partial(self._return, encoder.name, last._backprop)

    def _return(self, encoder: str, backprop: Callable, d_outputs: Any) -> Any:
        self._awaited.pop(encoder, None)
        return backprop(d_outputs)


def _sender(listener: Any) -> Any:
    """The shared encoder that has sent its output to a listener, which knows of it the function for the gradient only.
    None if the encoder is frozen, or if the function is another one than expected."""
    function = listener._backprop
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    if "self" not in names:
        return None
    encoder = function.__closure__[names.index("self")].cell_contents
    return encoder if hasattr(encoder, "listener_map") else None
