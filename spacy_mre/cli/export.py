"""The command `export`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..annotations.entities import DEFAULT_KEY
from ..corpora import WRITERS, Report
from ..corpora.cas_writer import is_one_text
from ..files import check_can_write
from .app import app
from .common import counted, one_of, show_progress, stream_docs

FOLDERS = ("brat", "webanno")


@app.command("export")
def export_cli(
    format: Annotated[
        str,
        typer.Argument(metavar="FORMAT", parser=one_of(WRITERS), help=f"The format to write: {', '.join(WRITERS)}."),
    ],
    source: Annotated[Path, typer.Argument(metavar="IN", help="The .spacy file to read.", exists=True)],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The file to write; for brat and webanno, the folder; for cas, a folder or a file with one text.",
        ),
    ],
    spans_key: Annotated[str, typer.Option(help="The span group of the entities.")] = DEFAULT_KEY,
) -> None:
    """Write a .spacy file in another format, and report what the format cannot represent."""
    report = Report()
    folder = format in FOLDERS or (format == "cas" and not is_one_text(output))
    check_can_write(output, folder=folder, sources=[source])
    docs = show_progress(stream_docs(source), "Writing")
    count = WRITERS[format](docs, output, spans_key=spans_key, report=report)
    typer.echo(f"{counted(count, 'document')} in {output}")
    Console().print(report.table())
