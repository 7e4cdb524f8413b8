"""Train one variant on one data set, and measure it: one JSON file per run."""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import spacy
import yaml
from spacy.language import Language
from thinc.api import Config

from spacy_mre.annotations.entities import get_entities
from spacy_mre.evaluation.runs import load_run, measure, read_examples, save_run
from spacy_mre.pipeline.multi_ner.heads import WITH_WEIGHTS

from .grid import DATASETS, VARIANTS, Dataset, has_gpu, make_config

ATTENDING_TEXTS = 100
# What a run is, beside what is measured of it.
ABOUT = ("dataset", "variant", "seed", "encoder", "updates", "batch", "limit", "seconds", "dev_spans_f")


def run(
    path: Path,
    name: str,
    kind: str,
    seed: int,
    *,
    updates: int | None,
    batch: int | None,
    transformer: str | None,
    limit: int,
) -> None:
    """Train a variant, and keep what the best of its models on dev does on test.

    path (Path): The JSON file of the run. The model stays, see `models_of`.
    name, kind, seed: Data set, variant and seed.
    updates, batch (Optional[int]): Instead of the data set's.
    transformer (Optional[str]): A model of the Hugging Face hub, in place of the encoder for a CPU.
    limit (int): Read so many documents of each part only; 0 for all.
    """
    dataset = DATASETS[name]
    for step in missing_steps(dataset):
        subprocess.run([sys.executable, "-m", "spacy", "project", "run", step, "."], check=True)
    config = make_config(dataset, VARIANTS[kind], transformer)
    set_budget(config, dataset, updates or dataset.updates, batch or dataset.batch, seed, limit)
    folder = models_of(path)
    folder.mkdir(parents=True, exist_ok=True)
    config.to_disk(folder / "config.cfg")
    start = time.perf_counter()
    device = ["--gpu-id", "0"] if has_gpu() else []
    subprocess.run(
        [sys.executable, "-m", "spacy", "train", folder / "config.cfg", "--output", folder, *device], check=True
    )
    nlp = load(folder)
    about = {
        "dataset": name,
        "variant": kind,
        "seed": seed,
        "encoder": transformer or ("MiniLM" if dataset.exact else "ja_ginza"),
        "updates": config["training"]["max_steps"],
        "batch": config["training"]["batcher"]["size"],
        "limit": limit,
        "seconds": round(time.perf_counter() - start),
        "dev_spans_f": nlp.meta["performance"]["spans_entities_f"],
    }
    save(path, nlp, about)


def score_again(path: Path) -> bool:
    """Measure the model of a run once more, after a change of what is measured. What was said of its training stays.

    path (Path): The JSON file of the run.
    RETURNS (bool): Whether the model was still there.
    """
    folder = models_of(path)
    if not (folder / "model-best").exists():
        return False
    record = load_run(path)
    save(path, load(folder), {key: record[key] for key in ABOUT})
    return True


def models_of(path: Path) -> Path:
    """Where the models of a run stay: what is not committed lies in training/, under the name of the run and of its folder."""
    return Path("training") / path.parent.name / path.stem


def load(folder: Path) -> Language:
    if has_gpu():
        spacy.require_gpu()
    return spacy.load(folder / "model-best")


def save(path: Path, nlp: Language, about: dict[str, Any]) -> None:
    """Measure a model on the test part of its data set, and write the file of the run."""
    corpus, limit = Path(DATASETS[about["dataset"]].corpus), about["limit"]
    examples = read(nlp, corpus / "test.spacy", limit)
    in_training = count_types(nlp, corpus / "train.spacy", limit)
    seen = {"in_training": in_training, "attention": weights_between_types(nlp, examples)}
    save_run(path, {**about, "split": "test", **seen}, measure(nlp, examples))


def read(nlp: Language, path: str | Path, limit: int) -> list[Any]:
    return read_examples(nlp.config, nlp, path)[: limit or None]


def count_types(nlp: Language, path: Path, limit: int) -> dict[str, int]:
    """How many entities of each type a part has, the most frequent type first."""
    found: Counter = Counter()
    for eg in read(nlp, path, limit):
        found.update(span.label for span in get_entities(eg.reference) or ())
    return dict(found.most_common())


def weights_between_types(nlp: Language, examples: list[Any]) -> list[list[float]] | None:
    """How much the types attend to each other on some texts, a row for each that attends; None where none does."""
    if (
        not nlp.has_pipe("multi_ner")
        or nlp.get_pipe("multi_ner").model.get_ref("heads").attrs["config"]["type_attention"] not in WITH_WEIGHTS
    ):
        return None
    docs = [eg.predicted for eg in examples[:ATTENDING_TEXTS]]
    return [[round(float(weight), 4) for weight in row] for row in nlp.get_pipe("multi_ner").type_attention(docs)]


def set_budget(config: Config, dataset: Dataset, updates: int, batch: int, seed: int, limit: int) -> None:
    """Train for a number of updates; dev chooses among four states. Rates warm up in the first tenth."""
    training = config["training"]
    budget = {"max_steps": updates, "seed": seed, "max_epochs": 0, "patience": 0}
    training.update(budget, eval_frequency=max(updates // 4, 1), score_weights={"spans_entities_f": 1.0})
    training["batcher"]["size"] = batch
    for rate in ("learn_rate", "head_learn_rate", "layer_learn_rate"):
        if rate in training["optimizer"]:
            training["optimizer"][rate].update(warmup_steps=max(updates // 10, 1), total_steps=updates)
    config["system"].update(seed=seed, gpu_allocator="pytorch" if has_gpu() else None)
    for part in ("train", "dev"):
        config["corpora"][part].update(path=f"{dataset.corpus}/{part}.spacy", limit=limit, tokens=dataset.tokens)


def missing_steps(dataset: Dataset) -> list[str]:
    """The commands to run where the corpus is not in place."""
    commands = {
        command["name"] for command in yaml.safe_load(Path("project.yml").read_text(encoding="utf8"))["commands"]
    }
    assert commands >= set(dataset.steps), dataset.steps
    parts = [Path(dataset.corpus) / f"{part}.spacy" for part in ("train", "dev", "test")]
    return [] if all(part.exists() for part in parts) else dataset.steps
