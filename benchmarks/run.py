"""Train and score cells of the grid, each in its own process."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import srsly
from rich.console import Console
from spacy.language import Language
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_model

from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.storage import load_docs
from spacy_mre.evaluation.calibrate import calibrate
from spacy_mre.evaluation.calibration import measure_calibration
from spacy_mre.evaluation.run_config import fingerprint
from spacy_mre.evaluation.run_files import get_device, get_versions, write_run
from spacy_mre.evaluation.runs import measure, predict, read_examples, train_last
from spacy_mre.evaluation.significance import f1
from spacy_mre.evaluation.thresholds import find_component, tune_thresholds
from spacy_mre.pipeline.spert_mt.settings import PRESETS

from . import generative, results
from .grid import Cell, Grid

SCORES = ("spans_f", "spans_macro_f", "ents_f", "rel_f", "rel_strict_f", "given_rel_f", "cats_macro_f")
# Settings of the grid that are not in the config of a cell: how its texts are drawn, and how its data are used.
DRAWN, USED = ("shots", "without_shots"), ("limit", "select", "tune")
# Texts on which the attention between types is measured.
ATTENDING_TEXTS = 100
LOG_LINES = 15


def is_made(grid: Grid, cell: Cell) -> bool:
    """RETURNS (bool): Whether the cell has a run that was made with its current config and settings."""
    if not cell.path.exists():
        return False
    run, settings = srsly.read_json(cell.path), settings_of(grid, cell)
    # Runs that were made before settings were stored are kept.
    return run["fingerprint"] == fingerprint_of(grid, cell) and run.get("settings", settings) == settings


def run_cells(
    grid: Grid, cells: Sequence[Cell], console: Console, *, jobs: int = 1, gpu: int = -1, keep_models: bool = False
) -> list[Cell]:
    """Run cells in processes, several at a time, and record each run when it is done. A failed run stops no other.

    grid (Grid): The grid.
    cells (Sequence[Cell]): The cells.
    console (Console): Shows what is done.
    jobs (int): How many run at a time.
    gpu (int): The GPU, or -1 for the CPU.
    keep_models (bool): Leave the trained pipelines in their folders.
    RETURNS (list[Cell]): The cells that failed.
    """
    for cell in cells:
        grid.prepare(cell)
    failed = []
    threads = os.environ.get("OMP_NUM_THREADS") or str(max((os.cpu_count() or 1) // jobs, 1))
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_spawn, cell, gpu, keep_models, threads): cell for cell in cells}
        for number, future in enumerate(as_completed(futures), start=1):
            cell, log = futures[future], futures[future].folder / "log.txt"
            if future.result():
                failed.append(cell)
                told = [
                    f"failed, see {log}",
                    *log.read_text(encoding="utf8", errors="replace").splitlines()[-LOG_LINES:],
                ]
            else:
                run = srsly.read_json(cell.path)
                if not cell.updates:
                    results.record(grid, cell.suite, run)
                told = [_summary(row) for row in run["rows"]]
            for line in told:
                console.print(f"{number}/{len(cells)} {cell}: {line}", markup=False, highlight=False, soft_wrap=True)
    return failed


def _spawn(cell: Cell, gpu: int, keep_models: bool, threads: str) -> int:
    command = [sys.executable, "-m", "benchmarks", "one", *map(str, cell[:5]), "--gpu", str(gpu)]
    command += ["--updates", str(cell.updates)] if cell.updates else []
    command += ["--keep-models"] if keep_models else []
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONWARNINGS": "ignore::FutureWarning"}
    cell.folder.mkdir(parents=True, exist_ok=True)
    with (cell.folder / "log.txt").open("w", encoding="utf8") as log:
        return subprocess.run(command, env=environment, stdout=log, stderr=subprocess.STDOUT).returncode


def _summary(row: dict[str, Any]) -> str:
    scores = [f"{name} {100 * value:.2f}" for name, value in row.items() if name.endswith("_f") and value is not None]
    return f"{', '.join(scores)} ({row['seconds']:.0f} s)"


def run_cell(grid: Grid, cell: Cell, *, gpu: int = -1, keep_models: bool = False) -> None:
    """Train and score a cell in this process, and write its run.

    grid (Grid): The grid.
    cell (Cell): The cell.
    gpu (int): The GPU, or -1 for the CPU.
    keep_models (bool): Leave the trained pipeline in the cell's folder.
    """
    config = grid.config(cell)
    _set_preset(grid.setting(cell, "preset", {}))
    start = grid.start(cell)
    try:
        if start is not None:
            _train(grid, start, cell.start_folder, gpu)
        started = time.perf_counter()
        nlp = _train(grid, cell, cell.folder, gpu)
        seconds = time.perf_counter() - started
        examples = read_examples(config, nlp, grid.part(cell, "test"))[: grid.setting(cell, "limit")]
        if _is_tuned(grid, cell, nlp):
            dev = read_examples(config, nlp, grid.part(cell, "dev"))
            calibrate(nlp, dev)
            tune_thresholds(nlp, dev)
        about = {
            **dict(zip(("phase", "dataset", "variant", "seed"), cell[1:5])),
            "split": grid.part(cell, "test").stem,
            "trained_on": grid.train_part(cell).stem,
            "updates": 0 if grid.setting(cell, "updates") == 0 else config["training"]["max_steps"],
            "batch": config["training"]["batcher"].get("size"),
            "seconds": round(seconds, 1),
            "device": get_device(),
            "commit": results.get_commit(),
            "versions": get_versions(),
        }
        measuring = generative.measure_strings if cell.suite == "generative" else _measure
        rows, counts = measuring(grid, cell, nlp, examples)
        rows = [{**about, **row} for row in rows]
        made_with = {"fingerprint": fingerprint_of(grid, cell), "settings": settings_of(grid, cell)}
        write_run(cell.path, {**made_with, "rows": rows, "counts": counts})
    finally:
        for model in () if keep_models else ("model-last", "model-best", cell.start_folder.name):
            shutil.rmtree(cell.folder / model, ignore_errors=True)


def fingerprint_of(grid: Grid, cell: Cell) -> str:
    """RETURNS (str): What the weights of a cell were made with: the hash of its config; and the changes of its preset,
    how its texts were drawn, and the fingerprint of its start, if it has any."""
    values = dict(sorted(grid.setting(cell, "preset", {}).items()))
    values.update({name: grid.setting(cell, name) for name in DRAWN if grid.setting(cell, name) is not None})
    start = grid.start(cell)
    if start is not None:
        values["start"] = f"({fingerprint_of(grid, start)})"
    return fingerprint(grid.config(cell)) + "".join(f" {name}={value}" for name, value in values.items())


def settings_of(grid: Grid, cell: Cell) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): What determines a run besides: its data, and how they are used. It is no part of the
    fingerprint, which runs without it have too."""
    return {
        "corpus": grid.corpora[grid.suites[cell.suite]["datasets"][cell.dataset]["corpus"]],
        "train": grid.part(cell, "train").stem,
        "test": grid.part(cell, "test").stem,
        "is_trained": grid.setting(cell, "updates") != 0,
        **{name: grid.setting(cell, name) for name in USED},
    }


def _set_preset(changes: dict[str, Any]) -> None:
    """Change what no setting changes, in this process: one idea of SpERT.MT, to measure what it is worth."""
    PRESETS["spert_mt"] = replace(PRESETS["spert_mt"], **changes)


def _train(grid: Grid, cell: Cell, folder: Path, gpu: int) -> Language:
    """The pipeline with its last weights, or the best ones on dev if the phase selects them."""
    config = grid.config(cell)
    if grid.setting(cell, "updates") == 0:
        return init_nlp(config, use_gpu=gpu)
    last = train_last(config, folder, gpu=gpu)
    if not grid.setting(cell, "select"):
        return last
    return load_model(folder / "model-best")


def _measure(grid: Grid, cell: Cell, nlp: Language, examples: list[Example]) -> tuple[list[dict], dict[str, Any]]:
    """One row of scores, and the counts of each document."""
    predicted = predict(nlp, examples)
    measured = measure(nlp, examples, predicted)
    suite = grid.suites[cell.suite]
    scores = {name: measured.scores.get(name) for name in (*SCORES, *suite["compare"], *suite.get("extra", ()))}
    row: dict[str, Any] = {**scores, "mistakes": measured.mistakes, "documents": measured.documents}
    known = {_plain(doc.text) for doc in load_docs(grid.train_part(cell))}
    is_new = numpy.array([_plain(eg.reference.text) not in known for eg in examples])
    row["seen"] = int((~is_new).sum())
    for score, layer in suite["compare"].items():
        if layer in measured.counts and measured.counts[layer].shape[1] == 3:
            unseen = measured.counts[layer][is_new].sum(axis=0)
            row[f"unseen_{score}"] = None if row[score] is None else float(f1(unseen))
    if _is_tuned(grid, cell, nlp):
        pipe = find_component(nlp)
        # None where dev has no gold to choose one on.
        thresholds = pipe.entity_threshold, pipe.relation_threshold
        row["thresholds"] = [None if one is None else round(one, 2) for one in thresholds]
        found = measure_calibration(predicted, spans_key=pipe.spans_key, symmetric=pipe.symmetric)
        row["calibration"] = {level: [of.error, of.chance] for level, of in found.items()}
    if cell.suite == "multi_ner":
        row.update(_types(grid, cell, nlp, examples, measured.per_type.get("spans_per_type", {})))
    return [row], {layer: counts.tolist() for layer, counts in measured.counts.items()}


def _is_tuned(grid: Grid, cell: Cell, nlp: Language) -> bool:
    """Whether the phase chooses thresholds, and the pipeline has any."""
    return bool(grid.setting(cell, "tune")) and any(hasattr(pipe, "entity_threshold") for _, pipe in nlp.pipeline)


def _plain(text: str) -> str:
    return "".join(text.split()).lower()


def _types(grid: Grid, cell: Cell, nlp: Language, examples: list[Example], per_type: dict[str, Any]) -> dict[str, Any]:
    """What the suite multi_ner also keeps: the score on dev, F1 of each type and of the rarer half of them, and how
    much the types attend to each other."""
    in_training: Counter = Counter()
    for eg in read_examples(nlp.config, nlp, grid.part(cell, "train")):
        in_training.update(span.label for span in get_entities(eg.reference) or ())
    by_count = [label for label, _ in in_training.most_common()]
    rare = [per_type[label]["f"] for label in by_count[(len(by_count) + 1) // 2 :] if label in per_type]
    attention = None
    if nlp.has_pipe("multi_ner"):
        pipe: Any = nlp.get_pipe("multi_ner")
        if grid.config(cell)["components"]["multi_ner"]["model"]["type_attention"] != "none":
            weights = pipe.type_attention([eg.predicted for eg in examples[:ATTENDING_TEXTS]])
            attention = [[round(float(weight), 4) for weight in row] for row in weights]
    return {
        "dev_spans_f": nlp.meta["performance"].get("spans_entities_f"),
        "rare_macro_f": sum(rare) / len(rare) if rare else None,
        "in_training": dict(in_training.most_common()),
        "per_type": {label: {key: of[key] for key in ("f", "support")} for label, of in per_type.items()},
        "attention": attention,
    }
