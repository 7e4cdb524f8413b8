"""The application behind `python -m spacy_mre COMMAND`. Each command has a file in this folder."""

import typer

app = typer.Typer(
    name="spacy_mre",
    help="Joint entities, relations and text labels in spaCy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Joint entities, relations and text labels in spaCy."""
