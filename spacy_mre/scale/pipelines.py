"""Load a pipeline to annotate with."""

from collections.abc import Collection
from pathlib import Path

from confection import Config
from spacy.language import Language
from spacy.util import get_package_path, is_package, load_config, load_meta, load_model

from ..errors import Errors

INT8 = {"engine": "onnx", "precision": "int8"}


def load_pipeline(name: str, *, int8: bool = False) -> Language:
    """Load a pipeline to annotate with. Japanese readings and inflections, which nothing reads and which spaCy never
    forgets, are left out.

    name (str): A package or a folder.
    int8 (bool): Run its transformers, if it has any, in int8, with ONNX Runtime. Default: False (as they were saved).
    RETURNS (Language): The pipeline.
    """
    nlp = load_model(name, config=_int8_settings(name) if int8 else {})
    if hasattr(nlp.tokenizer, "readings"):
        nlp.tokenizer.readings = False
    return nlp


def read_config(name: str) -> Config:
    """Read the config of a pipeline, which is not loaded.

    name (str): A package or a folder.
    RETURNS (Config): The config.
    """
    folder = Path(name)
    if is_package(name):
        package = get_package_path(name)
        meta = load_meta(package / "meta.json")
        folder = package / f"{meta['lang']}_{meta['name']}-{meta['version']}"
    return load_config(folder / "config.cfg")


def check_int8(names: Collection[str]) -> None:
    """Check that something runs in int8.

    names (Collection[str]): The packages or folders of the pipelines.
    RAISES (ValueError): If none of them has a transformer.
    """
    if not any(map(_transformers, names)):
        raise ValueError(Errors.M756.format(models=", ".join(names)))


def _int8_settings(name: str) -> dict[str, str]:
    return {f"components.{key}.{setting}": value for key in _transformers(name) for setting, value in INT8.items()}


def _transformers(name: str) -> list[str]:
    components = read_config(name)["components"]
    return [key for key, component in components.items() if component.get("factory") == "mre_transformer"]
