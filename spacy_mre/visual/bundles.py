"""The relations of a document, grouped into one arc per pair."""

import math
from collections.abc import Collection
from typing import NamedTuple

from spacy.tokens import Doc

from ..annotations.entities import Offsets
from ..annotations.relations import Triple, get_triples

# Head and tail of an arc, and whether it points in both directions.
Pair = tuple[Offsets, Offsets, bool]


class Bundle(NamedTuple):
    """All relations of a pair that are drawn as one arc."""

    head: Offsets
    tail: Offsets
    both: bool
    labels: tuple[str, ...]
    scores: tuple[float, ...]


def bundle_relations(doc: Doc, symmetric: Collection[str] = ()) -> list[Bundle]:
    """Group the relations by pair.

    doc (Doc): The document.
    symmetric (Collection[str]): Symmetric relation labels. A relation and its mirror image count once.
    RETURNS (list[Bundle]): In the order of their first relation. Directed and symmetric relations of a pair are in
        different bundles.
    RAISES (ValueError): If a relation refers to tokens outside the document.
    """
    found: dict[Pair, dict[str, float]] = {}
    for triple in get_triples(doc):
        scores = found.setdefault(pair_of(triple, symmetric), {})
        scores[triple.label] = max(triple.score, scores.get(triple.label, -math.inf))
    return [
        Bundle(head, tail, both, tuple(scores), tuple(scores.values())) for (head, tail, both), scores in found.items()
    ]


def pair_of(triple: Triple, symmetric: Collection[str] = ()) -> Pair:
    """Find the arc that a relation belongs to.

    triple (Triple): The relation.
    symmetric (Collection[str]): Symmetric relation labels.
    RETURNS (tuple[Offsets, Offsets, bool]): `head`, `tail` and `both` of its bundle.
    """
    head, tail = (triple.head.start, triple.head.end), (triple.tail.start, triple.tail.end)
    both = triple.label in symmetric
    if both:
        head, tail = sorted((head, tail))
    return head, tail, both
