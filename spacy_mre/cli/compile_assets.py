"""The command `compile-assets`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..corpora.assets import compile_corpus, read_labels
from ..corpora.splits import PARTS
from .app import app


@app.command("compile-assets")
def compile_assets_cli(
    corpus: Annotated[
        Path, typer.Argument(metavar="CORPUS", help="The folder of markup files (.mre).", exists=True, file_okay=False)
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write: OUT/LANGUAGE/PART.jsonl.")],
    labels: Annotated[
        Path | None, typer.Option(help="The table of labels. Default: labels.json in the folder that contains CORPUS.")
    ] = None,
) -> None:
    """Convert the hand-written corpus to JSON lines by language and part, and check its labels."""
    counts = compile_corpus(corpus, output, read_labels(labels or corpus.resolve().parent / "labels.json"))
    table = Table("", *PARTS)
    for lang, parts in counts.items():
        table.add_row(lang, *(str(parts.get(part, 0)) for part in PARTS))
    Console().print(table)
