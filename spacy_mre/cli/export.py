from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import load_docs
from ..corpora import WRITERS, Report
from .app import app
from .common import show_progress, told_errors

Format = Enum("Format", {name: name for name in WRITERS}, type=str)


@app.command("export")
def export_cli(
    format: Annotated[Format, typer.Argument(help="The format to write.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="The .spacy file to read.", exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, or the folder for brat.")],
    span_key: Annotated[str, typer.Option(help="The span group that holds the entities.")] = DEFAULT_KEY,
):
    """Write a .spacy file in another format, and report what that format cannot hold."""
    report = Report()
    with told_errors():
        docs = show_progress(list(load_docs(source)), "Writing")
        count = WRITERS[format.value](docs, output, span_key=span_key, report=report)
    typer.echo(f"{count} documents in {output}")
    Console().print(report.table())
