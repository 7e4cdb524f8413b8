"""Layers of the picture: tints, outlines, arcs, words and brackets, from layout coordinates to SVG elements."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from spacy.tokens import Doc

from ..annotations.entities import EntitySpan, Offsets
from .bundles import Bundle
from .layout import ASCENT, DESCENT
from .lines import segments_of
from .markup import add_element, fit_label, format_number
from .names import Names
from .shapes import ArcPart, Mark, Picture


def draw_tints(
    svg: ElementTree.Element, picture: Picture, entities: Sequence[EntitySpan], classes: Sequence[str]
) -> None:
    """Draw the coloured backgrounds of the entities, outer ones first.

    svg (ElementTree.Element): Where to add the layer.
    picture (Picture): The layout.
    entities (Sequence[EntitySpan]): The entities, in the order of the layout.
    classes (Sequence[str]): The CSS classes of each entity, in the order of the layout.
    """
    group = add_element(svg, "g", {"class": "tints"})
    for mark in sorted(picture.marks, key=lambda mark: mark.tint.top):
        box = mark.tint
        place = {"x": box.left, "y": box.top, "width": box.right - box.left, "height": box.bottom - box.top, "rx": 4}
        add_element(group, "rect", {"class": f"tint {classes[mark.span]}", **_data_of(mark, entities), **place})


def draw_outlines(
    svg: ElementTree.Element, picture: Picture, entities: Sequence[EntitySpan], bundles: Sequence[Bundle]
) -> None:
    """Outline the ends of relations that are not entities.

    svg (ElementTree.Element): Where to add the layer.
    picture (Picture): The layout.
    entities (Sequence[EntitySpan]): The entities.
    bundles (Sequence[Bundle]): The arcs.
    """
    arcs_at: dict[Offsets, list[str]] = {}
    for number, bundle in enumerate(bundles):
        for offsets in {bundle.head, bundle.tail}:
            arcs_at.setdefault(offsets, []).append(str(number))
    outlined = sorted(arcs_at.keys() - {entity.offsets for entity in entities})
    if not outlined:
        return
    group = add_element(svg, "g", {"class": "ghosts"})
    for start, end in outlined:
        arcs = {"data-arcs": " ".join(arcs_at[start, end])}
        for segment in segments_of(start, end, picture.pieces):
            top = picture.baselines[segment.line] - ASCENT
            size = {"width": segment.right - segment.left + 2, "height": ASCENT + DESCENT, "rx": 4}
            add_element(group, "rect", {"class": "ghost", **arcs, "x": segment.left - 1, "y": top, **size})


def draw_arcs(
    svg: ElementTree.Element,
    doc: Doc,
    picture: Picture,
    bundles: Sequence[Bundle],
    names: Names,
    classes: Sequence[str],
) -> None:
    """Draw the arcs, higher ones first, and above them their labels.

    svg (ElementTree.Element): Where to add the layer.
    doc (Doc): The document.
    picture (Picture): The layout.
    bundles (Sequence[Bundle]): The arcs, in the order of the layout.
    names (Names): The display names.
    classes (Sequence[str]): The CSS classes of each arc.
    """
    if not picture.arc_parts:
        return
    runs, labels = add_element(svg, "g", {"class": "arcs"}), ElementTree.Element("g", {"class": "arc-labels"})
    for part in sorted(picture.arc_parts, key=lambda part: -part.level):
        bundle = bundles[part.arc]
        group = add_element(runs, "g", {"class": f"arc {classes[part.arc]}".strip(), "data-arc": part.arc})
        add_element(group, "title", text=_arc_title(doc, bundle, names))
        add_element(group, "path", {"class": "run", "d": _run_path(part)})
        _draw_feet(group, part, both=bundle.both)
        if part.number:
            _draw_open_end(group, labels, part)
        attrs = {"class": f"arc-label {classes[part.arc]}".strip(), "data-arc": part.arc}
        place = {"x": part.label_centre, "y": part.y - 4, "text-anchor": "middle"}
        label = add_element(labels, "text", {**attrs, **place}, text=part.label)
        fit_label(label, part.label_width)
    svg.append(labels)


def draw_words(svg: ElementTree.Element, picture: Picture) -> None:
    """Draw the text.

    svg (ElementTree.Element): Where to add the layer.
    picture (Picture): The layout.
    """
    group = add_element(svg, "g", {"class": "words"})
    lines: dict[int, ElementTree.Element] = {}
    for piece in picture.pieces:
        if piece.line not in lines:
            lines[piece.line] = add_element(group, "text", {"class": "line", "y": picture.baselines[piece.line]})
        word = add_element(lines[piece.line], "tspan", {"x": piece.left, "data-token": piece.token})
        word.text = re.sub(r"\s", " ", piece.text)
        if len(word.text.strip()) > 1:
            word.set("textLength", format_number(piece.end - piece.left))


def draw_marks(
    svg: ElementTree.Element,
    doc: Doc,
    picture: Picture,
    entities: Sequence[EntitySpan],
    names: Names,
    classes: Sequence[str],
) -> None:
    """Draw the brackets and labels of the entities.

    svg (ElementTree.Element): Where to add the layer.
    doc (Doc): The document.
    picture (Picture): The layout.
    entities (Sequence[EntitySpan]): The entities, in the order of the layout.
    names (Names): The display names.
    classes (Sequence[str]): The CSS classes of each entity.
    """
    if not picture.marks:
        return
    marks = add_element(svg, "g", {"class": "marks"})
    for mark in picture.marks:
        entity, y = entities[mark.span], mark.box.top + 4
        group = add_element(marks, "g", {"class": f"mark {classes[mark.span]}", **_data_of(mark, entities)})
        title = f"{doc[entity.start : entity.end].text}: {names.of('entities', entity.label)} ({entity.score:.2f})"
        add_element(group, "title", text=title)
        add_element(group, "path", {"class": "bracket", "d": _bracket_path(mark, y)})
        if mark.label:
            centre = {"x": mark.label_left + mark.label_width / 2, "y": y + 12, "text-anchor": "middle"}
            label = add_element(group, "text", {"class": "mark-label", **centre}, text=mark.label)
            fit_label(label, mark.label_width)


def _data_of(mark: Mark, entities: Sequence[EntitySpan]) -> dict[str, object]:
    """What the filter of a page compares. The score is rounded as it is shown: what reads 0.90 is not below 0.90."""
    entity = entities[mark.span]
    return {"data-entity": mark.span, "data-label": entity.label, "data-score": f"{entity.score:.2f}"}


def _draw_feet(group: ElementTree.Element, part: ArcPart, *, both: bool) -> None:
    """Draw an arrowhead at the tail, and at the head a circle, or an arrowhead if the arc points in both directions."""
    for x, is_tail in ((part.head, False), (part.tail, True)):
        if x is None:
            continue
        if is_tail or both:
            path = f"M{format_number(x)} {format_number(part.foot - 1)}l-3.6 -7h7.2z"
            add_element(group, "path", {"class": "tip", "d": path})
        else:
            add_element(group, "circle", {"class": "root", "cx": x, "cy": part.foot - 3, "r": 2.4})


def _draw_open_end(group: ElementTree.Element, labels: ElementTree.Element, part: ArcPart) -> None:
    """Draw an angle where an arc continues on another line, with the number of the arc."""
    edge = part.right if part.continues else part.left
    path = f"M{format_number(edge - 2)} {format_number(part.y - 3.5)}l4 3.5l-4 3.5"
    add_element(group, "path", {"class": "cut", "d": path})
    x, anchor = (edge + 4, "start") if part.continues else (edge - 4, "end")
    attrs = {"class": "cut-number", "data-arc": part.arc, "x": x, "y": part.y + 3, "text-anchor": anchor}
    add_element(labels, "text", attrs, text=str(part.number))


def _run_path(part: ArcPart) -> str:
    """Up from the text, along the run, and down again. At an open end there is no vertical line."""
    y, foot = format_number(part.y), format_number(part.foot - 6)
    radius = max(0.0, min(6.0, (part.right - part.left) / 2))
    r = format_number(radius)
    start = f"M{format_number(part.left)} {y}"
    if part.left in part.feet:
        start = f"M{format_number(part.left)} {foot}V{format_number(part.y + radius)}q0 -{r} {r} -{r}"
    end = f"H{format_number(part.right)}"
    if part.right in part.feet:
        end = f"H{format_number(part.right - radius)}q{r} 0 {r} {r}V{foot}"
    return start + end


def _bracket_path(mark: Mark, y: float) -> str:
    segment = mark.segment
    left = f"M{format_number(segment.left)} "
    left += f"{format_number(y - 4)}V{format_number(y)}" if segment.opens else format_number(y)
    right = f"H{format_number(segment.right)}" + (f"V{format_number(y - 4)}" if segment.closes else "")
    return left + right


def _arc_title(doc: Doc, bundle: Bundle, names: Names) -> str:
    head, tail = doc[slice(*bundle.head)].text, doc[slice(*bundle.tail)].text
    shown = [f"{names.of('relations', label)} ({score:.2f})" for label, score in zip(bundle.labels, bundle.scores)]
    return f"{head} {'↔' if bundle.both else '→'} {tail}: {', '.join(shown)}"
