"""What is a relation? The store on the Doc and the view of triples.

A relation is a plain dict of `str`, `int`, `float` and `list`:

    {"head": [0, 2], "tail": [5, 6], "head_label": "person", "tail_label": "place", "label": "comes_from", "score": 0.93}

`head` and `tail` are token offsets, end exclusive. Its identity is its two spans and its label. `doc._.relations` is the list of
them, or None where nothing is known about relations: absent is not empty. `doc._.triples` is a read-only view.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from spacy.tokens import Doc, Span

from ..errors import Errors

Relation = dict[str, Any]

KEY = ("._.", "relations", None, None)
FIELDS = ("head", "tail", "head_label", "tail_label", "label", "score")


class Triple(NamedTuple):
    """A relation as a person reads it: who, what, whom, and how sure."""

    head: Span
    label: str
    tail: Span
    score: float


def make_relation(
    head: tuple[int, int],
    tail: tuple[int, int],
    label: str,
    *,
    head_label: str = "",
    tail_label: str = "",
    score: float = 1.0,
) -> Relation:
    """Make one relation in the form of the store.

    head (Tuple[int, int]): First token of the head and the token after its last.
    tail (Tuple[int, int]): The same of the tail.
    label (str): The relation label.
    head_label (str): Entity label of the head.
    tail_label (str): Entity label of the tail.
    score (float): Confidence between 0 and 1; 1.0 for gold.
    RETURNS (Dict[str, Any]): Plain types only: numbers of numpy or torch are turned into those of Python.
    """
    return {
        "head": [int(head[0]), int(head[1])],
        "tail": [int(tail[0]), int(tail[1])],
        "head_label": str(head_label),
        "tail_label": str(tail_label),
        "label": str(label),
        "score": float(score),
    }


def identity(relation: Relation) -> tuple[int, int, int, int, str]:
    """What makes two relations the same: both spans and the label."""
    return (*relation["head"], *relation["tail"], relation["label"])


def get_relations(doc: Doc) -> list[Relation] | None:
    """Read the store.

    doc (Doc): The document.
    RETURNS (Optional[List[Dict[str, Any]]]): The stored list itself, so that appending to it is kept; None if the document has no store.
        Reading does not create one.
    """
    stored = doc.user_data.get(KEY)
    if isinstance(stored, tuple):  # a DocBin gives tuples where to_bytes gives lists
        stored = doc.user_data[KEY] = _normalise(doc, stored)
    return stored


def set_relations(doc: Doc, relations: Iterable[Relation] | None) -> None:
    """Write the store.

    doc (Doc): The document.
    relations (Optional[Iterable[Dict[str, Any]]]): The relations; None removes the store. Of two with the same identity the better scored
        one stays.
    RAISES (ValueError): A relation without one of its fields, or outside the document.
    """
    if relations is None:
        doc.user_data.pop(KEY, None)
    else:
        doc.user_data[KEY] = _normalise(doc, relations)


def get_triples(doc: Doc) -> list[Triple]:
    """The relations as named tuples of Spans, in the order of the store.

    doc (Doc): The document.
    RETURNS (List[Triple]): Empty also where the store is absent.
    RAISES (ValueError): A relation that points outside the document, as after retokenising.
    """
    triples = []
    for relation in get_relations(doc) or []:
        _check(doc, relation)
        head = Span(doc, *relation["head"], label=relation["head_label"])
        tail = Span(doc, *relation["tail"], label=relation["tail_label"])
        triples.append(Triple(head, relation["label"], tail, relation["score"]))
    return triples


def shift(relation: Relation, offset: int) -> Relation:
    """The same relation with its tokens counted from `offset` tokens earlier (or later, if negative)."""
    moved = {name: [position + offset for position in relation[name]] for name in ("head", "tail")}
    return {**relation, **moved}


def register_extensions() -> None:
    """Register `doc._.relations` and `doc._.triples`. Called when spacy_mre is imported."""
    for name, getter, setter in (("relations", get_relations, set_relations), ("triples", get_triples, _refuse)):
        Doc.set_extension(name, getter=getter, setter=setter, force=True)


def _refuse(doc: Doc, value: Any) -> None:
    # Without a setter spaCy would put the value into user_data, where nobody reads it.
    raise ValueError(Errors.M103)


def _normalise(doc: Doc, relations: Iterable[Relation]) -> list[Relation]:
    best: dict[tuple[int, int, int, int, str], Relation] = {}
    for given in relations:
        missing = [field for field in ("head", "tail", "label") if field not in given]
        if missing:
            raise ValueError(Errors.M101.format(missing=", ".join(missing), relation=dict(given)))
        relation = make_relation(
            given["head"],
            given["tail"],
            given["label"],
            head_label=given.get("head_label", ""),
            tail_label=given.get("tail_label", ""),
            score=given.get("score", 1.0),
        )
        _check(doc, relation)
        key = identity(relation)
        if key not in best or best[key]["score"] < relation["score"]:
            best[key] = relation
    return list(best.values())


def _check(doc: Doc, relation: Relation) -> None:
    for end in (relation["head"], relation["tail"]):
        if not 0 <= end[0] < end[1] <= len(doc):
            raise ValueError(Errors.M102.format(label=relation["label"], start=end[0], end=end[1], length=len(doc)))
