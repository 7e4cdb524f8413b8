"""Loading, making and saving of language models.

A model is loaded from a folder, a trained pipeline, a package or the Hugging Face hub, or made from a config, to train
it from scratch. `warm_start` makes one from the weights of an encoder.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import srsly
import torch
from spacy.util import load_config
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    EncoderDecoderModel,
    PretrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from ...encoders.transformer.model_folder import check_loaded, check_model_folder
from ...errors import Errors
from ...files import replacing_files
from ...unpacking import is_ours, reason_of
from .causal_lm import CausalLM
from .gguf import find_gguf, with_end_token
from .language_model import LanguageModel
from .seq2seq_lm import Seq2SeqLM
from .settings import DEFAULT_SEPARATOR, TokenizerSource
from .tokenizer import train_tokenizer

DTYPES = ("float32", "bfloat16", "float16")
FACTORIES = ("slg", "oiellm")
# What the files of Hugging Face do not contain: the kind of the model, and the form in which it is asked.
SETTINGS_FILE = "language_model.json"
# The format of the strings that a model of `train-generative` was trained on.
FORMAT_FILE = "format.json"
KINDS: dict[str, type[LanguageModel]] = {kind.kind: kind for kind in (Seq2SeqLM, CausalLM)}
AUTO_CLASSES = {"seq2seq": AutoModelForSeq2SeqLM, "causal": AutoModelForCausalLM}


class MadeModel(NamedTuple):
    """A model that is ready to be trained.

    lm (LanguageModel): The model.
    new_weights (frozenset[str]): The names of the weights that a pretrained model did not have.
    """

    lm: LanguageModel
    new_weights: frozenset[str]


def load_language_model(
    name: str | Path,
    *,
    tokenizer: str | None = None,
    dtype: str = "float32",
    separator: str = DEFAULT_SEPARATOR,
    chat: bool = False,
    **options: Any,
) -> LanguageModel:
    """Load a model with its tokenizer.

    name (Union[str, Path]): See `spacy_mre.Seq2SeqLM.v1`.
    tokenizer (Optional[str]): The name or folder of another tokenizer.
    dtype (str): The type of the weights.
    separator (str): The separator of source and target of a decoder-only model, if its folder does not define it.
    chat (bool): Ask a decoder-only model in the form of its chat template; the model of a folder that was trained so
        is always asked in it. Default: False.
    options (Any): Further arguments of `from_pretrained`.
    RETURNS (LanguageModel): A `Seq2SeqLM` or a `CausalLM`.
    RAISES (ValueError): If there is no such model, if it cannot be loaded, or has no chat template.
    """
    path = find_model(str(name))
    with loading(name):
        loaded = None if tokenizer is None else _load_tokenizer(tokenizer)
        return _load(path, loaded, dtype, separator, chat, **options)


def load_config_of(name: str) -> PretrainedConfig:
    """Load the configuration of a model, without its weights.

    name (str): See `spacy_mre.Seq2SeqLM.v1`.
    RETURNS (PretrainedConfig): The configuration.
    RAISES (ValueError): If there is no such model.
    """
    path = find_model(name)
    with loading(name):
        return _config_at(path)[0]


def load_saved_model(folder: Path, *, dtype: str) -> LanguageModel:
    """Load the model of a trained pipeline, of which nothing may be missing.

    folder (Path): What `save_language_model` wrote.
    dtype (str): The type of the weights.
    RETURNS (LanguageModel): A `Seq2SeqLM` or a `CausalLM`.
    RAISES (ValueError): If a file is missing or broken, or names other files, models or code.
    """
    for file in ("config.json", "tokenizer_config.json", SETTINGS_FILE):
        if not (folder / file).is_file():
            raise ValueError(Errors.M949.format(name=folder, file=file))
    with loading(folder, Errors.M947):
        return _load(folder, None, dtype, DEFAULT_SEPARATOR, use_safetensors=True)


def _load(
    path: str | Path,
    tokenizer: PreTrainedTokenizerBase | None,
    dtype: str,
    separator: str,
    chat: bool = False,
    **options: Any,
) -> LanguageModel:
    config, folder, source = _config_at(path)
    kind = "seq2seq" if config.is_encoder_decoder else "causal"
    options.update(torch_dtype=getattr(torch, dtype), trust_remote_code=False, output_loading_info=True)
    with loading(path, Errors.M971) if "quantization_config" in options else nullcontext():
        module, report = AUTO_CLASSES[kind].from_pretrained(folder, **source, **options)
    check_loaded(report, path, Errors.M948)
    if isinstance(module, EncoderDecoderModel):
        module.encoder.pooler = None  # created on loading, but unused
    if tokenizer is None:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **source)
        if source:
            tokenizer = with_end_token(tokenizer, config)
    if (Path(path) / SETTINGS_FILE).is_file():
        settings = srsly.read_json(Path(path) / SETTINGS_FILE)
        separator, is_chat = settings["separator"], settings.get("chat", False)
        if not isinstance(separator, str) or not isinstance(is_chat, bool):
            raise ValueError(f"the separator in {SETTINGS_FILE} is {separator!r:.100}, and chat {is_chat!r:.100}")
        chat = chat or is_chat
    return KINDS[kind](module, tokenizer, separator, chat)


def _config_at(path: str | Path) -> tuple[PretrainedConfig, str | Path, dict[str, str]]:
    """The configuration of a model, its folder or name, and the GGUF file in the folder, if it is one."""
    gguf = find_gguf(str(path))
    folder, source = (path, {}) if gguf is None else (gguf.parent, {"gguf_file": gguf.name})
    if gguf is None and Path(path).is_dir():
        check_model_folder(Path(path))
    return AutoConfig.from_pretrained(folder, trust_remote_code=False, **source), folder, source


def find_model(name: str, file: str = "config.json") -> str:
    """Find the folder of a model.

    name (str): See `spacy_mre.Seq2SeqLM.v1`.
    file (str): The file that the folder must contain. Default: the configuration of a model.
    RETURNS (str): The folder; or the name itself, for the Hugging Face hub.
    RAISES (ValueError): If it is a folder without a model, or a pipeline without a generative component.
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
    RETURNS (Optional[str]): The component's name; None if the folder is not a pipeline.
    RAISES (ValueError): If it is a pipeline without a generative component.
    """
    if not (folder / "config.cfg").is_file() or not (folder / "meta.json").is_file():
        return None
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
    tokenizer: TokenizerSource = None,
    dtype: str = "float32",
    separator: str = DEFAULT_SEPARATOR,
    **options: Any,
) -> MadeModel:
    """Load a model, or make one to train from scratch.

    texts (Iterable[str]): The training data of a new tokenizer.
    kind (str): The kind of model that is expected: "seq2seq" or "causal".
    name, config, tokenizer, dtype: See `spacy_mre.Seq2SeqLM.v1`.
    separator (str): See `spacy_mre.CausalLM.v1`.
    options (Any): Further arguments of `from_pretrained` or `from_config`.
    RETURNS (MadeModel): The model.
    RAISES (ValueError): If there is no such model, the config cannot be used, or the model is of the other kind.
    """
    if name:
        if isinstance(tokenizer, dict):
            raise ValueError(Errors.M930)
        lm = load_language_model(name, tokenizer=tokenizer, dtype=dtype, separator=separator, **options)
        if lm.kind != kind:
            raise ValueError(Errors.M935.format(name=name, kind=lm.kind, expected=kind))
        return MadeModel(lm, frozenset())
    loaded = _make_tokenizer(tokenizer, texts, kind)
    try:
        filled = _config_of(config or {}, loaded)
        found = "seq2seq" if filled.is_encoder_decoder else "causal"
        module = AUTO_CLASSES[found].from_config(filled, torch_dtype=getattr(torch, dtype), **options)
    except (KeyError, TypeError, ValueError) as err:
        raise ValueError(Errors.M937.format(reason=f"{type(err).__name__}: {err}")) from err
    if found != kind:
        raise ValueError(Errors.M935.format(name=filled.model_type, kind=found, expected=kind))
    return MadeModel(KINDS[kind](module, loaded, separator), frozenset())


def save_language_model(lm: LanguageModel, folder: Path) -> None:
    """Save a model with its tokenizer and generation settings as a Hugging Face model folder.

    lm (LanguageModel): The model.
    folder (Path): The folder, which is created if it does not exist.
    """
    with replacing_files(folder) as new_folder:
        lm.module.save_pretrained(new_folder, safe_serialization=True, max_shard_size="4GB")
        lm.tokenizer.save_pretrained(new_folder)
        save_settings(lm, new_folder)


def save_settings(lm: LanguageModel, folder: Path) -> None:
    """Save the settings of a model that Hugging Face does not save.

    lm (LanguageModel): The model.
    folder (Path): The model folder.
    """
    srsly.write_json(folder / SETTINGS_FILE, {"kind": lm.kind, "separator": lm.separator, "chat": lm.chat})


def _make_tokenizer(tokenizer: TokenizerSource, texts: Iterable[str], kind: str) -> PreTrainedTokenizerBase:
    if isinstance(tokenizer, str):
        return _load_tokenizer(tokenizer)
    return train_tokenizer(texts, begins=kind == "causal", **(tokenizer or {}))


def _load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    with loading(name):
        path = find_model(name, "tokenizer_config.json")
        if Path(path).is_dir():
            check_model_folder(Path(path))
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)


def _config_of(settings: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> PretrainedConfig:
    """The configuration of a model to train from scratch, with the vocabulary size of its tokenizer."""
    settings = dict(settings)
    defaults = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id,
        "forced_eos_token_id": None,  # the default of BART forces a token at the end
    }
    return AutoConfig.for_model(settings.pop("model_type"), **{**defaults, **settings})


@contextmanager
def loading(name: str | Path, message: str = Errors.M932) -> Iterator[None]:
    """Turn the errors of Hugging Face for a model that cannot be loaded into one of ours, and silence its warnings
    about unused weights.

    name (Union[str, Path]): The name of the model, for the error.
    message (str): The error. Default: that of a model that a config names.
    RAISES (ValueError): If the model cannot be loaded.
    """
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    except Exception as err:
        if is_ours(err):
            raise
        raise ValueError(message.format(name=name, reason=reason_of(err))) from err
    finally:
        logging.set_verbosity(verbosity)
