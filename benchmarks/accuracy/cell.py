"""Make one run: train a cell's config, score its last weights, and write the file of the run."""

import shutil
import subprocess
import time
from typing import Any, Dict, List, Sequence

import srsly
from spacy.language import Language
from spacy.training import Example

from spacy_mre.evaluation.runs import fingerprint, is_made, load_run, measure, predict, read_examples, save_run, train_last, write_run
from spacy_mre.evaluation.thresholds import calibrate, cross_predict

from .grid import Cell, Grid


def is_cell_made(grid: Grid, cell: Cell) -> bool:
    """Whether the run has its file, made with the config that the grid has now."""
    return is_made(cell.path, fingerprint(grid.config(cell)))


def share_runs(grid: Grid, cells: Sequence[Cell]) -> Dict[Cell, Cell]:
    """Which cells need no training of their own: variants may come to the same config, as one that sets what is the default.

    grid (Grid): The grid.
    cells (Sequence[Cell]): What is to be made.
    RETURNS (Dict[Cell, Cell]): For each cell the first one (itself, where there is none before it) with the same config, seed, phase and data set.
    """
    first: Dict[Any, Cell] = {}
    return {
        cell: first.setdefault((cell.phase, cell.dataset, grid.is_calibrated(cell.variant), fingerprint(grid.config(cell))), cell)
        for cell in cells
    }


def copy_cell(grid: Grid, cell: Cell, made: Cell) -> None:
    """Write the file of a run that another cell has made."""
    run = srsly.read_json(made.path)
    run.update(variant=cell.variant, about=grid.variants[cell.variant]["about"], command=_command(cell), same_run_as=made.variant)
    write_run(cell.path, run)


def make_cell(grid: Grid, cell: Cell, gpu: int = -1, keep_model: bool = False) -> None:
    """Train, score and write.

    grid (Grid): The grid.
    cell (Cell): The run.
    gpu (int): The GPU, or -1 for the CPU.
    keep_model (bool): Leave the trained pipeline in the cell's folder.
    """
    config = grid.config(cell)
    cell.folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    try:
        nlp = train_last(config, cell.folder, gpu=gpu)
        trained = time.perf_counter()
        examples = read_examples(config, nlp, grid.part(cell, "test"))
        examples = examples[: cell.limit or len(examples)]
        predicted, thresholds = _predict(grid, cell, nlp, examples)
        measured = measure(nlp, examples, predicted)
        about = {
            **cell._asdict(),
            "about": grid.variants[cell.variant]["about"],
            "command": _command(cell),
            "fingerprint": fingerprint(config),
            "commit": _commit(),
            "trained_on": str(grid.part(cell, "train")),
            "scored_on": str(grid.part(cell, "test")),
            "updates": config["training"]["max_steps"],
            "batch": config["training"]["batcher"]["size"],
            "seconds": round(trained - start, 1),
            "seconds_scoring": round(time.perf_counter() - trained, 1),
            **thresholds,
        }
        save_run(cell.path, about, measured)
    finally:
        for model in () if keep_model else ("model-last", "model-best"):
            shutil.rmtree(cell.folder / model, ignore_errors=True)


def _predict(grid: Grid, cell: Cell, nlp: Language, examples: List[Example]):
    """The predictions, and for calibrated variants the thresholds.

    Scored on the part for choosing, half of it calibrates for the other half. Scored on another part, the thresholds are those that
    the whole part for choosing called for in the screening run, which was not trained on it.
    """
    if not grid.is_calibrated(cell.variant):
        return predict(nlp, examples), {}
    if grid.phases[cell.phase]["test"] == "dev":
        predicted = cross_predict(nlp, examples)
        return predicted, {"thresholds": calibrate(nlp, examples)}
    screened = cell._replace(phase="screen", seed=grid.phases["screen"]["seeds"][0])
    if not screened.path.exists():
        raise ValueError(f"{cell}: its thresholds are chosen on dev, so run it in the phase 'screen' first")
    thresholds: Dict[str, Any] = load_run(screened.path)["thresholds"]
    next(pipe for _, pipe in nlp.pipeline if "entity_threshold" in (getattr(pipe, "cfg", None) or {})).cfg.update(thresholds)
    return predict(nlp, examples), {"thresholds": thresholds}


def _command(cell: Cell) -> str:
    return f"python -m benchmarks.accuracy run --phase {cell.phase} --dataset {cell.dataset} --variant {cell.variant} --seed {cell.seed}"


def _commit() -> str:
    """The commit of the code; "+" where files differ from it; empty outside of a checkout."""
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty=+", "--exclude=*"], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
