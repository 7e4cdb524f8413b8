"""How is one Doc drawn? The words with tinted entities, brackets under them, arcs over them, bars for the categories: one SVG."""

import math
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple
from xml.etree import ElementTree

from spacy.tokens import Doc

from ..annotations.entities import EntitySpan, get_entities
from ..annotations.relations import get_triples
from .layout import LABEL_SIZE, ArcPart, LabelledSpan, Link, Mark, Picture, Place, Word, lay_out
from .names import Names
from .palette import HUES, assign_hues
from .widths import text_width

WIDTH = 860.0

BAR_ROW = 20.0
BAR_WIDTH = 150.0
BAR_GAP = 28.0
PERCENT_WIDTH = 38.0

# XML cannot hold these characters, not even escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Bundle(NamedTuple):
    """All relations of one pair, drawn as one arc."""

    head: Place
    tail: Place
    both: bool
    labels: tuple[str, ...]
    scores: tuple[float, ...]


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

    doc (Doc): The document. Whatever it lacks is left out.
    names (Names): The display names.
    hues (Mapping[str, int]): The colour number of each entity label, as `assign_hues` gives them.
    symmetric (Collection[str]): Relation labels that hold in both directions; their arcs have two heads.
    width (float): The width of the picture.
    style (str): CSS to be put inside, for a picture that stands alone.
    RETURNS (ElementTree.Element): The `<svg>`.
    """
    entities = get_entities(doc) or []
    bundles = bundle_relations(doc, symmetric)
    spans = [LabelledSpan(entity.start, entity.end, names.of("entities", entity.label)) for entity in entities]
    links = [
        Link(b.head, b.tail, ", ".join(names.of("relations", label) for label in b.labels), b.both) for b in bundles
    ]
    picture = lay_out([Word(printable(token.text), token.whitespace_) for token in doc], spans, links, width)
    bars = ElementTree.Element("g", {"class": "cats"})
    height = picture.height + _draw_cats(bars, doc.cats, names, top=picture.height, width=width)

    svg = ElementTree.Element("svg", _size(width, height, doc))
    _add(svg, "title", text=f"{names.words['text']}: {_shortened(doc.text)}")
    _add(svg, "desc", text=describe(doc, names))
    if style:
        _add(svg, "style", text=style)
        _add(svg, "rect", {"class": "ground", "width": "100%", "height": "100%", "rx": "8"})
    _draw_tints(svg, picture, entities, hues)
    _draw_ghosts(svg, picture, entities, bundles)
    _draw_arcs(svg, doc, picture, bundles, names)
    _draw_words(svg, picture)
    _draw_marks(svg, doc, picture, entities, hues)
    if len(bars):
        svg.append(bars)
    return svg


def bundle_relations(doc: Doc, symmetric: Collection[str] = ()) -> list[Bundle]:
    """Gather the relations of each pair.

    doc (Doc): The document.
    symmetric (Collection[str]): Relation labels that hold in both directions: a stored relation and its mirror image count once.
    RETURNS (List[Bundle]): In the order of their first relation. A directed and a symmetric relation of one pair stay apart.
    RAISES (ValueError): A relation that points outside the document.
    """
    found: dict[tuple[Place, Place, bool], dict[str, float]] = {}
    for triple in get_triples(doc):
        both = triple.label in symmetric
        head, tail = (triple.head.start, triple.head.end), (triple.tail.start, triple.tail.end)
        if both:
            head, tail = sorted((head, tail))
        scores = found.setdefault((head, tail, both), {})
        scores[triple.label] = max(triple.score, scores.get(triple.label, -math.inf))
    return [Bundle(*key, tuple(scores), tuple(scores.values())) for key, scores in found.items()]


def describe(doc: Doc, names: Names) -> str:
    """The picture in words: the text, its entities, relations and categories."""
    words = names.words
    lines = [doc.text]
    entities = get_entities(doc)
    if entities:
        listed = (f"{doc[e.start : e.end].text} ({names.of('entities', e.label)})" for e in entities)
        lines.append(f"{words['entities']}: {'; '.join(listed)}")
    triples = get_triples(doc)
    if triples:
        listed = (f"{t.head.text} – {names.of('relations', t.label)} – {t.tail.text}" for t in triples)
        lines.append(f"{words['relations']}: {'; '.join(listed)}")
    if doc.cats:
        listed = (f"{names.of('cats', cat)} {percent(score)}" for cat, score in _best_first(doc.cats))
        lines.append(f"{words['cats']}: {', '.join(listed)}")
    return "\n".join(lines)


def percent(score: float) -> str:
    """A score as whole percent; what is neither impossible nor certain is not rounded to either."""
    if not math.isfinite(score):
        return "–"
    if 0 < score < 0.005:
        return "<1%"
    if 0.995 <= score < 1:
        return ">99%"
    return f"{100 * score:.0f}%"


def printable(text: str) -> str:
    """The text with a replacement character wherever XML cannot hold what stands there."""
    return _FORBIDDEN.sub("\ufffd", text)


def to_string(svg: ElementTree.Element) -> str:
    """The SVG as a string."""
    return ElementTree.tostring(svg, encoding="unicode")


def guess_lang(doc: Doc) -> str:
    """The language for the reader's browser, which draws the same character differently in Japanese and in Chinese.

    doc (Doc): The document.
    RETURNS (str): That of the vocabulary; without one, what the script tells; empty where it tells nothing.
    """
    if doc.lang_:
        return doc.lang_
    if re.search("[\u3041-\u30ff]", doc.text):
        return "ja"
    return "zh" if re.search("[\u4e00-\u9fff]", doc.text) else ""


def _draw_tints(
    svg: ElementTree.Element, picture: Picture, entities: list[EntitySpan], hues: Mapping[str, int]
) -> None:
    group = _add(svg, "g", {"class": "tints"})
    outer_first = sorted(picture.marks, key=lambda mark: mark.tint.top)
    for mark in outer_first:
        box = mark.tint
        place = {"x": box.left, "y": box.top, "width": box.right - box.left, "height": box.bottom - box.top, "rx": 4}
        _add(group, "rect", {"class": f"tint {_hue(mark, entities, hues)}", **place})


def _draw_ghosts(svg: ElementTree.Element, picture: Picture, entities: list[EntitySpan], bundles: list[Bundle]) -> None:
    """Outline the ends of relations that are no entities, so that an arc never stands on nothing."""
    known = {(entity.start, entity.end) for entity in entities}
    group = ElementTree.Element("g", {"class": "ghosts"})
    for start, end in sorted({place for bundle in bundles for place in (bundle.head, bundle.tail)} - known):
        for segment in picture.segments(start, end):
            baseline = picture.baselines[segment.line]
            place = {
                "x": segment.left - 1,
                "y": baseline - 17,
                "width": segment.right - segment.left + 2,
                "height": 23,
                "rx": 4,
            }
            _add(group, "rect", {"class": "ghost", **place})
    if len(group):
        svg.append(group)


def _draw_arcs(svg: ElementTree.Element, doc: Doc, picture: Picture, bundles: list[Bundle], names: Names) -> None:
    if not picture.arcs:
        return
    runs, labels = _add(svg, "g", {"class": "arcs"}), ElementTree.Element("g", {"class": "arc-labels"})
    for part in sorted(picture.arcs, key=lambda part: -part.level):
        bundle = bundles[part.link]
        group = _add(runs, "g", {"class": "arc", "data-arc": part.link})
        _add(group, "title", text=_arc_title(doc, bundle, names))
        _add(group, "path", {"class": "run", "d": _run(part)})
        for x, is_tail in ((part.head, False), (part.tail, True)):
            if x is None:
                continue
            if is_tail or bundle.both:
                _add(group, "path", {"class": "tip", "d": f"M{_n(x)} {_n(part.foot - 1)}l-3.6 -7h7.2z"})
            else:
                _add(group, "circle", {"class": "root", "cx": x, "cy": part.foot - 3, "r": 2.4})
        if part.number:
            at_right = part.goes_on
            edge = part.right if at_right else part.left
            _add(group, "path", {"class": "cut", "d": f"M{_n(edge - 2)} {_n(part.y - 3.5)}l4 3.5l-4 3.5"})
            beside = {
                "x": edge + 4 if at_right else edge - 4,
                "y": part.y + 3,
                "text-anchor": "start" if at_right else "end",
            }
            _add(labels, "text", {"class": "cut-number", **beside}, text=str(part.number))
        centre = {"x": part.label_centre, "y": part.y - 4, "text-anchor": "middle"}
        joined = ", ".join(names.of("relations", label) for label in bundle.labels)
        label = _add(labels, "text", {"class": "arc-label", "data-arc": part.link, **centre}, text=joined)
        _squeeze(label, part.label_width)
    svg.append(labels)


def _run(part: ArcPart) -> str:
    """From the text up, along, and down again; one leg is missing where the arc goes on in another line."""
    y, foot = _n(part.y), _n(part.foot - 6)
    radius = max(0.0, min(6.0, (part.right - part.left) / 2))
    r = _n(radius)
    has_left, has_right = part.left in part.feet, part.right in part.feet
    start = f"M{_n(part.left)} {foot}V{_n(part.y + radius)}q0 -{r} {r} -{r}" if has_left else f"M{_n(part.left)} {y}"
    end = f"H{_n(part.right - radius)}q{r} 0 {r} {r}V{foot}" if has_right else f"H{_n(part.right)}"
    return start + end


def _draw_words(svg: ElementTree.Element, picture: Picture) -> None:
    group = _add(svg, "g", {"class": "words"})
    lines: dict[int, ElementTree.Element] = {}
    for piece in picture.pieces:
        if piece.line not in lines:
            lines[piece.line] = _add(group, "text", {"class": "line", "y": picture.baselines[piece.line]})
        word = _add(lines[piece.line], "tspan", {"x": piece.left, "data-token": piece.token})
        word.text = re.sub(r"\s", " ", piece.text)
        if len(word.text.strip()) > 1:
            word.set("textLength", _n(piece.end - piece.left))


def _draw_marks(
    svg: ElementTree.Element, doc: Doc, picture: Picture, entities: list[EntitySpan], hues: Mapping[str, int]
) -> None:
    if not picture.marks:
        return
    marks = _add(svg, "g", {"class": "marks"})
    for mark in picture.marks:
        entity, segment, y = entities[mark.span], mark.segment, mark.box.top + 4
        group = _add(marks, "g", {"class": f"mark {_hue(mark, entities, hues)}", "data-entity": mark.span})
        _add(group, "title", text=f"{doc[entity.start : entity.end].text}: {entity.label} ({entity.score:.2f})")
        left = f"M{_n(segment.left)} {_n(y - 4)}V{_n(y)}" if segment.opens else f"M{_n(segment.left)} {_n(y)}"
        right = f"H{_n(segment.right)}" + (f"V{_n(y - 4)}" if segment.closes else "")
        _add(group, "path", {"class": "bracket", "d": left + right})
        if mark.label:
            centre = {"x": mark.label_left + mark.label_width / 2, "y": y + 12, "text-anchor": "middle"}
            _squeeze(_add(group, "text", {"class": "mark-label", **centre}, text=mark.label), mark.label_width)


def _draw_cats(
    group: ElementTree.Element, cats: Mapping[str, float], names: Names, *, top: float, width: float
) -> float:
    """Draw the bars, best first, in as many columns as fit. Returns the height they take."""
    if not cats:
        return 0.0
    shown = [(names.of("cats", cat), score) for cat, score in _best_first(cats)]
    label_width = min(max(text_width(name, LABEL_SIZE) for name, _ in shown) + 4, width / 2)
    column = label_width + 8 + BAR_WIDTH + PERCENT_WIDTH + BAR_GAP
    columns = max(1, min(int((width - 20) // column), math.ceil(len(shown) / 3)))
    rows = math.ceil(len(shown) / columns)
    for number, (name, score) in enumerate(shown):
        x, y = 20 + column * (number // rows), top + BAR_ROW * (number % rows)
        bar = x + label_width + 8
        filled = BAR_WIDTH * min(max(score, 0.0), 1.0) if math.isfinite(score) else 0.0
        row = _add(group, "g", {"class": "cat best" if number == 0 else "cat"})
        label = _add(
            row, "text", {"class": "cat-label", "x": x + label_width, "y": y + 11, "text-anchor": "end"}, text=name
        )
        _squeeze(label, min(label_width, text_width(name, LABEL_SIZE)))
        _add(row, "rect", {"class": "rail", "x": bar, "y": y + 3, "width": BAR_WIDTH, "height": 9, "rx": 3})
        _add(
            row,
            "rect",
            {"class": "bar", "x": bar, "y": y + 3, "width": filled, "height": 9, "rx": min(3.0, filled / 2)},
        )
        _add(row, "text", {"class": "percent", "x": bar + BAR_WIDTH + 6, "y": y + 11}, text=percent(score))
    return BAR_ROW * rows + 8


def _arc_title(doc: Doc, bundle: Bundle, names: Names) -> str:
    head, tail = (doc[start:end].text for start, end in (bundle.head, bundle.tail))
    labels = ", ".join(
        f"{names.of('relations', label)} ({score:.2f})" for label, score in zip(bundle.labels, bundle.scores)
    )
    return f"{head} {'↔' if bundle.both else '→'} {tail}: {labels}"


def _hue(mark: Mark, entities: list[EntitySpan], hues: Mapping[str, int]) -> str:
    return hue_class(hues[entities[mark.span].label])


def hue_class(number: int) -> str:
    """The CSS classes of a colour number."""
    return f"k{number % len(HUES)} d{number // len(HUES) % 3}"


def choose_hues(docs: Collection[Doc], names: Names) -> dict[str, int]:
    """The colour number of every entity label in some documents and in the table of names; with a table all pages have the same colours."""
    found = (entity.label for doc in docs for entity in get_entities(doc) or [])
    return assign_hues([*found, *names.known("entities")])


def _size(width: float, height: float, doc: Doc) -> dict[str, str]:
    size = {"width": _n(width), "height": _n(height), "viewBox": f"0 0 {_n(width)} {_n(height)}"}
    attrs = {"xmlns": "http://www.w3.org/2000/svg", "class": "mre", "role": "img", **size}
    lang = guess_lang(doc)
    return {**attrs, "lang": lang} if lang else attrs


def _squeeze(label: ElementTree.Element, width: float) -> None:
    """Keep a label within the width that was laid out for it, whatever font the reader has."""
    if len(label.text or "") > 1:
        label.set("textLength", _n(width - 2 if label.get("class") == "arc-label" else width))
        label.set("lengthAdjust", "spacingAndGlyphs")


def _best_first(cats: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(cats.items(), key=lambda item: (-item[1], item[0]))


def _shortened(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def _add(parent: ElementTree.Element, tag: str, attrs: Mapping[str, object] | None = None, text: str | None = None):
    given = {key: _n(value) if isinstance(value, float) else str(value) for key, value in (attrs or {}).items()}
    element = ElementTree.SubElement(parent, tag, given)
    if text is not None:
        element.text = printable(text)
    return element


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
