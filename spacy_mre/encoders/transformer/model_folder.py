"""Model folders of Hugging Face: what a hostile one could make its reader open or run is refused before it is read.

Hugging Face follows names in the JSON files of a folder: of shards, vocabularies, dictionaries, base models, kernels
and classes. The folders that this package saves need none of them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import Errors
from ...unpacking import is_plain_name, reason_of

CONFIG, TOKENIZER_CONFIG, WEIGHTS = "config.json", "tokenizer_config.json", "model.safetensors"
INDEX, INT8_WEIGHTS = f"{WEIGHTS}.index.json", "model.int8.safetensors"
# The settings of a tokenizer that name a file or folder. Old folders contain a `special_tokens_map_file` of another
# computer, which is not opened.
FILE_SETTING = re.compile(r"(.*(_file|_file_torch|_spm|_ckpt|_path|_dir)|vocab|vocab_files|init_inputs)")
NOT_OPENED = ("special_tokens_map_file", "name_or_path", "_name_or_path")
# Options of MeCab, which can name dictionaries.
OPTIONS = "mecab_option"
TOKENIZER_CLASS = re.compile(r"(?!Auto)\w+Tokenizer(Fast)?")
# Settings of a model that name other weights.
OTHER_WEIGHTS = ("transformers_weights", "backbone", "use_pretrained_backbone")


def check_model_folder(folder: Path) -> None:
    """Refuse a folder that would make Hugging Face open files outside of it, load another model, or run code.

    Links to files are followed: the cache of the Hugging Face hub consists of them.

    folder (Path): The folder.
    RAISES (ValueError): If it is such a folder, or one of its JSON files is broken.
    """
    for path in folder.iterdir():
        if not path.is_file() and not path.is_dir():
            raise ValueError(Errors.M331.format(folder=folder, reason=f"'{path.name}' is not a file"))
    if (folder / "adapter_config.json").exists():
        reason = "it is an adapter of another model"
        raise ValueError(Errors.M334.format(file=folder / "adapter_config.json", reason=reason))
    _check_config(folder / CONFIG)
    _check_tokenizer_config(folder / TOKENIZER_CONFIG)
    _check_index(folder / INDEX)


def check_complete(folder: Path) -> None:
    """Refuse a folder that lacks a file which is always saved. Hugging Face would use default settings.

    folder (Path): A folder that this package saved.
    RAISES (ValueError): If a file is missing.
    """
    names = {path.name for path in folder.iterdir()}
    for name in (CONFIG, TOKENIZER_CONFIG):
        if name not in names:
            raise ValueError(Errors.M331.format(folder=folder, reason=f"it has no {name}"))
    if not {WEIGHTS, INDEX, INT8_WEIGHTS} & names:
        raise ValueError(
            Errors.M331.format(folder=folder, reason=f"it has no {WEIGHTS}, the only weights that are read")
        )


def _check_config(path: Path) -> None:
    config = _read(path)
    if "auto_map" in config and config.get("model_type") not in _known_types():
        raise ValueError(Errors.M334.format(file=path, reason=f"auto_map: {config['auto_map']!r:.100}"))
    _check_class(config, path)
    for key, value in _settings(config):
        if "attn_implementation" in key and isinstance(value, str) and not value.isidentifier():
            raise ValueError(Errors.M334.format(file=path, reason=f"{key}: {value!r:.100}"))
        if key in OTHER_WEIGHTS and value:
            raise ValueError(Errors.M332.format(file=path, key=key, value=f"{value!r:.100}"))


def _check_tokenizer_config(path: Path) -> None:
    config = _read(path)
    _check_class(config, path)
    if "auto_map" in config and config.get("tokenizer_class") is None:
        raise ValueError(Errors.M334.format(file=path, reason=f"auto_map: {config['auto_map']!r:.100}"))
    of_words = [item for key, value in config.items() if key.endswith("_kwargs") for item in _settings(value)]
    for key, value in [*config.items(), *of_words]:
        names_file = FILE_SETTING.fullmatch(key) and key not in NOT_OPENED
        if value and (names_file or (key == OPTIONS and re.search(r"[/\\]", str(value)))):
            raise ValueError(Errors.M332.format(file=path, key=key, value=f"{value!r:.100}"))
    for name in config.get("fast_tokenizer_files") or ():
        if not is_plain_name(name):
            raise ValueError(Errors.M332.format(file=path, key="fast_tokenizer_files", value=f"{name!r:.100}"))


def _check_index(path: Path) -> None:
    shards = _read(path).get("weight_map", {})
    if not isinstance(shards, dict):
        raise ValueError(Errors.M012.format(origin=path, reason="its weight_map is not a table"))
    for weight, name in shards.items():
        if not is_plain_name(name) or not name.endswith(".safetensors"):
            raise ValueError(Errors.M332.format(file=path, key=weight, value=f"{name!r:.100}"))


def _check_class(config: dict[str, Any], path: Path) -> None:
    """Hugging Face takes any class of its package for a tokenizer, those that load other models too."""
    name = config.get("tokenizer_class")
    if name is not None and not (isinstance(name, str) and TOKENIZER_CLASS.fullmatch(name)):
        raise ValueError(Errors.M334.format(file=path, reason=f"tokenizer_class: {name!r:.100}"))


def _read(path: Path) -> dict[str, Any]:
    """The content of a JSON file, empty if there is no such file."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except Exception as error:
        raise ValueError(Errors.M012.format(origin=path, reason=reason_of(error))) from error
    if not isinstance(content, dict):
        raise ValueError(Errors.M012.format(origin=path, reason="it is not a JSON object"))
    return content


def _settings(value: Any) -> Iterator[tuple[str, Any]]:
    """The settings at all levels."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _settings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _settings(inner)


def _known_types() -> Any:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return CONFIG_MAPPING_NAMES


def check_loaded(report: dict[str, Any], folder: str | Path, message: str) -> None:
    """Refuse a model that Hugging Face has completed with random weights.

    report (dict[str, Any]): The `output_loading_info` of `from_pretrained`.
    folder (Union[str, Path]): The folder, for the error.
    message (str): The error.
    RAISES (ValueError): If weights were missing. Those of the pooler are not used.
    """
    missing = sorted(name for name in report["missing_keys"] if "pooler." not in name)
    if missing:
        raise ValueError(message.format(folder=folder, name=folder, reason=f"'{missing[0]}' is missing"))
