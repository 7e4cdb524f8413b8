"""The command `train`: from annotated texts to a trained, evaluated and packaged pipeline."""

import re
import shlex
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from confection import Config
from rich.console import Console

from ..annotations.scripts import main_language
from ..annotations.storage import load_docs
from ..corpora import READERS
from ..corpora.recognise import recognise
from ..corpora.splits import PARTS
from ..corpora.stats import get_statistics
from ..errors import Errors
from ..evaluation.advice import advice_table, what_to_annotate
from ..evaluation.run_config import path_setting, reads_file, set_values
from ..files import check_can_write, replacing
from ..training.configs import read_config
from ..training.recipe import choose_config, config_in_language, fit_config
from .app import app
from .common import one_of
from .filled import describe, write_filled

MAX_READ = 1000  # texts
# What `spacy package` accepts. It adds the language, also to a name that has it.
NAME = re.compile(r"[A-Za-z](\w*[A-Za-z0-9])?", re.ASCII)


@app.command("train")
def train_cli(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A file or folder of annotated texts. If its format needs options such as --text-column, convert it "
            "to a .spacy file first, and give that.",
            exists=True,
        ),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder for all results. It is made.", file_okay=False)
    ],
    *,
    lang: Annotated[
        str | None,
        typer.Option(
            help="The language of the texts. Default: that of --config; or else ja or zh by their script, and en for "
            "all others."
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", parser=one_of(READERS), help="The format. Default: recognised by the content."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(help="A config, by name or path. Default: by the language, the installed packages and --gpu-id."),
    ] = None,
    updates: Annotated[
        int | None, typer.Option(help="How many times to update the weights. Default: by the number of texts.", min=1)
    ] = None,
    name: Annotated[str, typer.Option(help="The name of the package. The language comes before it.")] = "mre",
    seed: Annotated[int, typer.Option(help="The seed of the split and of the training.", min=0)] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the pipeline of an earlier run in OUT.")] = False,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
) -> None:
    """Train on annotated texts: convert and split them, choose a config, train, evaluate, and build a wheel.

    Prints the commands that it runs, to repeat or change one of them.
    """
    console = Console()
    written, trained, scores = output / "config.cfg", output / "training", output / "scores.json"
    best = trained / "model-best"
    if not force and (best / "meta.json").exists():
        meta = srsly.read_json(best / "meta.json")
        raise ValueError(Errors.M414.format(folder=output, name=f"{meta['lang']}_{meta['name']}"))
    check_can_write(output, folder=True)
    format = format or recognise(source)
    config = config or choose_config(lang or _guess_language(format, source), gpu=gpu_id >= 0)
    # Refuses one that cannot be trained with before the conversion.
    own = read_config(config)
    settings = own if lang is None else config_in_language(config, lang)
    name = name.removeprefix(f"{settings['nlp'].get('lang')}_")
    if not NAME.fullmatch(name):
        raise ValueError(Errors.M415.format(name=name))
    if settings != own:
        # With the tokenizer of the language, for the conversion.
        with replacing(written) as temporary:
            settings.to_disk(temporary)
    known = f"Format: {format}, language: {settings['nlp'].get('lang')}, config: {config}"
    console.print(known, markup=False, highlight=False)
    nlp = config if settings == own else written
    train, dev, test = _convert(console, format, source, output / "corpus", seed=seed, nlp=nlp)
    fitted = write_fitted(settings, written, train, dev, seed=seed, updates=updates)
    console.print(f"{written}: {config} for {fitted}", markup=False, highlight=False)
    gpu = ["--gpu-id", gpu_id] if gpu_id >= 0 else []
    _run(console, "spacy", "train", written, "--output", trained, *gpu)
    _evaluate(console, best, train, test, scores, *gpu)
    wheel = _package(console, best, output / "packages", name)
    console.print(f"The pipeline: {best}\nIts package: {wheel}\nAll scores: {scores}", markup=False, highlight=False)


def _convert(
    console: Console, format: str, source: Path, corpus: Path, *, seed: int, nlp: str | Path
) -> tuple[Path, ...]:
    """RETURNS (tuple[Path, ...]): The files for training, development and test."""
    options = ["--split-rule", "stratified", "--seed", seed, "--nlp", nlp]
    _run(console, "spacy_mre", "convert", format, source, corpus, *options)
    files = tuple(corpus / f"{part}.spacy" for part in PARTS)
    missing = [path.stem for path in files if not path.exists()]
    if missing:
        raise ValueError(Errors.M413.format(missing=" and ".join(missing)))
    return files


def _evaluate(console: Console, best: Path, train: Path, test: Path, scores: Path, *gpu: object) -> None:
    options = ["--per-type", "--baseline", train, "--output", scores]
    _run(console, "spacy_mre", "evaluate", best, test, *options, *gpu)
    console.print(advice_table(what_to_annotate(srsly.read_json(scores), _count_labels(train), _count_labels(test))))


def _package(console: Console, best: Path, folder: Path, name: str) -> Path:
    """RETURNS (Path): The wheel."""
    folder.mkdir(exist_ok=True)
    _run(console, "spacy", "package", best, folder, "--name", name, "--build", "wheel", "--force", quiet=True)
    # The language of the config, which may be another one than that of the texts: xx for several.
    (wheel,) = folder.glob(f"{srsly.read_json(best / 'meta.json')['lang']}_{name}-*/dist/*.whl")
    return wheel


def _guess_language(format: str, source: Path) -> str:
    """By the script of most of the first texts; "en" stands for all that is not Japanese or Chinese."""
    return main_language(record.text for record in islice(READERS[format](source), MAX_READ))


def _run(console: Console, *command: object, quiet: bool = False) -> None:
    """Print a command, and run it in a process of its own. The output of a quiet one is shown if it fails."""
    words = ["-m", *map(str, command)]
    console.print(f"\n$ python {shlex.join(words)}", style="bold", markup=False, highlight=False, soft_wrap=True)
    pipe, together = (subprocess.PIPE, subprocess.STDOUT) if quiet else (None, None)
    done = subprocess.run([sys.executable, *words], stdout=pipe, stderr=together, encoding="utf8", errors="replace")
    if done.returncode:
        typer.echo(done.stdout or "", nl=False)
        raise typer.Exit(done.returncode)


def write_fitted(config: Config, path: Path, train: Path, dev: Path, *, seed: int, updates: int | None) -> str:
    """Write the config that was adapted to the training texts.

    config (Config): A training config, not interpolated.
    path (Path): The file to write.
    train (Path): The `.spacy` file to train on.
    dev (Path): The `.spacy` file that chooses the best model.
    seed (int): The seed of the training.
    updates (int | None): The number of updates. None: by the number of texts.
    RETURNS (str): What was chosen.
    RAISES (ValueError): If the config has no setting for one of the files.
    """
    docs = list(load_docs(train))
    fitted = fit_config(config, docs, updates=updates)
    fitted.setdefault("paths", {}).update({"train": str(train), "dev": str(dev)})
    fitted.setdefault("system", {})["seed"] = seed
    # A config may have its own paths and its own seed in place of these variables.
    plain = fitted.interpolate()
    values: dict[str, Any] = {}
    for name, file in (("train_corpus", train), ("dev_corpus", dev)):
        corpus = plain["training"][name]
        if not reads_file(plain, corpus, file):
            values[path_setting(plain, corpus)] = str(file)
    if plain["training"].get("seed", seed) != seed:
        values["training.seed"] = seed
    fitted = set_values(fitted, values)
    write_filled(fitted, path)
    return describe(fitted, len(docs))


def _count_labels(path: Path) -> dict[str, Counter[str]]:
    stats = get_statistics(load_docs(path))
    return {"entity": stats.entities, "relation": stats.relations, "text label": stats.cats}
