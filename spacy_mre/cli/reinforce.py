"""The command `reinforce`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..evaluation.figures import check_can_draw
from ..evaluation.reinforce import reinforce
from ..evaluation.reinforce_report import arms_table, gains_table, plot_gains
from ..files import check_can_write
from ..training.configs import read_config
from .app import app
from .common import use_gpu
from .locks import alone_in


@app.command("reinforce")
def reinforce_cli(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG", help="A training config, or its name, with a component of each level on one encoder."
        ),
    ],
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help="The .spacy file to train on.", exists=True)],
    dev: Annotated[
        Path,
        typer.Argument(
            metavar="DEV", help="The .spacy file that chooses among several --weight; else for the logs.", exists=True
        ),
    ],
    test: Annotated[Path, typer.Argument(metavar="TEST", help="The .spacy file to score on.", exists=True)],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", help="A folder for the JSON file of each run, the gains and a plot.", file_okay=False
        ),
    ],
    seeds: Annotated[int, typer.Option(min=1, help="The number of seeds, from 0 up.")] = 3,
    updates: Annotated[int, typer.Option(min=1, help="The number of updates of each run.")] = 2000,
    weight: Annotated[
        list[float] | None,
        typer.Option(
            help="A weight of the text label's loss to try. Can be repeated; for each arm and score the best on DEV is "
            "compared. Default: that of the config.",
            min=0.0,
        ),
    ] = None,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
    again: Annotated[bool, typer.Option("--again", help="Also make the runs whose files exist already.")] = False,
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Keep the trained pipelines in OUTPUT/models.")
    ] = False,
) -> None:
    """Measure whether text labels and word-level labels help each other. Continues after an interruption.

    Each level is trained alone and both are trained together, with the same encoder, data, seeds and updates.
    """
    console = Console()
    log = partial(console.print, markup=False, highlight=False)
    use_gpu(gpu_id)
    check_can_write(output, folder=True)
    check_can_draw(output / "gains.svg")
    settings = read_config(config)
    with alone_in(output):
        records, gains = reinforce(
            settings,
            train,
            dev,
            test,
            output,
            seeds=range(seeds),
            updates=updates,
            weights=weight or (),
            gpu=gpu_id,
            again=again,
            keep_models=keep_models,
            log=log,
        )
        plot_gains({output.name: gains}, output / "gains.svg")
    console.print(arms_table(records), gains_table(gains))
    typer.echo(f"Runs, gains.json and gains.svg are in {output}")
