"""The commands `compile-assets` and `compile-mmm`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..corpora.assets import compile_corpus, read_labels
from ..corpora.mmm import compile_mmm
from ..corpora.splits import PARTS
from .app import app


@app.command("compile-assets")
def compile_assets_cli(
    corpus: Annotated[
        Path, typer.Argument(metavar="CORPUS", help="The folder of markup files (.mre).", exists=True, file_okay=False)
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write: OUT/LANGUAGE/PART.jsonl.")],
    labels: Annotated[Path | None, typer.Option(help="The table of labels. Default: CORPUS/labels.json.")] = None,
) -> None:
    """Convert the hand-written corpus to JSON lines by language and part, and check its labels."""
    counts = compile_corpus(corpus, output, read_labels(labels or corpus / "labels.json"))
    table = Table("", *PARTS)
    for lang, parts in counts.items():
        table.add_row(lang, *(str(parts.get(part, 0)) for part in PARTS))
    Console().print(table)


@app.command("compile-mmm")
def compile_mmm_cli(
    assets: Annotated[
        Path,
        typer.Argument(
            metavar="ASSETS", help="The folder of corpus, sentiment, events and open.", exists=True, file_okay=False
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write: OUT/LANGUAGE/KIND/PART.jsonl.")],
) -> None:
    """Convert the hand-written corpora to the 21 data sets of MMM: seven kinds of task in three languages."""
    table = Table("", "", *PARTS)
    for lang, kinds in compile_mmm(assets, output).items():
        for kind, parts in kinds.items():
            table.add_row(lang, kind, *(str(parts.get(part, 0)) for part in PARTS))
    Console().print(table)
