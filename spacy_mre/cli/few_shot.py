from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..annotations.storage import load_docs, save_docs
from ..corpora import Report
from ..corpora.few_shot import few_shot
from .app import app
from .common import told_errors


@app.command("few-shot")
def few_shot_cli(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="The .spacy file to draw from.", exists=True, dir_okay=False)
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder for 5.spacy, 10.spacy, ...", file_okay=False)
    ],
    size: Annotated[
        list[int], typer.Option("--size", help="How many documents of each class; may be given several times.", min=1)
    ] = [
        5,
        10,
        20,
    ],
    seed: Annotated[int, typer.Option(help="The seed of the draw.")] = 0,
):
    """Draw a few documents of every class, for few-shot learning. A smaller draw is part of a greater one."""
    with told_errors():
        docs = list(load_docs(source))
        for per_class in size:
            report = Report()
            drawn = few_shot(docs, per_class, seed=seed, report=report)
            typer.echo(
                f"{save_docs(drawn, output / f'{per_class}.spacy')} documents in {output / f'{per_class}.spacy'}"
            )
            Console().print(report.table())
