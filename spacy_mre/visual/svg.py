"""One document as an SVG: the text with tinted entities, brackets under it, arcs above it, bars for the categories."""

import re
from collections.abc import Collection, Iterable, Mapping
from xml.etree import ElementTree

from spacy.tokens import Doc

from ..annotations.entities import get_entities
from ..annotations.relations import get_triples
from .bars import best_first, draw_bars, percent
from .bundles import bundle_relations
from .drawing import draw_arcs, draw_marks, draw_outlines, draw_tints, draw_words
from .layout import lay_out
from .markup import add_element, format_number, printable
from .names import Names
from .palette import assign_hues
from .shapes import Arc, Word

WIDTH = 860.0


def draw(
    doc: Doc,
    *,
    names: Names,
    hues: Mapping[str, int],
    symmetric: Collection[str] = (),
    width: float = WIDTH,
    style: str = "",
) -> ElementTree.Element:
    """Draw one document.

    doc (Doc): The document. Missing annotations are left out.
    names (Names): The display names.
    hues (Mapping[str, int]): The colour number of each entity label; see `choose_hues`.
    symmetric (Collection[str]): Symmetric relation labels. Their arcs have two arrowheads.
    width (float): The width of the picture in pixels.
    style (str): CSS to put inside, for a picture outside of a page.
    RETURNS (ElementTree.Element): The `<svg>`.
    """
    entities = get_entities(doc) or []
    bundles = bundle_relations(doc, symmetric)
    words = [Word(printable(token.text), token.whitespace_) for token in doc]
    spans = [entity._replace(label=names.of("entities", entity.label)) for entity in entities]
    arcs = [
        Arc(bundle.head, bundle.tail, ", ".join(names.of("relations", label) for label in bundle.labels), bundle.both)
        for bundle in bundles
    ]
    picture = lay_out(words, spans, arcs, width)
    bars = ElementTree.Element("g", {"class": "cats"})
    height = picture.height + draw_bars(bars, doc.cats, names, top=picture.height, width=width)

    svg = ElementTree.Element("svg", _svg_attributes(width, height, guess_lang(doc)))
    add_element(svg, "title", text=f"{names.words['text']}: {_shorten(doc.text)}")
    add_element(svg, "desc", text=describe(doc, names))
    if style:
        add_element(svg, "style", text=style)
        add_element(svg, "rect", {"class": "ground", "width": "100%", "height": "100%", "rx": "8"})
    draw_tints(svg, picture, entities, hues)
    draw_outlines(svg, picture, entities, bundles)
    draw_arcs(svg, doc, picture, bundles, names)
    draw_words(svg, picture)
    draw_marks(svg, doc, picture, entities, hues)
    if len(bars):
        svg.append(bars)
    return svg


def describe(doc: Doc, names: Names) -> str:
    """Describe the picture in words, for screen readers.

    doc (Doc): The document.
    names (Names): The display names.
    RETURNS (str): Lines with the text, its entities, relations and categories.
    """
    lines = [doc.text]
    entities = [
        f"{doc[entity.start : entity.end].text} ({names.of('entities', entity.label)})"
        for entity in get_entities(doc) or []
    ]
    relations = [f"{t.head.text} – {names.of('relations', t.label)} – {t.tail.text}" for t in get_triples(doc)]
    cats = [f"{names.of('cats', cat)} {percent(score)}" for cat, score in best_first(doc.cats)]
    if entities:
        lines.append(f"{names.words['entities']}: {'; '.join(entities)}")
    if relations:
        lines.append(f"{names.words['relations']}: {'; '.join(relations)}")
    if cats:
        lines.append(f"{names.words['cats']}: {', '.join(cats)}")
    return "\n".join(lines)


def guess_lang(doc: Doc) -> str:
    """Choose the language of a text for the browser, which draws some characters differently in Japanese and Chinese.

    doc (Doc): The document.
    RETURNS (str): The language of the vocabulary. If that is not set: ja or zh, judged by the script, or an empty
        string.
    """
    if doc.lang_:
        return doc.lang_
    if re.search("[\u3041-\u30ff]", doc.text):
        return "ja"
    return "zh" if re.search("[\u4e00-\u9fff]", doc.text) else ""


def choose_hues(docs: Iterable[Doc], names: Names) -> dict[str, int]:
    """Choose a colour number for each entity label in some documents and in the table of names.

    docs (Iterable[Doc]): The documents.
    names (Names): The display names. All pages with the same table have the same colours.
    RETURNS (dict[str, int]): The colour numbers; see `assign_hues`.
    """
    found = [entity.label for doc in docs for entity in get_entities(doc) or []]
    return assign_hues([*found, *names.known("entities")])


def _svg_attributes(width: float, height: float, lang: str) -> dict[str, str]:
    shown_width, shown_height = format_number(width), format_number(height)
    attrs = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "mre",
        "role": "img",
        "width": shown_width,
        "height": shown_height,
        "viewBox": f"0 0 {shown_width} {shown_height}",
    }
    return {**attrs, "lang": lang} if lang else attrs


def _shorten(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
