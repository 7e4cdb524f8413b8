"""What does a person look at? Documents as one HTML page that needs nothing else; one document as an SVG; a cell of a notebook."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from spacy.tokens import Doc

from ..annotations.entities import get_entities
from ..annotations.relations import get_relations, get_triples
from .attention import Attention, attention_rows
from .layout import LABEL_SIZE, TEXT_SIZE
from .names import Names
from .palette import HUES
from .svg import WIDTH, choose_hues, draw, guess_lang, hue_class, printable, to_string

_templates = Environment(loader=PackageLoader("spacy_mre.visual"), autoescape=True, trim_blocks=True)
_templates.globals.update(hues=HUES, text_size=TEXT_SIZE, label_size=LABEL_SIZE)

Labels = Mapping[str, Mapping[str, Mapping[str, str]]]


def render(
    docs: Doc | Iterable[Doc],
    *,
    title: str | None = None,
    labels: Labels | None = None,
    lang: str = "en",
    symmetric: Collection[str] = (),
    attention: Attention | None = None,
    page: bool = True,
) -> str:
    """Draw documents as one self-contained piece of HTML.

    docs (Union[Doc, Iterable[Doc]]): The documents. `doc.user_data["title"]`, if there is one, stands above the picture, as in displacy.
    title (Optional[str]): The title of the page.
    labels (Optional[Mapping]): Display names: `{"entities": {"person": {"en": "person", "ja": "人物"}}, "relations": {...}, "cats":
        {...}}`; any part may be missing.
    lang (str): Which column of `labels` to show; also the language of the page's own words (en, ja, zh).
    symmetric (Collection[str]): Relation labels that hold in both directions; their arcs have two heads.
    attention (Optional[Attention]): The attention between entity types, which is then shown below the documents, see `measure_attention`.
    page (bool): A whole page; otherwise a fragment to put into another page.
    RETURNS (str): The HTML.
    RAISES (ValueError): A table of display names in another form.
    """
    docs = [docs] if isinstance(docs, Doc) else list(docs)
    names = Names(labels, lang)
    hues = choose_hues(docs, names)
    present = sorted({entity.label for doc in docs for entity in get_entities(doc) or []})
    legend = [{"hue": hue_class(hues[label]), "name": printable(names.of("entities", label))} for label in present]
    pictures = [_picture(doc, names, hues, symmetric) for doc in docs]
    template = _templates.get_template("page.html.jinja" if page else "pictures.html.jinja")
    return template.render(
        title=names.words["title"] if title is None else title,
        lang=lang,
        words=names.words,
        legend=legend,
        pictures=pictures,
        attention=None if attention is None else attention_rows(attention, names),
    )


def render_svg(
    doc: Doc,
    *,
    labels: Labels | None = None,
    lang: str = "en",
    symmetric: Collection[str] = (),
    width: float = WIDTH,
) -> str:
    """Draw one document as an SVG that stands alone, as in a README.

    doc (Doc): The document.
    labels (Optional[Mapping]): Display names, as for `render`.
    lang (str): Which column of `labels` to show.
    symmetric (Collection[str]): Relation labels that hold in both directions.
    width (float): The width of the picture; the text is wrapped to it.
    RETURNS (str): The SVG.
    RAISES (ValueError): A table of display names in another form.
    """
    style = _templates.get_template("picture.css.jinja").render()
    names = Names(labels, lang)
    svg = draw(doc, names=names, hues=choose_hues([doc], names), symmetric=symmetric, width=width, style=style)
    return to_string(svg) + "\n"


def write_page(docs: Doc | Iterable[Doc], path: str | Path, **options: Any) -> None:
    """Write the page to a file.

    docs (Union[Doc, Iterable[Doc]]): The documents.
    path (Union[str, Path]): The HTML file; its folder is made.
    **options: As for `render`.
    """
    path = Path(path)
    html = render(docs, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf8")


def display(docs: Doc | Iterable[Doc], **options: Any) -> Any:
    """Show documents in a notebook.

    docs (Union[Doc, Iterable[Doc]]): The documents.
    **options: As for `render`.
    RETURNS (Union[IPython.display.HTML, str]): An object that the notebook shows; the HTML itself where there is no IPython.
    """
    html = render(docs, page=False, **options)
    try:
        from IPython.display import HTML
    except ImportError:
        return html
    return HTML(html)


def _picture(doc: Doc, names: Names, hues: Mapping[str, int], symmetric: Collection[str]) -> dict[str, Any]:
    return {
        "title": printable(str(doc.user_data.get("title") or "")),
        "lang": guess_lang(doc),
        "empty": not doc.text.strip(),
        "counts": _counts(doc, names),
        "svg": Markup(to_string(draw(doc, names=names, hues=hues, symmetric=symmetric))),
        "rows": [
            {
                "head": printable(triple.head.text),
                "head_label": printable(names.of("entities", triple.head.label_)),
                "label": printable(names.of("relations", triple.label)),
                "both": triple.label in symmetric,
                "tail": printable(triple.tail.text),
                "tail_label": printable(names.of("entities", triple.tail.label_)),
                "score": f"{triple.score:.2f}",
            }
            for triple in get_triples(doc)
        ],
    }


def _counts(doc: Doc, names: Names) -> list[str]:
    """How many there are of what; 0 is said, and what nothing is known about is passed over."""
    parts = {"entities": get_entities(doc), "relations": get_relations(doc), "cats": doc.cats or None}
    return [f"{names.words[kind]}: {len(found)}" for kind, found in parts.items() if found is not None]
