"""Multi-NER against its controls: `python -m benchmarks.multi_ner run --dataset genia --variant multi_ner --seed 0`, then `summary`.

Every run is one JSON file in benchmarks/runs/multi_ner, so that an interrupted grid can be taken up; `summary` writes
benchmarks/results/multi_ner.json, and `python -m benchmarks.tables` the tables of docs/multi_ner.md. All variants of a data set have the same encoder,
updates, batches and learning rate of the encoder. On a machine with a GPU (and cupy) they run there.
"""

import subprocess
import sys
import time
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional

import srsly
import typer
import yaml
from thinc.api import Config

RUNS = Path("benchmarks/runs/multi_ner")
RESULTS = Path("benchmarks/results/multi_ner.json")
PACKAGES = ["spacy", "spacy-transformers", "transformers", "torch", "thinc", "numpy", "ja_ginza", "SudachiPy", "SudachiDict-core"]
MINILM = {
    "@architectures": "spacy_mre.MiniLM.v1",
    "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 256, "stride": 192},
}


@dataclass
class Dataset:
    """What is trained on, and with what.

    config (str): Of Multi-NER.
    peer (str): A config with spert_mt on the same encoder.
    steps (List[str]): Commands of project.yml that put the corpus in place.
    corpus (str): Its folder.
    multi_ner, spert_mt (Dict[str, Any]): Settings of the components.
    updates, batch (int): The budget.
    exact (bool): The exact interaction is the main one; else late interaction is (a CNN sees questions from near only).
    """

    config: str
    peer: str
    steps: List[str]
    corpus: str
    updates: int
    batch: int
    multi_ner: Dict[str, Any]
    spert_mt: Dict[str, Any]
    tokens: str = "gold"
    exact: bool = True


DATASETS = {
    "genia": Dataset(
        config="configs/multi_ner_genia.cfg",
        peer="configs/conll04.cfg",
        steps=["fetch-genia", "convert-genia"],
        corpus="corpus/genia",
        updates=1500,
        batch=4,
        multi_ner={"questions": "genia", "overlap": "nested"},
        spert_mt={"overlap": "nested"},
    ),
    "conll04": Dataset(
        config="configs/multi_ner_genia.cfg",
        peer="configs/conll04.cfg",
        steps=["fetch-conll04", "convert-conll04"],
        corpus="corpus/conll04",
        updates=1500,
        batch=4,
        multi_ner={"questions": "conll04", "overlap": "flat"},
        spert_mt={"overlap": "flat"},
    ),
    "snips": Dataset(
        config="configs/multi_ner_genia.cfg",
        peer="configs/conll04.cfg",
        steps=["fetch-snips", "convert-snips"],
        corpus="corpus/snips",
        updates=1500,
        batch=4,
        multi_ner={"questions": "snips", "overlap": "flat"},
        spert_mt={"overlap": "flat"},
    ),
    "stockmark": Dataset(
        config="configs/multi_ner_stockmark.cfg",
        peer="configs/ja_cpu.cfg",
        steps=["fetch-stockmark", "convert-stockmark"],
        corpus="corpus/stockmark",
        updates=3000,
        batch=8,
        multi_ner={"questions": "stockmark", "overlap": "flat"},
        spert_mt={"overlap": "flat"},
        tokens="tokenizer",
        exact=False,
    ),
}


@dataclass
class Variant:
    """What is trained.

    about (str): For the tables.
    component (str): The component that finds the entities.
    model (Dict[str, Any]): Settings of its model.
    interaction (str): Of multi_ner: "main", that of the data set, or "late".
    """

    about: str
    component: str = "multi_ner"
    model: Dict[str, Any] = field(default_factory=dict)
    interaction: str = "main"


VARIANTS = {
    "bert_mrc": Variant("no attention between types, shared heads", model={"type_attention": "none", "heads": "shared"}),
    "bert_mrc_per_type": Variant("no attention between types, heads per type", model={"type_attention": "none", "heads": "per_type"}),
    "multi_ner": Variant("attention at each token, heads per type", model={"type_attention": "token", "heads": "per_type"}),
    "multi_ner_shared": Variant("attention at each token, shared heads", model={"type_attention": "token", "heads": "shared"}),
    "multi_ner_full": Variant("attention over the whole text, heads per type", model={"type_attention": "full", "heads": "per_type"}),
    "multi_ner_released": Variant(
        "attention as in the authors' code, heads per type", model={"type_attention": "released", "heads": "per_type"}
    ),
    "late": Variant("late interaction, attention at each token, heads per type", model={"type_attention": "token"}, interaction="late"),
    "late_bert_mrc": Variant("late interaction, no attention, heads per type", model={"type_attention": "none"}, interaction="late"),
    "spert_mt": Variant("SpERT.MT, entities only", component="spert_mt"),
    "spancat": Variant("spaCy's spancat", component="spancat"),
}

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command("run")
def run_cli(
    dataset: Annotated[List[str], typer.Option(help="A data set; may be repeated.")] = ["genia", "conll04", "stockmark"],
    variant: Annotated[List[str], typer.Option(help="A variant; may be repeated.")] = list(VARIANTS),
    seed: Annotated[List[int], typer.Option(help="A seed; may be repeated.")] = [0, 1, 2],
    updates: Annotated[Optional[int], typer.Option(help="Instead of the data set's budget.")] = None,
    batch: Annotated[Optional[int], typer.Option(help="Documents per update, instead of the data set's.")] = None,
    transformer: Annotated[
        Optional[str], typer.Option(help="A model of the Hugging Face hub for all variants, instead of the CPU's encoder.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Read so many documents of each part only: to try the machinery.")] = 0,
    runs: Annotated[Path, typer.Option(help="Where the runs are kept.")] = RUNS,
    again: Annotated[bool, typer.Option("--again", help="Also what was run already.")] = False,
) -> None:
    """Train and test, and keep one JSON file per run. A run that is there already is passed over."""
    for name in dataset:
        for kind in variant:
            if VARIANTS[kind].interaction == "late" and not (DATASETS[name].exact or transformer):
                continue  # the main one is late already
            for number in seed:
                place = runs / "-".join([name, *([transformer.split("/")[-1]] if transformer else []), kind, str(number)])
                if again or not place.with_suffix(".json").exists():
                    typer.echo(f"{place.name}")
                    row = run(name, kind, number, place, updates=updates, batch=batch, transformer=transformer, limit=limit)
                    srsly.write_json(place.with_suffix(".json"), row)


@app.command("summary")
def summary_cli(
    runs: Annotated[Path, typer.Option(help="Where the runs are kept.")] = RUNS,
    output: Annotated[Path, typer.Option(help="The file to write.")] = RESULTS,
) -> None:
    """Put all runs into one file."""
    rows = [srsly.read_json(path) for path in sorted(runs.glob("*.json"))]
    order = list(VARIANTS)
    rows.sort(key=lambda row: (row["dataset"], row["encoder"], order.index(row["variant"]), row["seed"]))
    output.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_json(output, {"command": "python -m benchmarks.multi_ner run", "versions": versions(), "rows": rows})
    typer.echo(f"{len(rows)} runs in {output}")


def run(
    name: str, kind: str, seed: int, place: Path, *, updates: Optional[int], batch: Optional[int], transformer: Optional[str], limit: int
) -> Dict[str, Any]:
    """Train and test once, and make a row of what was measured."""
    dataset, gpu = DATASETS[name], has_gpu()
    for step in missing_steps(dataset):
        subprocess.run([sys.executable, "-m", "spacy", "project", "run", step, "."], check=True)
    config = make_config(dataset, VARIANTS[kind], transformer)
    training = config["training"]
    budget = {"max_steps": updates or dataset.updates, "seed": seed, "max_epochs": 0, "patience": 0}
    training.update(budget, eval_frequency=max(budget["max_steps"] // 4, 1), score_weights={"spans_entities_f": 1.0})
    training["batcher"]["size"] = batch or dataset.batch
    for rate in ("learn_rate", "head_learn_rate", "layer_learn_rate"):
        if rate in training["optimizer"]:
            training["optimizer"][rate]["warmup_steps"] = max(budget["max_steps"] // 10, 1)
            training["optimizer"][rate]["total_steps"] = budget["max_steps"]
    config["system"].update(seed=seed, gpu_allocator="pytorch" if gpu else None)
    for part in ("train", "dev"):
        config["corpora"][part].update(path=f"{dataset.corpus}/{part}.spacy", limit=limit, tokens=dataset.tokens)
    place.mkdir(parents=True, exist_ok=True)
    config.to_disk(place / "config.cfg")
    start = time.perf_counter()
    device = ["--gpu-id", "0"] if gpu else []
    subprocess.run([sys.executable, "-m", "spacy", "train", place / "config.cfg", "--output", place / "model", *device], check=True)
    seconds = time.perf_counter() - start
    return {
        "dataset": name,
        "variant": kind,
        "seed": seed,
        "split": "test",
        "dev_spans_f": srsly.read_json(place / "model" / "model-best" / "meta.json")["performance"]["spans_entities_f"],
        **test(place / "model" / "model-best", dataset, gpu, limit),
        "rel_f": None,
        "rel_strict_f": None,
        "cats_macro_f": None,
        "seconds": round(seconds),
        "encoder": transformer or ("MiniLM" if dataset.exact else "ja_ginza"),
        "updates": budget["max_steps"],
        "batch": training["batcher"]["size"],
        "device": "gpu" if gpu else "cpu",
        "versions": versions(),
    }


def test(model: Path, dataset: Dataset, gpu: bool, limit: int) -> Dict[str, Any]:
    """Score the test part, all types and each, and time the prediction."""
    import spacy

    from spacy_mre.entities import get_entities
    from spacy_mre.evaluation.scorers import score_entities
    from spacy_mre.training.corpus import Corpus

    if gpu:
        spacy.require_gpu()
    nlp = spacy.load(model)
    examples = list(Corpus(f"{dataset.corpus}/test.spacy", tokens=dataset.tokens, limit=limit)(nlp))
    start = time.perf_counter()
    for eg, doc in zip(examples, nlp.pipe(eg.predicted for eg in examples)):
        eg.predicted = doc
    seconds = time.perf_counter() - start
    scores = score_entities(examples)
    per_type = scores["spans_entities_per_type"] or {}
    in_training: Counter = Counter()
    for eg in Corpus(f"{dataset.corpus}/train.spacy", limit=limit)(nlp):
        in_training.update(span.label for span in get_entities(eg.reference) or ())
    rare = [label for label, _ in in_training.most_common()][(len(in_training) + 1) // 2 :]
    of_rare = [per_type[label]["f"] for label in rare if label in per_type]
    return {
        "spans_f": scores["spans_entities_f"],
        "spans_p": scores["spans_entities_p"],
        "spans_r": scores["spans_entities_r"],
        "spans_macro_f": scores["spans_entities_macro_f"],
        "ents_f": scores["ents_f"],
        "rare_macro_f": sum(of_rare) / len(of_rare) if of_rare else None,
        "rare": rare,
        "per_type": {label: {**values, "in_training": in_training[label]} for label, values in per_type.items()},
        "words_per_second": round(sum(len(eg.predicted) for eg in examples) / seconds),
    }


def make_config(dataset: Dataset, variant: Variant, transformer: Optional[str]) -> Config:
    """The training config of a variant: that of Multi-NER, or that of its peers with the same encoder."""
    if variant.component == "multi_ner":
        config = Config().from_disk(dataset.config, interpolate=False)
        component = config["components"]["multi_ner"]
        component.update(dataset.multi_ner)
        component["model"].update(variant.model)
        if dataset.exact:
            # Every text is read with every question: in bfloat16 an update takes 0.6 of the time on a CPU that computes in it, for all variants.
            component["model"]["interaction"]["transformer"]["mixed_precision"] = True
        if transformer is not None:
            component["model"]["interaction"] = exact_interaction(hub(transformer))
            config["nlp"]["pipeline"] = ["multi_ner"]
            config["components"] = {"multi_ner": component}
            train_as_transformer(config, "configs/multi_ner_genia.cfg")
        if variant.interaction == "late":
            component["model"]["interaction"] = late_interaction(hub(transformer) if transformer else MINILM)
        return config
    config = Config().from_disk(dataset.peer, interpolate=False)
    stock = Config().from_disk("configs/stock.cfg", interpolate=False)
    encoder = "transformer" if dataset.exact or transformer else "tok2vec"
    if transformer is not None:
        config["components"]["transformer"] = {"factory": "transformer", "max_batch_items": 4096, "model": hub(transformer)}
        config["components"]["spert_mt"]["model"]["encoder"] = {"@architectures": "spacy_mre.TransformerEncoder.v1"}
        train_as_transformer(config, "configs/conll04.cfg")
    config["nlp"]["pipeline"] = [encoder, variant.component, "doc_cleaner"]
    if variant.component == "spert_mt":
        config["components"]["spert_mt"].update(dataset.spert_mt)
    else:
        # The widest span is the same for all.
        spancat = stock["components"]["spancat"]
        spancat["suggester"]["max_size"] = config["components"]["spert_mt"]["model"]["max_width"]
        if encoder == "tok2vec":
            spancat["model"]["tok2vec"] = deepcopy(config["components"]["spert_mt"]["model"]["encoder"]["tok2vec"])
        config["components"]["spancat"] = spancat
        config["training"]["optimizer"] = {**config["training"]["optimizer"], **layer_rate(stock, encoder)}
    kept = {name: config["components"][name] for name in config["nlp"]["pipeline"]}
    config["components"] = kept
    return config


def train_as_transformer(config: Config, like: str) -> None:
    """Rates that are right for a tok2vec are far too high for a transformer, which needs no vectors either."""
    config["training"] = Config().from_disk(like, interpolate=False)["training"]
    config.pop("initialize", None)


def layer_rate(stock: Config, encoder: str) -> Dict[str, Any]:
    """The rate of stock layers over a transformer; beside a tok2vec they share its rate."""
    return {"layer_learn_rate": stock["training"]["optimizer"]["layer_learn_rate"]} if encoder == "transformer" else {}


def exact_interaction(model: Dict[str, Any]) -> Dict[str, Any]:
    return {"@architectures": "spacy_mre.CrossTransformer.v1", "transformer": model}


def late_interaction(model: Dict[str, Any]) -> Dict[str, Any]:
    tok2vec = {"@architectures": "spacy_mre.TransformerTok2Vec.v1", "transformer": model}
    return {
        "@architectures": "spacy_mre.LateInteraction.v1",
        "encoder": {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": tok2vec},
    }


def hub(name: str) -> Dict[str, Any]:
    """A model of the hub."""
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": name,
        "get_spans": MINILM["get_spans"],
        "tokenizer_config": {"use_fast": True},
        "transformer_config": {},
        "mixed_precision": has_gpu(),
        "grad_scaler_config": {},
    }


def missing_steps(dataset: Dataset) -> List[str]:
    """The commands to run where the corpus is not in place."""
    commands = {command["name"] for command in yaml.safe_load(Path("project.yml").read_text(encoding="utf8"))["commands"]}
    assert commands >= set(dataset.steps), dataset.steps
    parts = [Path(dataset.corpus) / f"{part}.spacy" for part in ("train", "dev", "test")]
    return [] if all(part.exists() for part in parts) else dataset.steps


def has_gpu() -> bool:
    import torch
    from thinc.compat import has_cupy_gpu

    return torch.cuda.is_available() and has_cupy_gpu


def versions() -> Dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    app()
