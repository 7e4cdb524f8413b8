"""The command `agree`."""

from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from spacy.vocab import Vocab

from ..annotations.entities import DEFAULT_KEY
from ..errors import Errors
from ..evaluation.agreement import find_disagreements, measure_agreement, pair_docs
from ..evaluation.mistakes_file import write_mistakes
from ..evaluation.report import make_table
from ..evaluation.text_mistakes import worst_first
from ..files import check_can_write, replacing, replacing_files
from ..visual import write_mistakes_page
from ..visual.names import Names
from .app import app
from .common import (
    DisplayNames,
    PageLanguage,
    SpansKey,
    Symmetric,
    counted,
    read_display_names,
    read_docs,
    refuse_given,
)

LINES, PAGE = "disagreements.jsonl", "disagreements.html"
TITLES = {
    "entities": "Entities",
    "relations": "Relations",
    "strict_relations": "Strict relations",
    "cats": "Text labels",
}
WHAT_NAMES = {"wrong": "only B", "missed": "only A"}


@app.command("agree")
def agree_cli(
    context: typer.Context,
    a: Annotated[Path, typer.Argument(metavar="A", help="The .spacy file of one annotator.", exists=True)],
    b: Annotated[Path, typer.Argument(metavar="B", help="That of another annotator of the same texts.", exists=True)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A JSON file to write the scores to.", dir_okay=False)
    ] = None,
    disagreements_to: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help=f"Also write the texts with disagreements to FOLDER/{LINES}, and to the page FOLDER/{PAGE}.",
            file_okay=False,
        ),
    ] = None,
    symmetric: Symmetric = None,
    spans_key: SpansKey = DEFAULT_KEY,
    labels: DisplayNames = None,
    lang: PageLanguage = "en",
) -> None:
    """Measure the agreement of two annotators: F1 of entities and relations, and Cohen's kappa of text labels."""
    if disagreements_to is None:
        refuse_given(context, ["labels", "lang"], "there is no page without --disagreements-to")
    if output is not None:
        check_can_write(output, sources=[a, b])
    if disagreements_to is not None:
        check_can_write(disagreements_to, folder=True)
    names = None if labels is None else read_display_names(labels)
    Names(names, lang)  # refuses an unknown language before the comparison
    vocab = Vocab()
    docs_a, docs_b = (read_docs(path, vocab, spans_key=spans_key) for path in (a, b))
    pairs = pair_docs(docs_a, docs_b)
    if not pairs.both:
        raise ValueError(Errors.M253.format(a=a, b=b, count_a=len(docs_a), count_b=len(docs_b)))
    options: dict[str, Any] = {"spans_key": spans_key, "symmetric": symmetric or []}
    scores = measure_agreement(pairs.both, **options)
    if not scores:
        raise ValueError(Errors.M254.format(a=a, b=b, count=len(pairs.both)))
    common = counted(len(pairs.both), "text")
    scores = {"texts": {"both": len(pairs.both), "only_a": pairs.only_a, "only_b": pairs.only_b}, **scores}
    typer.echo(f"{common} in both files; only in A: {pairs.only_a}, only in B: {pairs.only_b}")
    Console().print(*(_table(title, scores[key]) for key, title in TITLES.items() if key in scores))
    if disagreements_to is not None:
        texts = find_disagreements(pairs.both, **options)
        about = f"A: {a} · B: {b}"
        with replacing_files(disagreements_to) as fresh:  # both files, or neither
            write_mistakes_page(
                texts, fresh / PAGE, file=LINES, sides=("A", "B"), about=about, labels=names, lang=lang, **options
            )
            count = write_mistakes(worst_first(texts), fresh / LINES, name="disagreements", what_names=WHAT_NAMES)
        typer.echo(f"{counted(count, 'text')} with disagreements in {disagreements_to}")
    if output is not None:
        with replacing(output) as temporary:
            srsly.write_json(temporary, scores)
        typer.echo(f"All scores are in {output}")


def _table(title: str, values: dict[str, Any]) -> Table:
    measure = "kappa" if "kappa" in values else "f1"
    table = make_table(f"{title} ({counted(values['texts'], 'text')})", measure.replace("f1", "F1"), "A", "B", "both")
    rows = {"all": values, **values["per_label"]}
    for name, row in rows.items():
        counts = [f"{row[key]:,}" if key in row else "" for key in ("a", "b", "both")]
        table.add_row(escape(name), "-" if row[measure] is None else f"{row[measure]:.3f}", *counts)
    return table
