"""The learning curve of a config: its scores when it is trained on more and more texts of a corpus."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc
from thinc.api import Config

from ..annotations.storage import save_docs
from ..errors import Errors
from ..training.corpus import read_corpus
from ..training.recipe import fit_config
from .digests import digest
from .extrapolation import Outlook, predict_gain
from .run_config import fingerprint, set_budget
from .run_files import counts_of, is_made, load_run, save_run
from .runs import measure, read_examples, train_last
from .significance import Interval, bootstrap, f1, share
from .trained_texts import warn_of_trained_texts

Runs = dict[int, list[dict[str, Any]]]

# Where a run is trained, until it is scored. Hidden: OUT may have a folder of a pipeline.
TRAINING = ".training"
# For each level, the counts that are scored, and how.
LEVELS = {"entities": ("entities", f1), "relations": ("strict_relations", f1), "texts": ("texts", share)}
FEWEST_TEXTS = 25


class Curve(NamedTuple):
    """The scores of one level.

    level (str): A key of `LEVELS`: F1 of entities, F1 of strict relations, or the share of texts with the right label.
    points (dict[int, Interval]): The mean over the seeds, with its interval, by the number of training texts.
    outlook (Optional[Outlook]): What more texts would bring; None if there are too few points.
    """

    level: str
    points: dict[int, Interval]
    outlook: Outlook | None


def default_sizes(texts: int) -> list[int]:
    """The numbers of training texts of a learning curve.

    texts (int): How many there are.
    RETURNS (list[int]): From 25 on, each twice the one before, and all.

    >>> default_sizes(240)
    [25, 50, 100, 200, 240]
    """
    sizes = []
    size = FEWEST_TEXTS
    while size < texts:
        sizes.append(size)
        size *= 2
    return [*sizes, texts]


def learning_curve(
    config: Config,
    train: Path,
    dev: Path,
    output: Path,
    *,
    sizes: Sequence[int] | None = None,
    seeds: Sequence[int] = (0,),
    updates: int | None = None,
    gpu: int = -1,
    log: Callable[[str], None] = print,
) -> Runs:
    """Train on parts of a corpus, and score the last weights of each. Runs that have a file are not made again.

    The smaller part is in the larger one. Each seed draws its own parts.

    config (Config): A training config, not interpolated. It is adapted to each part (see `fit_config`).
    train (Path): The `.spacy` file to train on.
    dev (Path): The `.spacy` file to score on. It selects nothing.
    output (Path): A folder for `runs/TEXTS-SEED.json`.
    sizes (Optional[Sequence[int]]): The numbers of training texts. Default: `default_sizes`.
    seeds (Sequence[int]): The seeds of the drawing and of the training.
    updates (Optional[int]): The number of updates of each run. Default: by the number of texts.
    gpu (int): The GPU, or -1 for the CPU.
    log (Callable[[str], None]): Gets a line for each run.
    RETURNS (dict[int, list[dict[str, Any]]]): The results of `load_run` for each seed, by the number of texts.
    RAISES (ValueError): If a number of texts is larger than the corpus, or there is nothing to learn.
    """
    docs = list(read_corpus(train))
    sizes = sorted(set(sizes or default_sizes(len(docs))))
    if sizes[-1] > len(docs) or sizes[0] < 1:
        raise ValueError(Errors.M520.format(size=sizes[-1] if sizes[0] >= 1 else sizes[0], path=train, texts=len(docs)))
    scored = list(read_corpus(dev))
    warn_of_trained_texts(docs, train, scored, dev)
    tested = digest(scored)
    # All sizes of a seed before the next seed, so that an interrupted curve can already be drawn.
    for seed in seeds:
        order = numpy.random.default_rng(seed).permutation(len(docs))
        for size in sizes:
            part = [docs[i] for i in sorted(order[:size])]
            _make_run(config, part, dev, output, seed=seed, updates=updates, gpu=gpu, tested=tested, log=log)
    return {size: [load_run(_run_path(output, size, seed)) for seed in seeds] for size in sizes}


def make_curves(runs: Runs, more: int) -> list[Curve]:
    """Compute the points of each level, and what more texts would bring.

    runs (dict[int, list[dict[str, Any]]]): The result of `learning_curve`.
    more (int): How many texts more than in the largest run.
    RETURNS (list[Curve]): One for each level with gold. A small part of the corpus may have none; it is no point then.
    """
    curves = []
    for level, (layer, score) in LEVELS.items():
        found = {size: counts_of(of_size, layer) for size, of_size in runs.items()}
        counts = {size: of_size for size, of_size in found.items() if any(rows.any() for rows in of_size)}
        if counts:
            points = {size: bootstrap(of_size, score) for size, of_size in counts.items()}
            curves.append(Curve(level, points, predict_gain(counts, score, more)))
    return curves


def _make_run(
    config: Config,
    part: list[Doc],
    dev: Path,
    output: Path,
    *,
    seed: int,
    updates: int | None,
    gpu: int,
    tested: str,
    log: Callable[[str], None],
) -> None:
    """Train on a part and write the file of the run, if it has none that was made with the same data."""
    fitted = fit_config(config, part, updates=updates)
    steps, path = fitted["training"]["max_steps"], _run_path(output, len(part), seed)
    folder = output / TRAINING
    data = folder / "train.spacy"
    final = set_budget(fitted, updates=steps, seed=seed, train=data, dev=dev)
    trained_as = f"{fingerprint(final)}-{digest(part)}-{tested}"
    if is_made(path, trained_as):
        return
    log(f"{len(part)} texts, seed {seed}: {steps} updates")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        save_docs(part, data)
        with (folder / "log.txt").open("w", encoding="utf8") as lines:
            nlp = train_last(final, folder, gpu=gpu, log=lines)
        about = {"texts": len(part), "seed": seed, "updates": steps, "fingerprint": trained_as}
        save_run(path, about, measure(nlp, read_examples(final, nlp, dev)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_path(output: Path, size: int, seed: int) -> Path:
    return output / "runs" / f"{size}-{seed}.json"
