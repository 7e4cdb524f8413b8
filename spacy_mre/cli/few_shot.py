"""The command `few-shot`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..annotations.storage import save_docs
from ..corpora import Report
from ..corpora.few_shot import few_shot
from ..errors import Errors
from ..files import check_can_write
from .app import app
from .common import counted, read_docs

SIZES = [5, 10, 20]


@app.command("few-shot")
def few_shot_cli(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The .spacy file to sample from.", exists=True)],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder for 5.spacy, 10.spacy and so on.", file_okay=False)
    ],
    size: Annotated[
        list[int], typer.Option("--size", help="The number of documents per text label. Can be repeated.", min=1)
    ] = SIZES,
    seed: Annotated[int, typer.Option(help="The seed of the sampling.")] = 0,
) -> None:
    """Sample the same number of documents for each text label. Smaller samples are parts of larger ones."""
    check_can_write(output, folder=True)
    paths = {per_label: output / f"{per_label}.spacy" for per_label in size}
    for path in paths.values():
        check_can_write(path, sources=[source])
    docs = read_docs(source)
    for per_label, path in paths.items():
        report = Report()
        drawn = few_shot(docs, per_label, seed=seed, report=report)
        if not drawn:
            raise ValueError(Errors.M610.format(path=source, what="texts with a text label"))
        count = save_docs(drawn, path)
        typer.echo(f"{counted(count, 'document')} in {path}")
        Console().print(report.table())
