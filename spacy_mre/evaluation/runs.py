"""How is one pipeline trained and measured, so that it can be compared with others? By a stated number of updates, on its last weights,
and document by document; what came out is one JSON file per run, and a run that has its file is not made again.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy
import srsly
from spacy.language import Language
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import get_lang_class, load_model, registry
from thinc.api import Config, require_cpu, require_gpu

from ..errors import Errors
from .counts import Counts, count_documents
from .evaluate import MODES, OVERLAP, get_spans_key, get_symmetric, give_gold_entities, taking_given_entities
from .mistakes import find_mistakes
from .scorers import score_cats, score_joint
from .significance import f1

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
# Where files lie and how a run is logged says nothing of what is trained.
UNESSENTIAL = ("paths", "system", "corpora")
LOGGER = {"@loggers": "spacy.ConsoleLogger.v1", "progress_bar": False}
# The evaluation while training is only for the log.
LOGGED_DOCUMENTS = 50


class Measured(NamedTuple):
    """What one run is kept for.

    scores (Dict[str, Optional[float]]): The scores of the layers that the pipeline predicts, after `overlap_` where borders are forgiven, and after
        `given_` those of the relations between given entities; a layer that it does not predict is None.
    per_type (Dict[str, Any]): P, R, F (and support) of every label, by key.
    counts (Dict[str, numpy.ndarray]): See `count_documents`; after "overlap_" where borders are forgiven; "given_relations" are those between given
        entities, on all documents.
    mistakes (Dict[str, Any]): What is right, wrong and missed of entities and relations by kind, see `find_mistakes`.
    documents (str): A fingerprint of the texts: runs with the same one can be compared.
    """

    scores: dict[str, float | None]
    per_type: dict[str, Any]
    counts: Counts
    mistakes: dict[str, Any]
    documents: str


# Before training: the config


def set_values(config: Config, values: Mapping[str, Any]) -> Config:
    """Change a config.

    config (Config): The config, not interpolated; it stays as it is.
    values (Mapping[str, Any]): By dotted key. Sections that do not exist are made; a value may be a whole block.
    RETURNS (Config): A changed copy.
    """
    changed = config.copy()
    for key, value in values.items():
        *sections, name = key.split(".")
        section = changed
        for part in sections:
            section = section.setdefault(part, {})
        section[name] = value
    return changed


def set_budget(config: Config, *, updates: int, seed: int, train: str | Path, dev: str | Path) -> Config:
    """Make a config train for a number of updates and keep the last weights. Steps of schedules shrink or grow with the number.

    config (Config): The config, not interpolated; it stays as it is.
    updates (int): The `max_steps`.
    seed (int): Of the training, and of every component with a seed of its own.
    train (Union[str, Path]): The training documents.
    dev (Union[str, Path]): Documents of which some are evaluated at the start and the end, for the log alone.
    RETURNS (Config): A changed copy.
    RAISES (ValueError): A config without corpora or optimizer.
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
        f"{training['train_corpus']}.path": str(train),
        f"{training['dev_corpus']}.path": str(dev),
    }
    if "system" in config:
        values["system.seed"] = seed
    reader = _section(plain, training["dev_corpus"])
    if "@readers" in reader and "limit" in signature(registry.get("readers", reader["@readers"])).parameters:
        values[f"{training['dev_corpus']}.limit"] = LOGGED_DOCUMENTS
    for name in plain["nlp"]["pipeline"]:
        if "seed" in _factory_defaults(plain, name):
            values[f"components.{name}.seed"] = seed
    if training.get("max_steps"):
        ratio = updates / training["max_steps"]
        for name, schedule in training["optimizer"].items():
            for setting in ("warmup_steps", "total_steps"):
                # One that follows [training] max_steps does so by itself.
                if isinstance(schedule, dict) and isinstance(config["training"]["optimizer"][name].get(setting), int):
                    values[f"training.optimizer.{name}.{setting}"] = max(1, round(schedule[setting] * ratio))
    return set_values(config, values)


def fingerprint(config: Config, *, leave_out: Collection[str] = ()) -> str:
    """Tell apart what is trained differently, by the config with all defaults of its architectures and factories: a changed default is another
    fingerprint, another place of files or another logger is not.

    config (Config): The config.
    leave_out (Collection[str]): Settings of components that do not matter, as those that are read in prediction alone.
    RETURNS (str): Twelve hexadecimal digits.
    """
    plain = config.interpolate()
    corpora = {
        name: {key: value for key, value in reader.items() if key not in ("path", "limit")}
        for name, reader in plain.get("corpora", {}).items()
    }
    kept = {name: section for name, section in plain.items() if name not in UNESSENTIAL}
    kept["training"] = {key: value for key, value in kept["training"].items() if key not in ("logger", "gpu_allocator")}
    kept["components"] = {
        name: {key: value for key, value in settings_of(plain, name).items() if key not in leave_out}
        for name in plain["nlp"]["pipeline"]
    }
    filled = {name: fill_defaults(section) for name, section in {**kept, "corpora": corpora}.items()}
    return sha256(json.dumps(filled, sort_keys=True, default=str).encode("utf8")).hexdigest()[:12]


def component_meta(config: Mapping[str, Any], name: str):
    """What spaCy knows of the factory of a component.

    config (Mapping[str, Any]): An interpolated config.
    name (str): The component's name in the pipeline.
    RETURNS (Optional[FactoryMeta]): None for a component that comes from another pipeline.
    """
    factory = config["components"].get(name, {}).get("factory")
    if factory is None:
        return None
    Lang = get_lang_class(config["nlp"]["lang"])
    if not Lang.has_factory(factory):
        Language()  # the first pipeline reads the entry points
    return Lang.get_factory_meta(factory)


def fill_defaults(section: Any) -> Any:
    """A section of a config with the defaults of all registered functions in it."""
    return registry.fill({"section": section}, validate=False)["section"] if isinstance(section, dict) else section


def settings_of(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a config says of a component, and for the rest the defaults of its factory.

    config (Mapping[str, Any]): An interpolated config.
    name (str): The component's name in the pipeline.
    RETURNS (Dict[str, Any]): Its settings.
    """
    return {**_factory_defaults(config, name), **config["components"].get(name, {})}


def _factory_defaults(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    meta = component_meta(config, name)
    return {} if meta is None else dict(meta.default_config)


def _section(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    for part in key.split("."):
        config = config[part]
    return dict(config)


# Training and measuring


def train_last(config: Config, folder: Path, *, gpu: int = -1, log: IO | None = None) -> Language:
    """Train a pipeline, and load its last weights (averaged ones, where the optimizer keeps averages).

    config (Config): The config, as `set_budget` made it.
    folder (Path): Where spaCy writes `model-last`.
    gpu (int): The GPU, or -1 for the CPU.
    log (Optional[IO]): Where the lines of the training log go.
    RETURNS (Language): The pipeline.
    """
    require_gpu(gpu) if gpu >= 0 else require_cpu()
    if gpu >= 0:  # torch and CuPy take from one pool
        config = set_values(config, {"training.gpu_allocator": "pytorch"})
    folder.mkdir(parents=True, exist_ok=True)
    streams = {} if log is None else {"stdout": log, "stderr": log}
    train(init_nlp(config, use_gpu=gpu), folder, use_gpu=gpu, **streams)
    return load_model(folder / "model-last")


def read_examples(config: Config, nlp: Language, path: str | Path) -> list[Example]:
    """Read documents as the config reads those that it is evaluated on, with the same policy of tokens.

    config (Config): The config.
    nlp (Language): The pipeline.
    path (Union[str, Path]): The `.spacy` file.
    RETURNS (List[Example]): Gold, and bare documents to predict on.
    """
    plain = config.interpolate()
    reader = {**_section(plain, plain["training"]["dev_corpus"]), "path": str(path)}
    reader.pop("limit", None)
    return list(registry.resolve({"reader": reader})["reader"](nlp))


def predict(nlp: Language, examples: Iterable[Example]) -> list[Example]:
    """Predict on copies of the documents.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Gold, and bare documents, which stay as they are.
    RETURNS (List[Example]): Gold and predictions.
    """
    examples = list(examples)
    docs = nlp.pipe([eg.predicted.copy() for eg in examples])
    return [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]


def measure(nlp: Language, examples: Sequence[Example], predicted: Sequence[Example] | None = None) -> Measured:
    """Score a pipeline by our scorers, whichever its components have.

    nlp (Language): The pipeline.
    examples (Sequence[Example]): Gold, and bare documents.
    predicted (Optional[Sequence[Example]]): What `predict` gave for them, where that is known.
    RETURNS (Measured): See there.
    """
    cfgs = [getattr(pipe, "cfg", None) or {} for _, pipe in nlp.pipeline]
    spans_key, symmetric = get_spans_key(nlp), get_symmetric(nlp)
    texts = {"multi_label": any(cfg.get("multi_label") for cfg in cfgs), "threshold": _first(cfgs, "threshold", 0.5)}
    predicted = predict(nlp, examples) if predicted is None else list(predicted)
    counts = count_documents(predicted, spans_key=spans_key, symmetric=symmetric, **texts)
    results: dict[str, Any] = {}
    if "entities" in counts:
        joint = score_joint(predicted, spans_key=spans_key, symmetric=symmetric)
        if "relations" not in counts:
            joint = {key: value for key, value in joint.items() if not key.startswith("rel_")}
        results.update({key.replace(f"spans_{spans_key}_", "spans_"): value for key, value in joint.items()})
        forgiven = count_documents(predicted, spans_key=spans_key, symmetric=symmetric, borders="overlap")
        for layer, score in (("entities", "spans_f"), ("relations", "rel_f"), ("strict_relations", "rel_strict_f")):
            if layer in forgiven:
                counts[f"{OVERLAP}{layer}"] = forgiven[layer]
                results[f"{OVERLAP}{score}"] = float(f1(forgiven[layer].sum(axis=0)))
    if "texts" in counts:
        results.update(score_cats(predicted, **texts))
        results["cats_accuracy"] = float(counts["texts"][:, 0].sum() / max(counts["texts"][:, 1].sum(), 1))
    if any(cfg.get("entities") in MODES for cfg in cfgs):
        with taking_given_entities(nlp):
            given = predict(nlp, give_gold_entities(examples, spans_key))
        of_given = count_documents(given, spans_key=spans_key, symmetric=symmetric)
        if "relations" in of_given:
            rows = {id(eg.reference): row for eg, row in zip(given, of_given["relations"])}
            counts["given_relations"] = numpy.array(
                [rows.get(id(eg.reference), numpy.zeros(3, dtype=numpy.int64)) for eg in examples]
            )
            joint = score_joint(given, spans_key=spans_key, symmetric=symmetric)
            results.update({f"given_{key}": value for key, value in joint.items() if key.startswith("rel_")})
    return Measured(
        scores={key: value for key, value in results.items() if value is None or isinstance(value, (int, float))},
        per_type={key: value for key, value in results.items() if key.endswith("_per_type") and value},
        counts=counts,
        mistakes={
            name: each._asdict()
            for name, each in find_mistakes(predicted, spans_key=spans_key, symmetric=symmetric).items()
        },
        documents=_documents(examples),
    )


def _first(cfgs: Sequence[Mapping[str, Any]], name: str, default: Any) -> Any:
    return next((cfg[name] for cfg in cfgs if name in cfg), default)


def _documents(examples: Sequence[Example]) -> str:
    texts = ("".join(eg.reference.text.split()) for eg in examples)
    return sha256("\n".join(texts).encode("utf8")).hexdigest()[:12]


# One file per run


def save_run(path: Path, about: Mapping[str, Any], measured: Measured) -> None:
    """Write the file of a run, whole or not at all.

    path (Path): The JSON file.
    about (Mapping[str, Any]): What the run was: variant, seed, fingerprint, seconds, ...
    measured (Measured): What came out.
    """
    counts = {layer: rows.T.tolist() for layer, rows in measured.counts.items()}
    record = {**about, "versions": get_versions(), "device": get_device(), **measured._asdict(), "counts": counts}
    write_run(path, record)


def write_run(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as the file of a run, whole or not at all.

    path (Path): The JSON file.
    record (Mapping[str, Any]): What stands in the file of a run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_suffix(".part")
    begun.write_text(json.dumps(record, ensure_ascii=False), encoding="utf8")
    begun.replace(path)


def load_run(path: Path) -> dict[str, Any]:
    """Read the file of a run.

    path (Path): The JSON file.
    RETURNS (Dict[str, Any]): What `save_run` was given; the counts as arrays of documents x counts.
    """
    record = srsly.read_json(path)
    record["counts"] = {layer: numpy.array(columns, dtype=numpy.int64).T for layer, columns in record["counts"].items()}
    return record


def is_made(path: Path, trained_as: str) -> bool:
    """Whether a run has its file, made with the same config.

    path (Path): The JSON file.
    trained_as (str): The `fingerprint` of the config that is to be trained.
    RETURNS (bool): False also for a file that says nothing of its config.
    """
    return path.exists() and srsly.read_json(path).get("fingerprint") == trained_as


def counts_of(runs: Iterable[Mapping[str, Any]], layer: str) -> list[numpy.ndarray]:
    """The counts of one layer, one array per run, for `significance`.

    runs (Iterable[Mapping[str, Any]]): What `load_run` gave; runs of one system, by seed.
    layer (str): "entities", "relations", "strict_relations", "given_relations" or "texts".
    RETURNS (List[numpy.ndarray]): Documents x counts each; empty if a run lacks the layer.
    """
    runs = list(runs)
    return [run["counts"][layer] for run in runs] if all(layer in run["counts"] for run in runs) else []


def get_versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The versions of what is installed of some packages, by default of the stack."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def get_device() -> str:
    """What the run was made on: the name of the GPU in use, or how many threads of a CPU."""
    import torch
    from thinc.api import get_current_ops

    if get_current_ops().device_type == "gpu":
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"
