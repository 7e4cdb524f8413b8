"""The names of the pipelines that are served."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.util import get_package_path, is_package, load_meta

from ..errors import Errors

NAMED = re.compile(r"(?P<name>[\w.-]+)=(?P<path>.+)")


def name_pipelines(given: Iterable[str]) -> dict[str, str]:
    """Find the names of pipelines. Nothing is loaded.

    given (Iterable[str]): Packages or folders, or NAME=PACKAGE or NAME=FOLDER.
    RETURNS (dict[str, str]): The package or folder of each name, in order. Without a name, it is that of the pipeline,
        with its language, as in "en_core_web_sm".
    RAISES (ValueError): If there is no pipeline, or two have the same name.
    """
    found: dict[str, str] = {}
    for each in given:
        named = None if Path(each).exists() else NAMED.fullmatch(each)
        model = named["path"] if named else each
        own_name = _read_name(model)
        name = named["name"] if named else own_name
        if name in found:
            raise ValueError(Errors.M754.format(name=name, first=found[name], second=model))
        found[name] = model
    return found


def read_about(model: str) -> dict[str, Any]:
    """Read what a pipeline says about itself. It is not loaded.

    model (str): A package or a folder.
    RETURNS (dict[str, Any]): Its meta.json: "lang", "name", "version" and others.
    RAISES (ValueError): If there is no pipeline.
    """
    if is_package(model):
        folder = get_package_path(model)
    elif (Path(model) / "meta.json").is_file():
        folder = Path(model)
    else:
        raise ValueError(Errors.M753.format(model=model))
    return load_meta(folder / "meta.json")


def _read_name(model: str) -> str:
    meta = read_about(model)
    return f"{meta['lang']}_{meta['name']}"
