"""The application behind `python -m spacy_mre COMMAND`. Each command has a file in this folder."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..about import __version__
from .common import report_errors


class Commands(TyperGroup):
    """Reports errors of all commands in the same way."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with report_errors():
            return super().invoke(ctx)


app = typer.Typer(
    name="spacy_mre",
    cls=Commands,
    help="Joint entities, relations and text labels in spaCy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spacy_mre {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Joint entities, relations and text labels in spaCy."""
