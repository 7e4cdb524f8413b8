"""What a pipeline found in a text, as plain values with character offsets. `corpora.jsonl` reads the same form."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from spacy.tokens import Doc

from ..annotations.entities import EntitySpan, Offsets, get_entities, index_entities
from ..annotations.relations import ARGUMENT_LABEL, Relation, arguments, get_relations
from ..errors import Errors

LEVELS = ("entities", "relations", "cats")


def check_levels(select: Collection[str]) -> None:
    """RAISES (ValueError): If one of the selected levels is none of `LEVELS`."""
    for level in select:
        if level not in LEVELS:
            raise ValueError(Errors.M001.format(setting="select", value=level, allowed=", ".join(LEVELS)))


def make_reader(spans_key: str, select: Collection[str] = LEVELS) -> Callable[[int, Doc], dict[str, Any]]:
    """Make the function that reads the analysis of a document.

    spans_key (str): The span group of the entities.
    select (Collection[str]): Which of "entities", "relations" and "cats" are read. Default: all.
    RETURNS (Callable[[int, Doc], dict[str, Any]]): From a number, which it ignores, and a document to the selected
        levels; None for what the pipeline does not set. Entities are dicts of "start", "end" (characters, exclusive),
        "label", "text" and "score"; relations of "head", "tail" (indices of the entities), "label" and "score". Text
        labels are a dict of scores. See `with_arguments` for relations of what is no entity.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> doc.set_ents([doc.char_span(0, 3, label="person")])
    >>> make_reader("entities")(0, doc)["entities"]
    [{'start': 0, 'end': 3, 'label': 'person', 'text': 'Ida', 'score': 1.0}]
    """

    def read(_: int, doc: Doc) -> dict[str, Any]:
        levels = read_analysis(doc, spans_key)
        return {level: levels[level] for level in LEVELS if level in select}

    return read


def read_analysis(doc: Doc, spans_key: str) -> dict[str, Any]:
    """Read the analysis of a document; see `make_reader`.

    doc (Doc): The document.
    spans_key (str): The span group of the entities.
    RETURNS (dict[str, Any]): "entities", "relations" and "cats".
    RAISES (ValueError): If a text label is not a string with a number.
    """
    found, related = get_entities(doc, spans_key), get_relations(doc)
    if found is None and not len(doc):
        found = []  # an analysed text without tokens has no entities; spaCy's components do not say so
    spans = with_arguments(found or [], related or ())
    indices = index_entities((entity.offsets, entity.label) for entity in spans)
    relations = []
    for relation in related or ():
        head, tail = (indices[end] for end in _ends(relation))
        relations.append({"head": head, "tail": tail, "label": relation["label"], "score": relation["score"]})
    return {
        "entities": None if found is None and related is None else [_as_dict(doc, entity) for entity in spans],
        "relations": None if related is None else relations,
        "cats": _read_cats(doc) or None,
    }


def with_arguments(entities: list[EntitySpan], relations: Iterable[Relation]) -> list[EntitySpan]:
    """Add the heads and tails of relations that are none of the entities: components for relations or events alone
    write no others, and a relation can only be told by the places of its ends.

    entities (list[EntitySpan]): The entities.
    relations (Iterable[Relation]): The relations.
    RETURNS (list[EntitySpan]): The same if nothing is to be added; otherwise all of them by start, longer ones first.
        What was added has the label that a relation gives it, or else "entity", and the best score of its relations.

    >>> from spacy_mre import make_relation
    >>> with_arguments([EntitySpan(0, 1, "person")], [make_relation((0, 1), (3, 4), "lives_in", score=0.5)])
    [EntitySpan(start=0, end=1, label='person', score=1.0), EntitySpan(start=3, end=4, label='entity', score=0.5)]
    """
    known = index_entities((entity.offsets, entity.label) for entity in entities)
    added: dict[tuple[Offsets, str], float] = {}
    for relation in relations:
        for end in _ends(relation):
            if end not in known:
                added[end] = max(added.get(end, 0.0), relation["score"])
    if not added:
        return entities
    # An end without a label is the same as one with a label at its place.
    labelled = {offsets for offsets, label in added if label}
    new = [
        EntitySpan(*offsets, label or ARGUMENT_LABEL, score)
        for (offsets, label), score in added.items()
        if label or offsets not in labelled
    ]
    return sorted([*entities, *new], key=lambda entity: (entity.start, -entity.end))


def _ends(relation: Relation) -> list[tuple[Offsets, str]]:
    head, tail = arguments(relation)
    return [(head, relation["head_label"]), (tail, relation["tail_label"])]


def _as_dict(doc: Doc, entity: EntitySpan) -> dict[str, Any]:
    # Not doc.text: spaCy makes it anew each time, which is quadratic in long texts.
    span = doc[entity.start : entity.end]
    offsets = {"start": span.start_char, "end": span.end_char}
    return {**offsets, "label": entity.label, "text": span.text, "score": entity.score}


def _read_cats(doc: Doc) -> dict[str, float]:
    for label in doc.cats:
        if not isinstance(label, str):
            raise ValueError(Errors.M733.format(text=doc.text, label=repr(label)))
    return {label: float(score) for label, score in doc.cats.items()}
