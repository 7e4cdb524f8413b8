"""What a pipeline found in a text, as plain values with character offsets. `corpora.jsonl` reads the same form."""

from collections.abc import Callable, Collection
from typing import Any

from spacy.tokens import Doc

from ..annotations.entities import get_entities, index_entities
from ..annotations.relations import arguments, get_relations
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
        labels are a dict of scores.

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
    RAISES (ValueError): If the head or tail of a relation is not one of the entities, so that it has no index; or a
        text label is not a string with a number.
    """
    found = get_entities(doc, spans_key)
    # Not doc.text: spaCy makes it anew each time, which is quadratic in long texts.
    spans = [(doc[entity.start : entity.end], entity) for entity in found or ()]
    entities = [
        {"start": span.start_char, "end": span.end_char, "label": label, "text": span.text, "score": score}
        for span, (_, _, label, score) in spans
    ]
    indices = index_entities((entity.offsets, entity.label) for entity in found or ())
    relations = []
    related = get_relations(doc)
    for relation in related or ():
        head, tail = arguments(relation)
        ends = indices.get((head, relation["head_label"])), indices.get((tail, relation["tail_label"]))
        if None in ends:
            raise ValueError(Errors.M720.format(label=relation["label"]))
        relations.append({"head": ends[0], "tail": ends[1], "label": relation["label"], "score": relation["score"]})
    return {
        "entities": None if found is None else entities,
        "relations": None if related is None else relations,
        "cats": _read_cats(doc) or None,
    }


def _read_cats(doc: Doc) -> dict[str, float]:
    for label in doc.cats:
        if not isinstance(label, str):
            raise ValueError(Errors.M733.format(label=repr(label)))
    return {label: float(score) for label, score in doc.cats.items()}
