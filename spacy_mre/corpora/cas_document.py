"""What one document of a CAS becomes: entities, relations, text labels, tokens and metadata."""

from itertools import pairwise
from typing import Any

from .cas_choice import Choice
from .cas_content import HEAD, KEY, TAIL, TITLE, VALUE, CasDocument, Structure
from .layers import NO_TEXT, SpanAnnotation, lose_values, read_entities, read_relation, short_name
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report

ID, LANGUAGE, UNSPECIFIED = "documentId", "language", "x-unspecified"
LOST_KINDS = {
    "span": "annotation",
    "relation": "relation",
    "document": "annotation",
    "chain": "link of a chain",
    "part": "annotation",
}


def read_document(document: CasDocument, choice: Choice, title: str, name: str, report: Report) -> Record:
    """Read one document.

    document (CasDocument): The document.
    choice (Choice): The layers and features to read.
    title (str): Its title, if it is the id.
    name (str): The name of the file, which is the id without its suffix otherwise.
    report (Report): Counts what is not read.
    RETURNS (Record): The record.
    """
    entities, indices = _entities(document, choice, report)
    relations = _relations(document, choice, indices, report)
    cats = _text_labels(document, choice, report)
    _lose_others(document, choice, report)
    return Record(
        text=document.text,
        id=title or name.removesuffix(document.location.path.suffix),
        entities=entities if choice.spans else None,
        relations=relations if choice.relations else None,
        cats=cats if choice.texts else None,
        tokens=_tokens(document, report),
        meta=_metadata(document, title, report),
        origin=name,
    )


def _entities(document: CasDocument, choice: Choice, report: Report) -> tuple[list[EntityRecord], dict[int, int]]:
    """The entities, and their indices by the ids of their annotations."""
    spans = [item for item in document.of("span") if item.layer.name == choice.spans]
    marked = [SpanAnnotation(item.location, item.start, item.end, item.values) for item in spans]
    entities, indices = read_entities(marked, choice.spans, choice.label, report)
    for item in spans:
        _lose_references(item, report)
    return entities, {spans[i].id: entity for i, entity in indices.items()}


def _relations(document: CasDocument, choice: Choice, indices: dict[int, int], report: Report) -> list[RelationRecord]:
    found: list[RelationRecord] = []
    for item in document.of("relation"):
        if item.layer.name not in choice.relations:
            continue
        feature = choice.relations[item.layer.name]
        label = item.values.get(feature) if feature else short_name(item.layer.name)
        head, tail = (indices.get(item.references.get(end, 0)) for end in (HEAD, TAIL))
        found += read_relation(head, tail, label, item.location, report)
        lose_values(item.values, feature, item.location, report)
        _lose_references(item, report)
    return found


def _text_labels(document: CasDocument, choice: Choice, report: Report) -> dict[str, float]:
    cats: dict[str, float] = {}
    for item in document.of("document"):
        if item.layer.name == choice.texts:
            label = item.values.get(choice.text_label) if choice.text_label else short_name(choice.texts)
            if not label:
                report.lose("text label without a name", str(item.location))
            elif label in cats:
                report.lose("text label that is there twice", str(item.location), label[:40])
            else:
                cats[label] = 1.0
            lose_values(item.values, choice.text_label, item.location, report)
            _lose_references(item, report)
    return cats


def _tokens(document: CasDocument, report: Report) -> list[CharOffsets] | None:
    tokens = sorted(document.of("token"), key=lambda token: (token.start, token.end))
    for item in [*tokens, *document.of("sentence")]:
        lose_values(item.values, "", item.location, report)
    for left, right in pairwise(tokens):
        if right.start < left.end:
            raise right.location.error("the token begins before the end of the token before it")
    return [(token.start, token.end) for token in tokens if token.start != NO_TEXT] if tokens else None


def _metadata(document: CasDocument, title: str, report: Report) -> dict[str, Any]:
    """What the tool stores with the text, and the keys and values that `cas_writer` has written."""
    meta: dict[str, Any] = {}
    for item in document.of("metadata"):
        for name, value in item.values.items():
            known = {TITLE: title, ID: title, LANGUAGE: UNSPECIFIED}
            if value != known.get(name):
                meta.setdefault(name, value)
    for item in document.of("property"):
        others = dict(item.values)
        key, value = (others.pop(name, None) or "" for name in (KEY, VALUE))
        if key in meta:
            report.lose("metadata with a key that is there twice", str(item.location), key[:40])
        else:
            meta[key] = value
        lose_values(others, "", item.location, report)
    return meta


def _lose_others(document: CasDocument, choice: Choice, report: Report) -> None:
    """Count the annotations of layers that are not read."""
    read = {choice.spans, *choice.relations, choice.texts}
    for item in document.structures:
        name = item.layer.name
        if item.layer.kind in LOST_KINDS and name not in read:
            report.lose(f"{LOST_KINDS[item.layer.kind]} of the layer {name[:80]}, not read", str(item.location))


def _lose_references(item: Structure, report: Report) -> None:
    others = {name: f"annotation {id}" for name, id in item.references.items() if name not in (HEAD, TAIL)}
    lose_values(others, "", item.location, report)
