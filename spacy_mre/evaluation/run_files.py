"""The JSON file of a run: its scores and counts, and what it was made with."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy
import srsly

from ..files import replacing
from .runs import Measured

PACKAGES = (
    "spacy-mre",
    "spacy",
    "spacy-transformers",
    "transformers",
    "torch",
    "thinc",
    "numpy",
    "ja_ginza",
    "SudachiPy",
    "SudachiDict-core",
)


def save_run(path: Path, about: Mapping[str, Any], measured: Measured) -> None:
    """Write the file of a run.

    path (Path): The JSON file.
    about (Mapping[str, Any]): What the run is: variant, seed, fingerprint, seconds and the like.
    measured (Measured): The scores.
    """
    counts = {layer: rows.T.tolist() for layer, rows in measured.counts.items()}
    record = {**about, "versions": get_versions(), "device": get_device(), **measured._asdict(), "counts": counts}
    write_run(path, record)


def write_run(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as the file of a run. The file is written whole or not at all.

    path (Path): The JSON file.
    record (Mapping[str, Any]): The content.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(record, ensure_ascii=False), encoding="utf8")


def load_run(path: Path) -> dict[str, Any]:
    """Read the file of a run that `save_run` wrote.

    path (Path): The JSON file.
    RETURNS (dict[str, Any]): The content. Counts are arrays, documents x counts.
    """
    record = srsly.read_json(path)
    record["counts"] = {layer: numpy.array(columns, dtype=numpy.int64).T for layer, columns in record["counts"].items()}
    return record


def is_made(path: Path, trained_as: str, *, needed: Collection[str] = ()) -> bool:
    """Check whether a run has a file that was made with the same config.

    path (Path): The JSON file.
    trained_as (str): The `fingerprint` of the config, and what else the run depends on.
    needed (Collection[str]): The keys that the record must have. Default: none.
    RETURNS (bool): False also if the file has no fingerprint.
    """
    if not path.exists():
        return False
    record = srsly.read_json(path)
    return record.get("fingerprint") == trained_as and record.keys() >= set(needed)


def counts_of(runs: Iterable[Mapping[str, Any]], layer: str) -> list[numpy.ndarray]:
    """Collect the counts of one layer for `significance`.

    runs (Iterable[Mapping[str, Any]]): Results of `load_run`, of one system, by seed.
    layer (str): A key of the counts, for example "entities".
    RETURNS (list[numpy.ndarray]): Documents x counts, for each run. Empty if any run lacks the layer.
    """
    runs = list(runs)
    return [run["counts"][layer] for run in runs] if all(layer in run["counts"] for run in runs) else []


def get_versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Look up the versions of packages.

    packages (Sequence[str]): The packages. Default: those that results depend on.
    RETURNS (dict[str, str]): The version of each package that is installed.
    """
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def get_device() -> str:
    """RETURNS (str): The name of the GPU in use, or the number of CPU threads."""
    # torch takes a second to import, and only runs need it.
    import torch
    from thinc.api import get_current_ops

    if get_current_ops().device_type == "gpu":
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"
