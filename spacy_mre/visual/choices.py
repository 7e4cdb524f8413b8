"""The labels that can be chosen on a page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from spacy.tokens import Doc

from ..annotations.entities import get_entities
from ..annotations.relations import get_triples
from .markup import printable
from .names import Names
from .palette import hue_class


def label_choices(
    docs: Sequence[Doc], names: Names, hues: Mapping[str, int], spans_key: str
) -> dict[str, list[dict[str, Any]]]:
    """Count the labels of entities and relations.

    docs (Sequence[Doc]): The documents.
    names (Names): The display names.
    hues (Mapping[str, int]): The colour number of each entity label.
    spans_key (str): The span group of the entities.
    RETURNS (dict[str, list[dict[str, Any]]]): For "entities" and "relations" the labels that occur, sorted: the label,
        its display name, its count, and for entities its colour.
    """
    found = {
        "entities": Counter(entity.label for doc in docs for entity in get_entities(doc, spans_key) or []),
        "relations": Counter(triple.label for doc in docs for triple in get_triples(doc)),
    }
    return {
        kind: [
            {
                "label": printable(label),
                "name": printable(names.of(kind, label)),
                "count": counts[label],
                "hue": hue_class(hues[label]) if kind == "entities" else "",
            }
            for label in sorted(counts)
        ]
        for kind, counts in found.items()
    }
