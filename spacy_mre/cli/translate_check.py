"""The command `translate-check`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from spacy.language import Language
from spacy.tokens import Doc

from ..corpora import Record, make_docs
from ..corpora.translation.edits import make_line, names_of
from ..corpora.translation.label_table import LabelTable
from ..corpora.translation.results import read_results
from ..corpora.translation.row import Translated
from ..errors import Errors
from ..files import check_can_write
from ..visual.names import Names
from ..visual.translations import MAX_TEXTS, Pair, write_translations_page
from .app import app
from .common import DisplayNames, PageLanguage, Symmetric, counted, load_nlp, read_display_names

PAGE = "check.html"


@app.command("translate-check")
def translate_check_cli(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder that translate has written.", exists=True, file_okay=False)
    ],
    page: Annotated[
        Path | None, typer.Option(help=f"The HTML file to write. Default: OUT/{PAGE}.", dir_okay=False)
    ] = None,
    limit: Annotated[int, typer.Option(help="The number of texts to show, worst first; 0 for all.", min=0)] = MAX_TEXTS,
    labels: DisplayNames = None,
    lang: PageLanguage = "en",
    symmetric: Symmetric = None,
) -> None:
    """Show translations beside their sources on one HTML page, to accept, reject or edit them."""
    path = folder / PAGE if page is None else page
    check_can_write(path)
    names = None if labels is None else read_display_names(labels)
    Names(names, lang)  # refuses an unknown language before the work
    rows, about, table = read_results(folder)
    if not rows:
        raise ValueError(Errors.M610.format(path=folder, what="rows"))
    pairs = _make_pairs(rows, table, load_nlp(about.source, None), load_nlp(about.target, about.nlp or None))
    write_translations_page(
        pairs,
        path,
        about=f"{about.file} · {about.source} → {about.target} · {about.model}",
        labels=names,
        lang=lang,
        symmetric=symmetric or [],
        max_texts=limit or len(pairs),
    )
    shown = min(limit or len(pairs), len(pairs))
    left_out = f"; {len(pairs) - shown} more were left out, see --limit" if shown < len(pairs) else ""
    typer.echo(f"{counted(shown, 'text')} in {path}{left_out}")


def _make_pairs(rows: Sequence[Translated], table: LabelTable, source: Language, target: Language) -> list[Pair]:
    return [
        Pair(
            _make_doc(row.source, source),
            None if row.record is None else _make_doc(row.record, target),
            name,
            "kept" if row.is_kept else "dropped",
            list(map(str, row.reasons)),
            row.details,
            make_line(row, table),
            row.methods.count("string"),
        )
        for row, name in zip(rows, names_of(rows), strict=True)
    ]


def _make_doc(record: Record, nlp: Language) -> Doc:
    # A text that the tokenizer changes would be left out: it is drawn without tokens of its own.
    made = next(make_docs([record], nlp), None)
    return Doc(nlp.vocab, words=[record.text]) if made is None else made
