"""Documents as one self-contained HTML page, one document as an SVG, and documents in a notebook."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from ..files import replacing
from .attention import Attention, attention_rows
from .choices import label_choices
from .markup import printable, to_string
from .names import Names
from .palette import HUES
from .relation_rows import relation_rows
from .shapes import LABEL_SIZE, TEXT_SIZE
from .svg import WIDTH, choose_hues, draw, guess_lang

templates = Environment(loader=PackageLoader("spacy_mre.visual"), autoescape=True, trim_blocks=True)
templates.globals.update(hues=HUES, text_size=TEXT_SIZE, label_size=LABEL_SIZE)

Labels = Mapping[str, Mapping[str, Mapping[str, str]]]


def render(
    docs: Doc | Iterable[Doc],
    *,
    title: str | None = None,
    labels: Labels | None = None,
    lang: str = "en",
    symmetric: Collection[str] = (),
    attention: Attention | None = None,
    spans_key: str = DEFAULT_KEY,
    page: bool = True,
) -> str:
    """Draw documents as one self-contained piece of HTML.

    docs (Doc | Iterable[Doc]): The documents. `doc.user_data["title"]`, if set, is shown above the picture, as in
        displacy.
    title (str | None): The title of the page.
    labels (Mapping | None): Display names: `{"entities": {"person": {"en": "person", "ja": "人物"}},
        "relations": {...}, "cats": {...}}`. Every part is optional.
    lang (str): The language of the display names and of the words on the page itself (en, ja, zh).
    symmetric (Collection[str]): Symmetric relation labels. Their arcs have two arrowheads.
    attention (Attention | None): The attention between entity types, shown below the documents; see
        `measure_attention`.
    spans_key (str): The span group of the entities.
    page (bool): Make a whole page, with a bar to choose labels and scores. False: a fragment to put into another page.
    RETURNS (str): The HTML.
    RAISES (ValueError): If the table of display names has another form.

    >>> import spacy
    >>> from spacy.tokens import Span
    >>> doc = spacy.blank("en")("Ida lives in Lima.")
    >>> doc.set_ents([Span(doc, 0, 1, label="person")])
    >>> html = render(doc, title="Where people live")
    >>> "<h1>Where people live</h1>" in html, ">person</text>" in html
    (True, True)
    """
    docs = [docs] if isinstance(docs, Doc) else list(docs)
    names = Names(labels, lang)
    hues = choose_hues(docs, names, spans_key)
    pictures = [_picture(doc, names, hues, symmetric, spans_key) for doc in docs]
    template = templates.get_template("page.html.jinja" if page else "pictures.html.jinja")
    return template.render(
        title=printable(names.words["title"] if title is None else title),
        lang=lang,
        words=names.words,
        choices=label_choices(docs, names, hues, spans_key),
        pictures=pictures,
        has_bar=page and bool(pictures),
        attention=None if attention is None else attention_rows(attention, names),
    )


def render_svg(
    doc: Doc,
    *,
    labels: Labels | None = None,
    lang: str = "en",
    symmetric: Collection[str] = (),
    spans_key: str = DEFAULT_KEY,
    width: float = WIDTH,
) -> str:
    """Draw one document as an SVG that contains its style, for a README for example.

    doc (Doc): The document.
    labels (Mapping | None): Display names, as for `render`.
    lang (str): The language of the display names.
    symmetric (Collection[str]): Symmetric relation labels.
    spans_key (str): The span group of the entities.
    width (float): The width of the picture in pixels. The text is wrapped.
    RETURNS (str): The SVG.
    RAISES (ValueError): If the table of display names has another form.
    """
    style = templates.get_template("picture.css.jinja").render()
    names = Names(labels, lang)
    hues = choose_hues([doc], names, spans_key)
    svg = draw(doc, names=names, hues=hues, symmetric=symmetric, width=width, style=style, spans_key=spans_key)
    return to_string(svg) + "\n"


def write_page(docs: Doc | Iterable[Doc], path: str | Path, **options: Any) -> None:
    """Write the page to a file.

    docs (Doc | Iterable[Doc]): The documents.
    path (str | Path): The HTML file. Its folder is made if it does not exist.
    **options (Any): As for `render`.
    """
    html = render(docs, **options)
    with replacing(path) as temporary:
        temporary.write_text(html, encoding="utf8")


def display(docs: Doc | Iterable[Doc], **options: Any) -> Any:
    """Show documents in a notebook.

    docs (Doc | Iterable[Doc]): The documents.
    **options (Any): As for `render`.
    RETURNS (IPython.display.HTML | str): An object that the notebook shows; without IPython, the HTML itself.
    """
    html = render(docs, page=False, **options)
    try:
        from IPython.display import HTML
    except ImportError:
        return html
    return HTML(html)


def _picture(
    doc: Doc, names: Names, hues: Mapping[str, int], symmetric: Collection[str], spans_key: str
) -> dict[str, Any]:
    return {
        "title": printable(str(doc.user_data.get("title") or "")),
        "lang": guess_lang(doc),
        "empty": not doc.text.strip(),
        "counts": _counts(doc, names, spans_key),
        "svg": Markup(to_string(draw(doc, names=names, hues=hues, symmetric=symmetric, spans_key=spans_key))),
        "rows": relation_rows(doc, names, symmetric, spans_key),
    }


def _counts(doc: Doc, names: Names, spans_key: str) -> list[str]:
    """The counts of entities, relations and categories. Absent annotations are left out, empty ones are shown as 0."""
    parts = {"entities": get_entities(doc, spans_key), "relations": get_relations(doc), "cats": doc.cats or None}
    return [f"{names.words[kind]}: {len(found)}" for kind, found in parts.items() if found is not None]
