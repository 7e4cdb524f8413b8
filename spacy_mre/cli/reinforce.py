from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from spacy.util import load_config

from ..evaluation.reinforce import reinforce
from ..evaluation.reinforce_report import arms_table, gains_table, plot_gains
from .app import app
from .common import told_errors


@app.command("reinforce")
def reinforce_cli(
    config: Annotated[
        Path, typer.Argument(help="A training config with both levels on one encoder.", exists=True, dir_okay=False)
    ],
    train: Annotated[Path, typer.Argument(help="The .spacy file to train on.", exists=True)],
    dev: Annotated[
        Path, typer.Argument(help="A .spacy file for the training logs; nothing is chosen on it.", exists=True)
    ],
    test: Annotated[Path, typer.Argument(help="The .spacy file to compare on.", exists=True)],
    output: Annotated[
        Path, typer.Argument(help="A folder: a JSON file for each run, the gains, and a plot.", file_okay=False)
    ],
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds: 0, 1, ...")] = 3,
    updates: Annotated[int, typer.Option(min=1, help="How many updates every run has.")] = 2000,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
    again: Annotated[bool, typer.Option("--again", help="Make runs again that are there.")] = False,
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Leave the trained pipelines in OUTPUT/models.")
    ] = False,
):
    """Measure whether text labels and word-level labels help each other: each alone and both, under matched controls. Resumes where it stopped."""
    console = Console()
    with told_errors():
        records, gains = reinforce(
            load_config(config, interpolate=False),
            train,
            dev,
            test,
            output,
            seeds=range(seeds),
            updates=updates,
            gpu=gpu_id,
            again=again,
            keep_models=keep_models,
            log=lambda line: console.print(line, markup=False, highlight=False),
        )
        console.print(arms_table(records), gains_table(gains))
        plot_gains({output.name: gains}, output / "gains.svg")
    typer.echo(f"Runs, gains.json and gains.svg are in {output}")
