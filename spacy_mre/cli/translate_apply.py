"""The command `translate-apply`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..corpora.translation.edits import apply_edits, read_edits
from ..corpora.translation.results import read_back, read_results, write_results
from ..files import check_can_write
from .app import app
from .common import counted, load_nlp
from .locks import alone_in


@app.command("translate-apply")
def translate_apply_cli(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder that translate has written.", exists=True, file_okay=False)
    ],
    edits: Annotated[
        Path,
        typer.Argument(metavar="EDITS", help="The file edits.jsonl of the page of translate-check.", exists=True),
    ],
) -> None:
    """Apply the edits of a person to translations, and write the corpus and its report again."""
    check_can_write(folder, folder=True)
    with alone_in(folder):
        rows, about, table = read_results(folder)
        decisions = read_edits(edits)
        edited = apply_edits(rows, decisions, table)
        # Its sample is that of the translations before: it tells nothing about what a person has written.
        back = read_back(folder)
        back = back and {**back, "before_edits": True}
        report = write_results(folder, edited, about, table, load_nlp(about.target, about.nlp or None), back=back)
    kept = sum(row.is_kept for row in edited)
    before = sum(row.is_kept for row in rows)
    typer.echo(f"{counted(len(decisions), 'edit')}: {kept} of {counted(len(edited), 'text')} are kept, {before} before")
    Console().print(report.table())
