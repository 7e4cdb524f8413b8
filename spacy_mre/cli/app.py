"""The application behind `python -m spacy_mre COMMAND`. Each command has a file in this folder."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..about import __version__
from .common import report_errors

# The order of work: data, training, evaluation, use, packages; then what few people need.
ORDER = (
    "init",
    "train",
    "convert",
    "stats",
    "agree",
    "merge",
    "label",
    "translate",
    "translate-check",
    "translate-apply",
    "config",
    "evaluate",
    "calibrate",
    "audit",
    "learning-curve",
    "page",
    "studio",
    "annotate",
    "export",
    "serve",
    "card",
    "try-package",
    "push-to-hub",
    "download",
    "strings",
    "train-generative",
    "few-shot",
    "reinforce",
    "fetch",
    "compile-assets",
    "compile-mmm",
)


class Commands(TyperGroup):
    """Lists the commands in the order of work, and reports errors of all of them in the same way."""

    def list_commands(self, ctx: Any) -> list[str]:
        """RETURNS (list[str]): The names of the commands."""
        return sorted(super().list_commands(ctx), key=ORDER.index)

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
