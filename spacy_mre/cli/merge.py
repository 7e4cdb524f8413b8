"""The command `merge`."""

from pathlib import Path
from typing import Annotated

import spacy
import typer
from rich.console import Console
from spacy.vocab import Vocab

from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import save_docs
from ..corpora import Record, Report, cat_labels, make_docs, make_records
from ..corpora.from_docs import note_other_groups
from ..corpora.merging import merge_records
from ..corpora.voting import Rule
from ..errors import Errors
from ..files import check_can_write
from .app import app
from .common import SpansKey, Symmetric, counted, read_docs


@app.command("merge")
def merge_cli(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B [C ...]", help="The .spacy files of the annotators of the same texts.", exists=True
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .spacy file to write.")],
    rule: Annotated[
        Rule,
        typer.Option(
            help="What is kept. union: what any annotator has. majority: what more than half of those have who "
            "annotated it. unanimous: what all of them have. first: the annotations of A, and those of B for what A "
            "has not annotated, and so on; for files that correct those after them."
        ),
    ],
    symmetric: Symmetric = None,
    spans_key: SpansKey = DEFAULT_KEY,
) -> None:
    """Merge the annotations of several annotators, and report what is not kept. See the disagreements with agree."""
    places = [path.resolve() for path in files]
    if len(files) < 2:
        raise typer.BadParameter("name at least two files to merge")
    if twice := next((path for path, place in zip(files, places) if places.count(place) > 1), None):
        raise typer.BadParameter(f"{twice} is given twice: its annotations would count twice")
    if output.resolve() in places:
        raise typer.BadParameter(f"OUT must not be one of the files that are merged: {output}")
    if output.suffix != ".spacy":
        raise typer.BadParameter("OUT must be a .spacy file")
    check_can_write(output, folder=output.is_dir())
    report, nlp = Report(), spacy.blank("xx")
    annotators = [_read(path, nlp.vocab, spans_key, report) for path in files]
    merged = merge_records(annotators, rule, symmetric=symmetric or [], report=report)
    if all(layer is None for record in merged for layer in (record.entities, record.relations, record.cats)):
        raise ValueError(Errors.M257.format(count=len(merged), files=", ".join(map(str, files))))
    docs = make_docs(merged, nlp, spans_key=spans_key, cats=cat_labels(merged), report=report)
    typer.echo(f"{counted(save_docs(docs, output), 'document')} in {output}")
    Console().print(report.table())


def _read(path: Path, vocab: Vocab, spans_key: str, report: Report) -> list[Record]:
    """Read the records of an annotator. What they cannot represent is counted."""
    records, read = [], Report()
    docs = list(note_other_groups(read_docs(path, vocab), spans_key, read))
    for doc, record in zip(docs, make_records(docs, spans_key=spans_key, scores=True, report=read)):
        record.origin = f"{path.name}, {record.origin}"
        if "id" not in doc.user_data:
            record.id = ""  # not its number, which another text may have in another file
        records.append(record)
    report.add_losses(read, path.name)
    return records
