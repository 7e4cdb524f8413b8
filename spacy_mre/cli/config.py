"""The command `config`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import Errors
from ..training.configs import config_names, config_purpose, config_text, read_config, write_config
from ..training.recipe import fit_config
from .app import app
from .common import read_docs
from .filled import describe, write_filled


@app.command("config")
def config_cli(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The config to print or to write. Default: list all.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.", dir_okay=False)] = None,
    force: Annotated[bool, typer.Option("--force", "-F", help="Replace an existing file.")] = False,
    fit: Annotated[
        Path | None,
        typer.Option(metavar="TRAIN", help="A .spacy file. Adapt the config to its texts, as the command train does."),
    ] = None,
    updates: Annotated[
        int, typer.Option(help="With --fit: how many times to update the weights; 0: by the number of texts.", min=0)
    ] = 0,
) -> None:
    """List the training configs that come with the package, or write one of them to a file, to change it.

    Wherever a command of this package takes a config, it also takes one of these names.
    """
    if fit is not None and (name is None or output is None):
        raise typer.BadParameter("--fit needs the name of a config and --output")
    if updates and fit is None:
        raise typer.BadParameter("--updates needs --fit")
    if output is None and force:
        raise typer.BadParameter("--force needs --output")
    if name is None and output is not None:
        raise typer.BadParameter("--output needs the name of a config")
    if name is None:
        _list_configs()
    elif output is None:
        typer.echo(config_text(name), nl=False)
    elif fit is not None:
        _write_fitted(name, output, fit, updates=updates or None, force=force)
    else:
        write_config(name, output, force=force)
        typer.echo(f"{name} is in {output}")


def _list_configs() -> None:
    width = max(map(len, config_names()), default=0)
    for name in config_names():
        typer.echo(f"{name:{width}}  {config_purpose(name)}")


def _write_fitted(name: str, output: Path, train: Path, *, updates: int | None, force: bool) -> None:
    if not force and output.exists():
        raise ValueError(Errors.M031.format(path=output))
    docs = read_docs(train)
    fitted = fit_config(read_config(name), docs, updates=updates)
    write_filled(fitted, output)
    typer.echo(f"{output}: {name} for {describe(fitted, len(docs))}")
