"""Make a run: train a cell's config, score its last weights, and write its file; and those of the runs that only decode otherwise."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import srsly
from spacy.language import Language
from spacy.training import Example
from spacy.util import load_model
from thinc.api import Config

from spacy_mre.evaluation.runs import (
    fingerprint,
    is_made,
    load_run,
    measure,
    predict,
    read_examples,
    save_run,
    settings_of,
    train_last,
    write_run,
)
from spacy_mre.evaluation.thresholds import calibrate, cross_predict

from .grid import Cell, Grid

# Settings of components that are read in prediction alone: where they differ or have changed, one trained pipeline can be scored again.
DECODING = (
    "entity_threshold",
    "relation_threshold",
    "overlap",
    "constraints",
    "joint_decoding",
    "pairs_per_token",
    "max_distance",
)
TRAINED = "trained.json"


def is_cell_made(grid: Grid, cell: Cell) -> bool:
    """Whether the run has its file, made with the config that the grid has now."""
    return is_made(cell.path, fingerprint(grid.config(cell)))


def share_runs(grid: Grid, cells: Sequence[Cell]) -> dict[Cell, Cell]:
    """Which cells need no training of their own: variants may come to the same config, as one that sets what is the default.

    grid (Grid): The grid.
    cells (Sequence[Cell]): What is to be made.
    RETURNS (Dict[Cell, Cell]): For each cell the first one (itself, where there is none before it) with the same config, seed, phase and data set.
    """
    first: dict[Any, Cell] = {}
    return {
        cell: first.setdefault(
            (cell.phase, cell.dataset, grid.is_calibrated(cell.variant), fingerprint(grid.config(cell))), cell
        )
        for cell in cells
    }


def group_by_training(grid: Grid, cells: Sequence[Cell]) -> dict[Cell, list[Cell]]:
    """Which cells can be scored with one trained pipeline: their variants differ in how it decodes alone.

    grid (Grid): The grid.
    cells (Sequence[Cell]): What is to be made.
    RETURNS (Dict[Cell, List[Cell]]): For the first cell of each training the others.
    """
    groups: dict[Any, list[Cell]] = {}
    for cell in cells:
        groups.setdefault((*cell._replace(variant=""), _fingerprint_of_training(grid.config(cell))), []).append(cell)
    return {first: others for first, *others in groups.values()}


def copy_cell(grid: Grid, cell: Cell, made: Cell) -> None:
    """Write the file of a run that another cell has made."""
    run = srsly.read_json(made.path)
    run.update(
        variant=cell.variant,
        about=grid.variants[cell.variant]["about"],
        command=_command(cell),
        same_run_as=made.variant,
    )
    write_run(cell.path, run)


def make_cell(grid: Grid, cell: Cell, gpu: int = -1, keep_model: bool = False, also: Sequence[Cell] = ()) -> None:
    """Train, score and write. A pipeline that was kept is not trained again, unless its training has changed since.

    grid (Grid): The grid.
    cell (Cell): The run.
    gpu (int): The GPU, or -1 for the CPU.
    keep_model (bool): Leave the trained pipeline in the cell's folder.
    also (Sequence[Cell]): Runs of the same training, which decode otherwise, see `group_by_training`.
    """
    config = grid.config(cell)
    cell.folder.mkdir(parents=True, exist_ok=True)
    try:
        nlp, seconds = trained_pipeline(grid, cell, gpu)
        examples = read_examples(config, nlp, grid.part(cell, "test"))
        examples = examples[: cell.limit or len(examples)]
        for one in (cell, *also):
            _score(grid, one, nlp, examples, seconds=seconds)
    finally:
        if not keep_model:
            (cell.folder / TRAINED).unlink(missing_ok=True)
        for model in ("model-best",) if keep_model else ("model-last", "model-best"):
            shutil.rmtree(cell.folder / model, ignore_errors=True)


def trained_pipeline(grid: Grid, cell: Cell, gpu: int = -1) -> tuple[Language, float]:
    """The pipeline of a cell, one that was kept or trained now. It stays where spaCy has written it.

    grid (Grid): The grid.
    cell (Cell): The run.
    gpu (int): The GPU, or -1 for the CPU.
    RETURNS (Tuple[Language, float]): The pipeline, and how many seconds its training took.
    """
    return _load_kept(grid, cell) or _train(grid, cell, gpu)


def _train(grid: Grid, cell: Cell, gpu: int) -> tuple[Language, float]:
    """The trained pipeline, and how many seconds that took."""
    (cell.folder / TRAINED).unlink(missing_ok=True)  # spaCy writes over the pipeline before the training is over
    start = time.perf_counter()
    nlp = train_last(grid.config(cell), cell.folder, gpu=gpu)
    seconds = time.perf_counter() - start
    srsly.write_json(cell.folder / TRAINED, {**_trained_as(grid, cell), "seconds": seconds})
    return nlp, seconds


def _load_kept(grid: Grid, cell: Cell) -> tuple[Language, float] | None:
    """The pipeline that an earlier run has kept, of this variant or another one, if it was trained the same way; and how many seconds that took."""
    trained_as = _trained_as(grid, cell)
    for path in [cell.folder / TRAINED, *sorted(cell.folder.parent.glob(f"*/{TRAINED}"))]:
        about = srsly.read_json(path) if path.exists() else {}
        if all(about.get(name) == value for name, value in trained_as.items()):
            return load_model(path.parent / "model-last"), about["seconds"]
    return None


def _trained_as(grid: Grid, cell: Cell) -> dict[str, str]:
    """What tells trainings apart: of two phases the config alone may be the same."""
    return {"fingerprint": _fingerprint_of_training(grid.config(cell)), "trained_on": str(grid.part(cell, "train"))}


def _fingerprint_of_training(config: Config) -> str:
    plain = config.interpolate()
    decodes_in_training = any(settings_of(plain, name).get("train_on_predicted") for name in plain["nlp"]["pipeline"])
    return fingerprint(config, leave_out=() if decodes_in_training else DECODING)


def _score(grid: Grid, cell: Cell, nlp: Language, examples: list[Example], *, seconds: float) -> None:
    """Score a trained pipeline as a variant decodes, and write the file of the run."""
    config = grid.config(cell)
    start = time.perf_counter()
    with decoding_as(nlp, config):
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
        "seconds": round(seconds, 1),
        "seconds_scoring": round(time.perf_counter() - start, 1),
        **thresholds,
    }
    save_run(cell.path, about, measured)


@contextmanager
def decoding_as(nlp: Language, config: Config) -> Iterator[None]:
    """While this holds, a pipeline decodes by the settings of a config.

    nlp (Language): The pipeline, trained with a config that differs in such settings alone.
    config (Config): The config.
    """
    plain = config.interpolate()
    cfgs = [
        (settings_of(plain, name), pipe.cfg)
        for name, pipe in nlp.pipeline
        if isinstance(getattr(pipe, "cfg", None), dict)
    ]
    before = [dict(cfg) for _, cfg in cfgs]
    for settings, cfg in cfgs:
        cfg.update({name: settings[name] for name in DECODING if name in settings and name in cfg})
    try:
        yield
    finally:
        for (_, cfg), kept in zip(cfgs, before):
            cfg.clear()
            cfg.update(kept)


def _predict(grid: Grid, cell: Cell, nlp: Language, examples: list[Example]):
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
    thresholds: dict[str, Any] = load_run(screened.path)["thresholds"]
    next(pipe for _, pipe in nlp.pipeline if "entity_threshold" in (getattr(pipe, "cfg", None) or {})).cfg.update(
        thresholds
    )
    return predict(nlp, examples), {"thresholds": thresholds}


def _command(cell: Cell) -> str:
    return f"python -m benchmarks.accuracy run --phase {cell.phase} --dataset {cell.dataset} --variant {cell.variant} --seed {cell.seed}"


def _commit() -> str:
    """The commit of the code; "+" where files differ from it; empty outside of a checkout."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"], capture_output=True, text=True
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
