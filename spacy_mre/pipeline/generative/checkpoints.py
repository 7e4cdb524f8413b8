"""Where a language model comes from: a folder, a trained pipeline, the hub, or a config to train from scratch."""

import re
from collections.abc import Iterable
from contextlib import contextmanager
from copy import deepcopy
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import srsly
import torch
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

from ...encoders.transformer.storage import replaced_files
from ...errors import Errors
from .language_model import DEFAULT_SEPARATOR, KINDS, LanguageModel, Seq2SeqLM
from .tokenizer import train_tokenizer

AUTO_CLASSES = {"seq2seq": AutoModelForSeq2SeqLM, "causal": AutoModelForCausalLM}


DTYPES = ("float32", "bfloat16", "float16")


FACTORIES = ("slg", "oiellm")


# Beside the files of Hugging Face: what those have no place for.
SETTINGS_FILE = "language_model.json"


FORMAT_FILE = "format.json"


CROSS_ATTENTION = ".crossattention."


Tokenizing = str | dict[str, Any] | None


Made = tuple[LanguageModel, frozenset[str]]


def save_language_model(lm: LanguageModel, folder: Path) -> None:
    """Write a model, its tokenizer, its generation settings and the separator of source and target.

    lm (LanguageModel): The model.
    folder (Path): Made if it is not there.
    """
    with replaced_files(folder) as fresh:
        lm.module.save_pretrained(fresh, safe_serialization=True, max_shard_size="4GB")
        lm.tokenizer.save_pretrained(fresh)
        srsly.write_json(fresh / SETTINGS_FILE, {"kind": lm.kind, "separator": lm.separator})


def load_language_model(
    name: str | Path,
    *,
    tokenizer: str | None = None,
    dtype: str = "float32",
    separator: str = DEFAULT_SEPARATOR,
) -> LanguageModel:
    """Load a model with its tokenizer.

    name (Union[str, Path]): See `spacy_mre.Seq2SeqLM.v1`.
    tokenizer (Optional[str]): The name or folder of another tokenizer.
    dtype (str): The type of the weights.
    separator (str): The separator of source and target of a decoder-only model, if its folder does not define it.
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
            module.encoder.pooler = None  # made again on loading, and not used
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
            raise ValueError(Errors.M932.format(name=name, reason=f"'{folder}' has no {file}"))
        return str(folder)
    spec = find_spec(name) if name.isidentifier() else None
    if spec is not None and spec.origin is not None and (Path(spec.origin).parent / "model").is_dir():
        return str(Path(spec.origin).parent / "model")
    return name


def find_component(folder: Path) -> str | None:
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
        raise ValueError(Errors.M933.format(path=folder, factories=", ".join(FACTORIES)))
    return names[0]


def make_pretrained(
    texts: Iterable[str],
    *,
    kind: str,
    name: str = "",
    config: dict[str, Any] | None = None,
    tokenizer: Tokenizing = None,
    dtype: str = "float32",
    separator: str = DEFAULT_SEPARATOR,
) -> Made:
    """Load a model, or make one to train from scratch.

    texts (Iterable[str]): What a tokenizer is trained on, if one is to be trained.
    kind (str): "seq2seq" or "causal".
    RETURNS (tuple[LanguageModel, frozenset[str]]): The model, and the names of those weights that are new in a
        pretrained one.
    RAISES (ValueError): No such model, or one of the other kind.
    """
    if name:
        if isinstance(tokenizer, dict):
            raise ValueError(Errors.M930)
        lm = load_language_model(name, tokenizer=tokenizer, dtype=dtype, separator=separator)
        if lm.kind != kind:
            raise ValueError(Errors.M935.format(name=name, kind=lm.kind, expected=kind))
        return lm, frozenset()
    loaded = _make_tokenizer(tokenizer, texts, kind)
    try:
        filled = _config_of(config or {}, loaded)
        found = "seq2seq" if filled.is_encoder_decoder else "causal"
        module = AUTO_CLASSES[found].from_config(filled, torch_dtype=getattr(torch, dtype))
    except (KeyError, TypeError, ValueError) as err:
        raise ValueError(Errors.M937.format(reason=f"{type(err).__name__}: {err}")) from err
    if found != kind:
        raise ValueError(Errors.M935.format(name=filled.model_type, kind=found, expected=kind))
    return KINDS[kind](module, loaded, separator), frozenset()


def make_warm_started(
    texts: Iterable[str], *, name: str, decoder_layers: int | None = None, dropout: float | None = None
) -> Made:
    """Make an encoder-decoder of an encoder.

    texts (Iterable[str]): Not needed.
    RETURNS (tuple[LanguageModel, frozenset[str]]): The model, and the names of the weights that are new.
    RAISES (ValueError): No such model, or none of the BERT family.
    """
    place = find_model(name)
    with _loading(name):
        config = AutoConfig.from_pretrained(place)
    if config.is_encoder_decoder:
        return make_pretrained(texts, kind="seq2seq", name=name)
    if dropout is not None:
        config.update(
            {key: dropout for key in ("hidden_dropout_prob", "attention_probs_dropout_prob") if hasattr(config, key)}
        )
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


def _decoder_like(encoder: PreTrainedModel, layers: int, name: str) -> tuple[PreTrainedModel, list[str]]:
    """A decoder with the weights of an encoder, and the names of those weights that are new to their place. Attention
    to the source begins as attention among the tokens of one text, by which like finds like: to copy a name is to
    find it again."""
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
        raise ValueError(Errors.M936.format(name=name, model_type=config.model_type))
    base.load_state_dict(state, strict=False)
    decoder.tie_weights()
    pretrained = {f"{decoder.base_model_prefix}.{key}" for key in state if CROSS_ATTENTION not in key}
    return decoder, [key for key, _ in decoder.named_parameters() if key not in pretrained]


def _make_tokenizer(tokenizer: Tokenizing, texts: Iterable[str], kind: str) -> PreTrainedTokenizerBase:
    if isinstance(tokenizer, str):
        return _load_tokenizer(tokenizer)
    return train_tokenizer(texts, begins=kind == "causal", **(tokenizer or {}))


def _load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    with _loading(name):
        return AutoTokenizer.from_pretrained(find_model(name, "tokenizer_config.json"))


def _config_of(settings: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> PretrainedConfig:
    """The configuration of a model to train from scratch, with the vocabulary size of its tokenizer."""
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
def _loading(name: str | Path):
    """Hugging Face has several errors for a model that cannot be loaded, and warns about weights that an
    encoder-decoder neither has nor needs."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    except (OSError, KeyError, ImportError, ValueError) as err:
        if str(err).startswith("[M"):
            raise
        raise ValueError(Errors.M932.format(name=name, reason=str(err).strip().splitlines()[0])) from err
    finally:
        logging.set_verbosity(verbosity)
