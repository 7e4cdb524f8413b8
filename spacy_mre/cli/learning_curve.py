"""The command `learning-curve`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import srsly
import typer
from rich.console import Console

from ..evaluation.figures import check_can_draw
from ..evaluation.learning_curve import learning_curve, make_curves
from ..evaluation.learning_curve_report import curve_row, curve_table, describe_outlook, plot_curves
from ..files import check_can_write, replacing
from ..training.configs import read_config
from .app import app
from .common import use_gpu
from .locks import alone_in


@app.command("learning-curve")
def learning_curve_cli(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="The training config, or its name.")],
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help="The .spacy file to train on.", exists=True)],
    dev: Annotated[
        Path, typer.Argument(metavar="DEV", help="The .spacy file to score on. It selects nothing.", exists=True)
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", help="A folder for the JSON file of each run, the curves and a plot.", file_okay=False
        ),
    ],
    size: Annotated[
        list[int] | None,
        typer.Option(min=1, help="A number of training texts. Can be repeated. Default: 25, 50, 100, ..., all."),
    ] = None,
    more: Annotated[int, typer.Option(min=1, help="Predict the scores with this many more texts.")] = 100,
    seeds: Annotated[int, typer.Option(min=1, help="The number of seeds, from 0 up.")] = 1,
    updates: Annotated[
        int | None, typer.Option(min=1, help="The updates of each run. Default: by the number of texts.")
    ] = None,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
) -> None:
    """Measure how scores rise with the number of training texts, and predict them for more. Continues after an
    interruption."""
    console = Console()
    log = partial(console.print, markup=False, highlight=False)
    use_gpu(gpu_id)
    check_can_write(output, folder=True)
    check_can_draw(output / "curves.svg")
    settings, numbers = read_config(config), range(seeds)
    with alone_in(output):
        runs = learning_curve(
            settings, train, dev, output, sizes=size, seeds=numbers, updates=updates, gpu=gpu_id, log=log
        )
        curves = make_curves(runs, more)
        with replacing(output / "curves.json") as temporary:
            srsly.write_json(temporary, [curve_row(curve) for curve in curves])
        plot_curves(curves, output / "curves.svg")
    console.print(curve_table(curves))
    for curve in curves:
        log(describe_outlook(curve))
    typer.echo(f"Runs, curves.json and curves.svg are in {output}")
