"""The command line: `python -m spacy_mre COMMAND`. Every command is a thin file of its own in this folder."""

import typer

app = typer.Typer(
    name="spacy_mre",
    help="Joint entities, relations and text categories in spaCy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Joint entities, relations and text categories in spaCy."""
