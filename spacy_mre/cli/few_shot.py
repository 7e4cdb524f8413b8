"""The command `few-shot`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..annotations.storage import save_docs
from ..corpora import Report
from ..corpora.few_shot import few_shot
from ..files import check_can_write
from .app import app
from .common import counted, read_docs

SIZES = [5, 10, 20]


@app.command("few-shot")
def few_shot_cli(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The .spacy file to sample from.", exists=True)],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder for 5.spacy, 10.spacy and so on.", file_okay=False)
    ],
    size: Annotated[
        list[int], typer.Option("--size", help="The number of documents per text label. Can be repeated.", min=1)
    ] = SIZES,
    seed: Annotated[int, typer.Option(help="The seed of the sampling.")] = 0,
) -> None:
    """Sample the same number of documents for each text label. Smaller samples are parts of larger ones."""
    check_can_write(output, folder=True)
    docs = read_docs(source)
    for per_label in size:
        report = Report()
        path = output / f"{per_label}.spacy"
        count = save_docs(few_shot(docs, per_label, seed=seed, report=report), path)
        typer.echo(f"{counted(count, 'document')} in {path}")
        Console().print(report.table())
