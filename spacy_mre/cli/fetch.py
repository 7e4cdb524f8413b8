"""The command `fetch`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ..corpora.fetch import fetch
from .app import app


@app.command("fetch")
def fetch_cli(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The data set: conll04, crossre/ja, asdc, snips and so on.")
    ],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="The folder that contains the data sets.")] = Path(
        "assets/real"
    ),
    source: Annotated[
        Path | None, typer.Option(help="A folder of data sets to copy from. Default: the folder in MRE_DATA.")
    ] = None,
) -> None:
    """Copy a data set from the folder in MRE_DATA, or check that it was downloaded."""
    if source is None and os.environ.get("MRE_DATA"):
        source = Path(os.environ["MRE_DATA"])
    typer.echo(f"{name} is in {fetch(name, target, source)}")
