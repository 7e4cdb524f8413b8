"""The Thinc shim of a language model: it saves the model as a Hugging Face model folder."""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import srsly
import torch
from thinc.api import PyTorchShim, get_torch_default_device, torch2xp, xp2torch

from ...errors import Errors
from ...training.torch_weights import averaged_weights, take_gradients
from ...unpacking import MOST_BYTES, read_table, unpacked
from .checkpoints import MadeModel, load_saved_model, save_language_model
from .language_model import LanguageModel

# For errors.
ORIGIN = "The stored language model"


class LMShim(PyTorchShim):
    """Holds the language model in a Thinc model. It is empty until `build`, `from_disk` or `from_bytes` is called.

    make (Callable[[Iterable[str]], MadeModel]): Makes the model from the texts that a tokenizer is trained on.
    dtype (str): The type of the weights.
    """

    def __init__(self, make: Callable[[Iterable[str]], MadeModel], dtype: str = "float32"):
        self._make = make
        self.dtype = dtype
        self.lm: LanguageModel | None = None
        self.new_weights: frozenset[str] = frozenset()
        super().__init__(None)

    def build(self, texts: Iterable[str]) -> None:
        """Load or make the model.

        texts (Iterable[str]): Sources and targets, the training data of a new tokenizer.
        """
        self._set_model(*self._make(texts))

    @property
    def device(self) -> torch.device:
        return get_torch_default_device() if self._model is None else super().device

    def finish_update(self, optimizer) -> None:
        """Pass the gradients to the optimizer."""
        if self._model is None or take_gradients(optimizer, self, self._parameter_name):
            return
        for name, weight in self._model.named_parameters():
            if weight.grad is not None:
                new, _ = optimizer((self.id, self._parameter_name(name)), torch2xp(weight.data), torch2xp(weight.grad))
                weight.data = xp2torch(new, requires_grad=True, device=weight.device)
                weight.grad.zero_()

    def use_params(self, params):
        """Use averaged weights within a context."""
        return averaged_weights(self, params, self._parameter_name)

    def _parameter_name(self, name: str) -> str:
        """The name for the optimizer. Weights that were not pretrained have the learning rate of heads."""
        return f"heads.{name}" if name in self.new_weights else name

    def to_disk(self, path: str | Path) -> None:
        """Save the model as a Hugging Face model folder, which is empty if there is no model yet.

        path (Union[str, Path]): The folder.
        """
        if self.lm is not None:
            save_language_model(self.lm, Path(path))
        else:
            Path(path).mkdir(parents=True, exist_ok=True)

    def from_disk(self, path: str | Path) -> "LMShim":
        """Load the model.

        path (Union[str, Path]): The folder.
        RETURNS (LMShim): The shim itself.
        RAISES (ValueError): If the folder is missing or broken.
        """
        path = Path(path)
        if not path.is_dir():
            raise ValueError(Errors.M932.format(name=path, reason="there is no such folder"))
        if any(path.iterdir()):
            self._set_model(load_saved_model(path, dtype=self.dtype), frozenset())
        else:
            self.lm = self._model = None
        return self

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The files of the model folder."""
        with TemporaryDirectory() as folder:
            self.to_disk(folder)
            files = sorted(file for file in Path(folder).iterdir() if file.is_file())
            if sum(file.stat().st_size for file in files) > MOST_BYTES:
                raise ValueError(Errors.M934)
            return srsly.msgpack_dumps({file.name: file.read_bytes() for file in files})

    def from_bytes(self, bytes_data: bytes) -> "LMShim":
        """Load the model from bytes.

        bytes_data (bytes): What `to_bytes` returned.
        RETURNS (LMShim): The shim itself.
        RAISES (ValueError): If they are broken, or contain a file with an unsafe name.
        """
        with unpacked(read_table(bytes_data, ORIGIN), ORIGIN) as folder:
            return self.from_disk(folder)

    def _set_model(self, lm: LanguageModel, new_weights: frozenset[str]) -> None:
        lm.module.to(get_torch_default_device())
        self.lm, self._model, self.new_weights = lm, lm.module, new_weights
