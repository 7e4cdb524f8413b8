import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from ..annotations.storage import load_docs
from ..errors import Errors
from ..visual import measure_attention, render_svg, write_attention, write_page
from .app import app
from .common import load_nlp, told_errors

# Enough for an average, and read once more.
ATTENTION_TEXTS = 200


@app.command("page")
def page_cli(
    model: Annotated[str, typer.Argument(help="The trained pipeline: a package or a folder.")],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="TEXTS", help=".txt (a text per line), .jsonl ('text') or .spacy (its texts).", exists=True
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The HTML file to write.", dir_okay=False)],
    limit: Annotated[int, typer.Option(help="How many texts to show; 0 for all.", min=0)] = 10,
    labels: Annotated[
        Path | None, typer.Option(help="A JSON table of display names for the labels.", exists=True)
    ] = None,
    lang: Annotated[str, typer.Option(help="The language of the display names and of the page: en, ja, zh.")] = "en",
    title: Annotated[str | None, typer.Option(help="The title of the page.")] = None,
    symmetric: Annotated[
        list[str] | None, typer.Option(help="A relation that holds in both directions; may be repeated.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Also write every text as an SVG of its own into this folder.")
    ] = None,
    attention: Annotated[
        Path | None,
        typer.Option(
            help=f"Also show what the types of multi_ner look at in each other, in up to {ATTENTION_TEXTS} texts: on the page, and as this image."
        ),
    ] = None,
):
    """Analyse texts and draw what was found on one HTML page."""
    with told_errors():
        names = None if labels is None else _read_json(labels)
        texts = list(_read_texts(source))
        shown = list(islice(texts, limit or None))
        nlp = load_nlp("", model)
        progress = track(
            nlp.pipe(shown), total=len(shown), description="Analysing", console=Console(stderr=True), transient=True
        )
        docs = list(progress)
        options = {"labels": names, "lang": lang, "symmetric": symmetric or ()}
        weights = None
        if attention is not None:
            weights = measure_attention(nlp, texts[:ATTENTION_TEXTS])
            write_attention(weights, attention, labels=names, lang=lang)
        write_page(docs, output, title=title, attention=weights, **options)
        if svg is not None:
            svg.mkdir(parents=True, exist_ok=True)
            for number, doc in enumerate(docs, start=1):
                (svg / f"{number:03}.svg").write_text(render_svg(doc, **options), encoding="utf8")
    left_out = f"; {len(texts) - len(shown)} more were left out, see --limit" if len(shown) < len(texts) else ""
    typer.echo(f"{len(docs)} texts on {output}{left_out}")


def _read_json(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except ValueError as err:
        raise ValueError(Errors.M604.format(path=path, reason=err)) from None


def _read_texts(path: Path) -> Iterator[str]:
    if path.suffix == ".spacy":
        yield from (doc.text for doc in load_docs(path))
        return
    if path.suffix not in (".txt", ".jsonl"):
        raise ValueError(Errors.M602.format(path=path, suffix=path.suffix))
    for number, line in enumerate(path.read_text(encoding="utf8").split("\n"), start=1):
        if line.strip():
            yield line.rstrip("\r") if path.suffix == ".txt" else _text_of(line, path, number)


def _text_of(line: str, path: Path, number: int) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    text = record.get("text") if isinstance(record, dict) else None
    if not isinstance(text, str):
        raise ValueError(Errors.M603.format(path=path, line=number, found=line[:60]))
    return text
