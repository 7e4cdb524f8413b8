"""The table of the relations of a document, and where each of them is in the picture."""

from collections.abc import Collection, Mapping
from typing import Any

from spacy.tokens import Doc, Span

from ..annotations.entities import Offsets, get_entities, index_entities
from ..annotations.relations import get_triples
from .bundles import bundle_relations, pair_of
from .markup import printable
from .names import Names


def relation_rows(doc: Doc, names: Names, symmetric: Collection[str], spans_key: str) -> list[dict[str, Any]]:
    """Make the rows.

    doc (Doc): The document.
    names (Names): The display names.
    symmetric (Collection[str]): Symmetric relation labels.
    spans_key (str): The span group of the entities.
    RETURNS (list[dict[str, Any]]): For each relation what is shown, and as `data` what the filter compares: its arc,
        label, display name and score, and the entities at its ends.
    """
    arcs = {tuple(bundle[:3]): number for number, bundle in enumerate(bundle_relations(doc, symmetric))}
    entities = index_entities((entity.offsets, entity.label) for entity in get_entities(doc, spans_key) or [])
    rows = []
    for triple in get_triples(doc):
        name, score = printable(names.of("relations", triple.label)), f"{triple.score:.2f}"
        ends = {"head": _entity_at(triple.head, entities), "tail": _entity_at(triple.tail, entities)}
        rows.append(
            {
                "head": printable(triple.head.text),
                "head_label": printable(names.of("entities", triple.head.label_)),
                "label": name,
                "both": triple.label in symmetric,
                "tail": printable(triple.tail.text),
                "tail_label": printable(names.of("entities", triple.tail.label_)),
                "score": score,
                "data": {
                    "arc": arcs[pair_of(triple, symmetric)],
                    "label": printable(triple.label),
                    "name": name,
                    "score": score,
                    **{end: number for end, number in ends.items() if number is not None},
                },
            }
        )
    return rows


def _entity_at(end: Span, entities: Mapping[tuple[Offsets, str], int]) -> int | None:
    """The entity that a relation begins or ends at; one of another label if its own is not there."""
    offsets = (end.start, end.end)
    return entities.get((offsets, end.label_), entities.get((offsets, "")))
