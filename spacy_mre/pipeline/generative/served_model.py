"""The Thinc model of a language model behind a server: it has no weights, and is not trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thinc.api import Model
from thinc.shims import Shim

from ...errors import Errors
from .served_lm import ServedLM


class ServedShim(Shim):
    """Holds the language model in a Thinc model, as `LMShim` does. Nothing is saved: the config has all.

    lm (ServedLM): The language model.
    """

    requires = ("httpx",)

    def __init__(self, lm: ServedLM):
        super().__init__(None)
        self.lm = lm

    def finish_update(self, optimizer: Any) -> None:
        """Nothing to update."""

    @contextmanager
    def use_params(self, params: Any) -> Iterator[None]:
        """Nothing to replace."""
        yield

    def to_device(self, device_type: str, device_id: int) -> None:
        """Nothing to move."""

    def to_disk(self, path: str | Path) -> None:
        """Make an empty folder.

        path (Union[str, Path]): The folder.
        """
        Path(path).mkdir(parents=True, exist_ok=True)

    def from_disk(self, path: str | Path) -> "ServedShim":
        """RETURNS (ServedShim): The shim itself; nothing is read."""
        return self

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): Nothing."""
        return b""

    def from_bytes(self, data: bytes) -> "ServedShim":
        """RETURNS (ServedShim): The shim itself; nothing is read."""
        return self


def wrap_served(lm: ServedLM) -> Model:
    """RETURNS (Model): The language model in a Thinc model that refuses to be trained."""
    # The name in "name" would be that of a folder with a trained model.
    attrs = {"kind": lm.kind, "name": ""}
    return Model("served_language_model", _forward, init=_init, shims=[ServedShim(lm)], attrs=attrs)


def _forward(model: Model, X: Any, is_train: bool) -> Any:
    raise ValueError(Errors.M961.format(name=model.shims[0].lm.form.model))


def _init(model: Model, X: Any = None, Y: Any = None) -> None:
    """Nothing to make."""
