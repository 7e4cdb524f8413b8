"""One document as an SVG: the text with tinted entities, brackets under it, arcs above it, bars for the categories."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from xml.etree import ElementTree

from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, EntitySpan, get_entities
from ..annotations.relations import get_triples
from .bars import best_first, draw_bars, percent
from .bundles import Bundle, bundle_relations
from .drawing import draw_arcs, draw_marks, draw_outlines, draw_tints, draw_words
from .layout import lay_out
from .marking import Marking
from .markup import add_element, format_number, printable
from .names import Names
from .palette import assign_hues, hue_class
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
    spans_key: str = DEFAULT_KEY,
    marking: Marking | None = None,
    bars: bool = True,
) -> ElementTree.Element:
    """Draw one document.

    doc (Doc): The document. Missing annotations are left out.
    names (Names): The display names.
    hues (Mapping[str, int]): The colour number of each entity label; see `choose_hues`.
    symmetric (Collection[str]): Symmetric relation labels. Their arcs have two arrowheads.
    width (float): The width of the picture in pixels.
    style (str): CSS to put inside, for a picture outside of a page.
    spans_key (str): The span group of the entities.
    marking (Marking | None): Which entities and relations are marked. Default: none, all are drawn in full colour.
    bars (bool): Draw the categories.
    RETURNS (ElementTree.Element): The `<svg>`.
    """
    entities = get_entities(doc, spans_key) or []
    bundles = bundle_relations(doc, symmetric)
    words = [Word(printable(token.text), token.whitespace_) for token in doc]
    spans = [entity._replace(label=_entity_label(entity, names, marking)) for entity in entities]
    arcs = [Arc(bundle.head, bundle.tail, _arc_label(bundle, names, marking), bundle.both) for bundle in bundles]
    classes, arc_classes = _entity_classes(entities, hues, marking), _arc_classes(bundles, marking)
    picture = lay_out(words, spans, arcs, width)
    cats = ElementTree.Element("g", {"class": "cats"})
    shown = doc.cats if bars else {}
    height = picture.height + draw_bars(cats, shown, names, top=picture.height, width=width)

    svg = ElementTree.Element("svg", _svg_attributes(width, height, guess_lang(doc)))
    add_element(svg, "title", text=f"{names.words['text']}: {_shorten(doc.text)}")
    add_element(svg, "desc", text=describe(doc, names, spans_key))
    if style:
        add_element(svg, "style", text=style)
        add_element(svg, "rect", {"class": "ground", "width": "100%", "height": "100%", "rx": "8"})
    draw_tints(svg, picture, entities, classes)
    draw_outlines(svg, picture, entities, bundles)
    draw_arcs(svg, doc, picture, bundles, names, arc_classes)
    draw_words(svg, picture)
    draw_marks(svg, doc, picture, entities, names, classes)
    if len(cats):
        svg.append(cats)
    return svg


def describe(doc: Doc, names: Names, spans_key: str = DEFAULT_KEY) -> str:
    """Describe the picture in words, for screen readers.

    doc (Doc): The document.
    names (Names): The display names.
    spans_key (str): The span group of the entities.
    RETURNS (str): Lines with the text, its entities, relations and categories.
    """
    lines = [doc.text]
    entities = [
        f"{doc[entity.start : entity.end].text} ({names.of('entities', entity.label)})"
        for entity in get_entities(doc, spans_key) or []
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


def choose_hues(docs: Iterable[Doc], names: Names, spans_key: str = DEFAULT_KEY) -> dict[str, int]:
    """Choose a colour number for each entity label in some documents and in the table of names.

    docs (Iterable[Doc]): The documents.
    names (Names): The display names. All pages with the same table have the same colours.
    spans_key (str): The span group of the entities.
    RETURNS (dict[str, int]): The colour numbers; see `assign_hues`.
    """
    found = [entity.label for doc in docs for entity in get_entities(doc, spans_key) or []]
    return assign_hues([*found, *names.known("entities")])


def _entity_label(entity: EntitySpan, names: Names, marking: Marking | None) -> str:
    name = names.of("entities", entity.label)
    return name if marking is None else marking.sign_for(marking.has_entity(entity)) + name


def _arc_label(bundle: Bundle, names: Names, marking: Marking | None) -> str:
    shown = []
    for label in bundle.labels:
        sign = "" if marking is None else marking.sign_for(marking.has_relation(bundle, label))
        shown.append(sign + names.of("relations", label))
    return ", ".join(shown)


def _entity_classes(entities: Sequence[EntitySpan], hues: Mapping[str, int], marking: Marking | None) -> list[str]:
    classes = [hue_class(hues[entity.label]) for entity in entities]
    if marking is None:
        return classes
    return [f"{hue} {marking.css(marking.has_entity(entity))}" for hue, entity in zip(classes, entities)]


def _arc_classes(bundles: Sequence[Bundle], marking: Marking | None) -> list[str]:
    if marking is None:
        return [""] * len(bundles)
    return [marking.css(any(marking.has_relation(bundle, label) for label in bundle.labels)) for bundle in bundles]


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
