"""The training config of a run that is compared with others: its budget, and a fingerprint of what is trained."""

import json
from collections.abc import Mapping
from copy import deepcopy
from hashlib import sha256
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from spacy.language import FactoryMeta, Language
from spacy.util import dict_to_dot, get_lang_class, registry
from thinc.api import Config

from ..errors import Errors

# Sections that do not change what is trained.
NOT_TRAINED = ("paths", "system", "corpora")
LOGGER = {"@loggers": "spacy.ConsoleLogger.v1", "progress_bar": False}
# Evaluation during training is only logged.
LOGGED_DOCUMENTS = 50


def set_values(config: Config, values: Mapping[str, Any]) -> Config:
    """Change values in a copy of a config.

    config (Config): The config, not interpolated.
    values (Mapping[str, Any]): Values by dotted key. Missing sections are made; a value may be a whole section.
    RETURNS (Config): The changed copy.

    >>> set_values(Config({"training": {"seed": 0}}), {"training.seed": 1, "system.seed": 1})
    {'training': {'seed': 1}, 'system': {'seed': 1}}
    """
    changed = config.copy()
    for key, value in values.items():
        *sections, name = key.split(".")
        section = changed
        for part in sections:
            section = section.setdefault(part, {})
        section[name] = deepcopy(value)  # which a later key may change
    return changed


def set_budget(config: Config, *, updates: int, seed: int, train: str | Path, dev: str | Path) -> Config:
    """Make a copy of a config that trains for a number of updates and keeps the last weights.

    The steps of learning rate schedules are scaled with the number of updates.

    config (Config): The config, not interpolated.
    updates (int): The number of updates.
    seed (int): The seed of the training, and of each component that has a seed.
    train (str | Path): The training documents.
    dev (str | Path): Documents of which some are evaluated at the start and the end, for the log only.
    RETURNS (Config): The changed copy.
    RAISES (ValueError): If the config has no corpora or no optimizer, or a corpus has no setting for its file.
    """
    plain = config.interpolate()
    training = plain.get("training", {})
    for name in ("train_corpus", "dev_corpus", "optimizer"):
        if name not in training:
            raise ValueError(Errors.M515.format(missing=name))
    values: dict[str, Any] = {
        "training.max_steps": updates,
        "training.max_epochs": 0,
        "training.patience": 0,
        "training.eval_frequency": updates,
        "training.seed": seed,
        "training.logger": LOGGER,
        path_setting(plain, training["train_corpus"]): str(train),
        path_setting(plain, training["dev_corpus"]): str(dev),
    }
    if "system" in config:
        values["system.seed"] = seed
    reader = find_reader(plain, training["dev_corpus"])
    if "@readers" in reader and "limit" in signature(registry.get("readers", reader["@readers"])).parameters:
        values[f"{training['dev_corpus']}.limit"] = LOGGED_DOCUMENTS
    for name in plain["nlp"]["pipeline"]:
        if "seed" in component_settings(plain, name):
            values[f"components.{name}.seed"] = seed
    if training.get("max_steps"):
        ratio = updates / training["max_steps"]
        for name, schedule in training["optimizer"].items():
            for setting in ("warmup_steps", "total_steps"):
                # A reference to [training] max_steps, which is a string here, needs no scaling.
                if isinstance(schedule, dict) and isinstance(config["training"]["optimizer"][name].get(setting), int):
                    values[f"training.optimizer.{name}.{setting}"] = max(1, round(schedule[setting] * ratio))
    return set_values(config, values)


def fingerprint(config: Config) -> str:
    """Compute a hash of everything in a config that changes what is trained, with all defaults filled in.

    config (Config): The config.
    RETURNS (str): Twelve hexadecimal digits.
    """
    plain = config.interpolate()
    corpora = plain.get("corpora", {})
    readers = {"corpora": corpora} if registry.is_promise(corpora) else corpora
    corpora = {
        name: {key: value for key, value in reader.items() if key not in ("path", "limit")}
        for name, reader in readers.items()
        if isinstance(reader, dict)
    }
    kept = {name: section for name, section in plain.items() if name not in NOT_TRAINED}
    kept["training"] = {key: value for key, value in kept["training"].items() if key not in ("logger", "gpu_allocator")}
    kept["components"] = {name: component_settings(plain, name) for name in plain["nlp"]["pipeline"]}
    filled = {name: fill_defaults(section) for name, section in {**kept, "corpora": corpora}.items()}
    return sha256(json.dumps(filled, sort_keys=True, default=str).encode("utf8")).hexdigest()[:12]


def component_meta(config: Mapping[str, Any], name: str) -> FactoryMeta | None:
    """Find what spaCy knows of a component's factory.

    config (Mapping[str, Any]): An interpolated config.
    name (str): The component's name in the pipeline.
    RETURNS (FactoryMeta | None): None for a component that is sourced from another pipeline.
    """
    factory = config["components"].get(name, {}).get("factory")
    if factory is None:
        return None
    lang_class = get_lang_class(config["nlp"]["lang"])
    if not lang_class.has_factory(factory):
        Language()  # the first pipeline loads the entry points
    return lang_class.get_factory_meta(factory)


def component_settings(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Read the settings of a component from a config, with the defaults of its factory.

    config (Mapping[str, Any]): An interpolated config.
    name (str): The component's name in the pipeline.
    RETURNS (dict[str, Any]): The settings.
    """
    settings = config["components"].get(name, {})
    meta = component_meta(config, name)
    if meta is None:
        return dict(settings)
    of_language = get_lang_class(config["nlp"]["lang"]).get_factory_name(meta.factory)
    factory = registry.factories.get(of_language if of_language in registry.factories else meta.factory)
    defaults = {
        parameter.name: parameter.default
        for parameter in signature(factory).parameters.values()
        if parameter.default is not Parameter.empty and parameter.name not in ("nlp", "name")
    }
    return {**defaults, **(meta.default_config or {}), **settings}


def fill_defaults(section: Any) -> Any:
    """RETURNS (Any): A section of a config with the defaults of all registered functions in it."""
    return registry.fill({"section": section}, validate=False)["section"] if isinstance(section, dict) else section


def find_reader(config: Mapping[str, Any], corpus: str) -> dict[str, Any]:
    """Find the settings of the function that reads a corpus.

    config (Mapping[str, Any]): An interpolated config.
    corpus (str): The name of the corpus, for example "corpora.dev".
    RETURNS (dict[str, Any]): Those of `[corpora.dev]`, or those of `[corpora]` if one function makes all corpora. Empty
        if there are none.
    """
    section: Any = config
    for part in corpus.split("."):
        if registry.is_promise(section):
            break
        section = section.get(part, {}) if isinstance(section, Mapping) else {}
    return dict(section) if isinstance(section, Mapping) else {}


def reads_file(config: Mapping[str, Any], corpus: str, path: str | Path) -> bool:
    """RETURNS (bool): Whether the function that reads a corpus is given a file, see `find_reader`."""
    return str(path) in dict_to_dot(find_reader(config, corpus)).values()


def path_setting(config: Mapping[str, Any], corpus: str) -> str:
    """Find the setting for the file of a corpus.

    config (Mapping[str, Any]): An interpolated config.
    corpus (str): The name of the corpus, for example "corpora.dev".
    RETURNS (str): The setting, for example "corpora.dev.path".
    RAISES (ValueError): If the function that reads the corpus has no such setting, or makes other corpora, too.
    """
    above = corpus.rpartition(".")[0]
    if registry.is_promise(find_reader(config, above)) or "path" not in fill_defaults(find_reader(config, corpus)):
        raise ValueError(Errors.M529.format(corpus=corpus))
    return f"{corpus}.path"
