"""The command `page`."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import load_model

from ..errors import Errors
from ..evaluation.agreement import as_annotations, find_disagreements, pair_docs
from ..evaluation.figures import check_can_draw
from ..evaluation.pipeline_settings import get_spans_key, get_symmetric
from ..files import check_can_write, replacing
from ..visual import measure_attention, render_svg, write_attention, write_mistakes_page, write_page
from ..visual.names import Names
from .app import app
from .common import DisplayNames, PageLanguage, Symmetric, counted, read_display_names, show_progress
from .raw_texts import read_raw_texts

# Enough for a stable mean.
ATTENTION_TEXTS = 200


@app.command("page")
def page_cli(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The trained pipeline, a package or a folder.")],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="TEXTS", help="A .txt (one text per line), .jsonl (field 'text') or .spacy file.", exists=True
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The HTML file to write.", dir_okay=False)],
    limit: Annotated[int, typer.Option(help="The number of texts to show; 0 for all.", min=0)] = 10,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="OTHER",
            help="Another pipeline, an older one for example. The page then shows the texts in which the two find "
            "different things, with OTHER above MODEL, those with most disagreements first. All texts are analysed.",
        ),
    ] = None,
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
    if compare is not None and (svg is not None or attention is not None):
        raise typer.BadParameter("--compare draws two pipelines on one page. Leave out --svg and --attention.")
    if compare is not None and (compare == model or Path(compare).resolve() == Path(model).resolve()):
        raise typer.BadParameter(f"--compare needs another pipeline than {model}, which finds the same as itself")
    inputs = [source, *([labels] if labels is not None else ())]
    check_can_write(output, sources=inputs)
    if svg is not None:
        check_can_write(svg, folder=True)
    if attention is not None:
        check_can_draw(attention, sources=inputs)
    names = None if labels is None else read_display_names(labels)
    Names(names, lang)  # refuses an unknown language before the analysis
    texts = list(_read_texts(source))
    if not texts:
        raise ValueError(Errors.M610.format(path=source, what="texts"))
    if compare is not None:
        shared = {"title": title, "labels": names, "lang": lang, "max_texts": limit or len(texts)}
        about = f"{compare} → {model} · {source}"
        count = _write_disagreements((compare, model), texts, output, undirected, about=about, **shared)
        typer.echo(f"{counted(count, 'text')} of {len(texts)} with disagreements in {output}")
        return
    shown = list(islice(texts, limit or None))
    nlp = load_model(model)
    docs = _analyse(nlp, shown)
    weights = None
    if attention is not None:
        weights = measure_attention(nlp, texts[:ATTENTION_TEXTS])
        write_attention(weights, attention, labels=names, lang=lang)
    undirected = sorted({*undirected, *get_symmetric(nlp)})
    options: dict[str, Any] = {"labels": names, "lang": lang, "symmetric": undirected, "spans_key": get_spans_key(nlp)}
    write_page(docs, output, title=title, attention=weights, **options)
    if svg is not None:
        for number, doc in enumerate(docs, start=1):
            picture = render_svg(doc, **options)
            with replacing(svg / f"{number:03}.svg") as temporary:
                temporary.write_text(picture, encoding="utf8")
    left_out = f"; {len(texts) - len(shown)} more were left out, see --limit" if len(shown) < len(texts) else ""
    typer.echo(f"{counted(len(docs), 'text')} in {output}{left_out}")


def _analyse(nlp: Language, texts: Sequence[str]) -> list[Doc]:
    return list(show_progress(nlp.pipe(texts), "Analysing", total=len(texts)))


def _write_disagreements(
    models: tuple[str, str], texts: Sequence[str], output: Path, symmetric: Sequence[str], **options: Any
) -> int:
    """Write the page of what two pipelines find differently. Returns the number of texts in which they do."""
    pipelines = [load_model(model) for model in models]
    spans_key = get_spans_key(pipelines[1])
    undirected = sorted({*symmetric, *(label for nlp in pipelines for label in get_symmetric(nlp))})
    a, b = (as_annotations(nlp, _analyse(nlp, texts), spans_key=spans_key) for nlp in pipelines)
    found = find_disagreements(pair_docs(a, b).both, spans_key=spans_key, symmetric=undirected)
    options |= {"sides": _names(pipelines, models), "spans_key": spans_key, "symmetric": undirected, "file": ""}
    write_mistakes_page(found, output, **options)
    return sum(bool(text.mistakes) for text in found)


def _names(pipelines: Sequence[Language], models: tuple[str, str]) -> tuple[str, str]:
    """The names and versions of the pipelines. If these are the same, as much of the ends of their paths as differs."""
    old, new = (f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}" for nlp in pipelines)
    parts = [Path(model).parts for model in models]
    length = 1
    while old == new and length <= max(map(len, parts)):
        old, new = (str(Path(*of_one[-length:])) for of_one in parts)
        length += 1
    return old, new


def _read_texts(path: Path) -> Iterator[str]:
    return (record.text for record in read_raw_texts(path))
