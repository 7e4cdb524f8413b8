"""The command `page`."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from spacy.util import load_model

from ..annotations.storage import load_docs
from ..corpora.reading import read_json_lines, read_lines
from ..errors import Errors
from ..evaluation.pipeline_settings import get_spans_key
from ..files import check_can_write, replacing
from ..visual import measure_attention, render_svg, write_attention, write_page
from ..visual.names import Names
from .app import app
from .common import DisplayNames, PageLanguage, Symmetric, counted, read_display_names

# Enough for a stable mean.
ATTENTION_TEXTS = 200


@app.command("page")
def page_cli(
    model: Annotated[str, typer.Argument(help="The trained pipeline, a package or a folder.")],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="TEXTS", help="A .txt (one text per line), .jsonl (field 'text') or .spacy file.", exists=True
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The HTML file to write.", dir_okay=False)],
    limit: Annotated[int, typer.Option(help="The number of texts to show; 0 for all.", min=0)] = 10,
    labels: DisplayNames = None,
    lang: PageLanguage = "en",
    title: Annotated[str | None, typer.Option(help="The title of the page.")] = None,
    symmetric: Symmetric = None,
    svg: Annotated[Path | None, typer.Option(help="A folder to also write each text to, as an SVG file.")] = None,
    attention: Annotated[
        Path | None,
        typer.Option(
            help="An image file for the attention between the entity types of multi_ner, which is also shown on the "
            f"page. Measured on up to {ATTENTION_TEXTS} texts."
        ),
    ] = None,
) -> None:
    """Analyse texts, and show the results on one HTML page."""
    undirected = symmetric or []
    check_can_write(output)
    names = None if labels is None else read_display_names(labels)
    Names(names, lang)  # refuses an unknown language before the analysis
    texts = list(_read_texts(source))
    if not texts:
        raise ValueError(Errors.M610.format(path=source, what="texts"))
    shown = list(islice(texts, limit or None))
    nlp = load_model(model)
    console = Console(stderr=True)
    docs = list(track(nlp.pipe(shown), "Analysing", total=len(shown), console=console, transient=True))
    weights = None
    if attention is not None:
        weights = measure_attention(nlp, texts[:ATTENTION_TEXTS])
        write_attention(weights, attention, labels=names, lang=lang)
    options: dict[str, Any] = {"labels": names, "lang": lang, "symmetric": undirected, "spans_key": get_spans_key(nlp)}
    write_page(docs, output, title=title, attention=weights, **options)
    if svg is not None:
        for number, doc in enumerate(docs, start=1):
            picture = render_svg(doc, **options)
            with replacing(svg / f"{number:03}.svg") as temporary:
                temporary.write_text(picture, encoding="utf8")
    left_out = f"; {len(texts) - len(shown)} more were left out, see --limit" if len(shown) < len(texts) else ""
    typer.echo(f"{counted(len(docs), 'text')} in {output}{left_out}")


def _read_texts(path: Path) -> Iterator[str]:
    if path.suffix == ".spacy":
        yield from (doc.text for doc in load_docs(path))
        return
    if path.suffix not in (".txt", ".jsonl"):
        raise ValueError(Errors.M602.format(path=path, suffix=path.suffix))
    if path.suffix == ".txt":
        yield from (line for _, line in read_lines(path) if line.strip())
        return
    for number, record in read_json_lines(path):
        text = record.get("text")
        if not isinstance(text, str):
            raise ValueError(Errors.M603.format(path=path, line=number, found=ascii(record)[:60]))
        yield text
