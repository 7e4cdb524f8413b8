"""The command `config`."""

from pathlib import Path
from typing import Annotated

import typer

from ..training.configs import config_names, config_path, config_purpose, write_config
from .app import app


@app.command("config")
def config_cli(
    name: Annotated[str | None, typer.Argument(help="The config to print or to write. Default: list all.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.", dir_okay=False)] = None,
    force: Annotated[bool, typer.Option("--force", "-F", help="Replace an existing file.")] = False,
) -> None:
    """List the training configs that come with the package, or write one of them to a file, to change it.

    Wherever a command of this package takes a config, it also takes one of these names.
    """
    if name is None:
        _list_configs()
    elif output is None:
        typer.echo(config_path(name).read_text(encoding="utf8"), nl=False)
    else:
        write_config(name, output, force=force)
        typer.echo(f"{name} is in {output}")


def _list_configs() -> None:
    width = max(map(len, config_names()), default=0)
    for name in config_names():
        typer.echo(f"{name:{width}}  {config_purpose(name)}")
