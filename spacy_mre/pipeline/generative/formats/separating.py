"""What the tasks of a generative component can learn of gold. The studio lists what relations and events join among the
entities, see `scale.analysis.with_arguments`; for a component with several tasks, these are no entities.
"""

from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ....annotations.entities import get_entities, set_entities
from ....annotations.relations import ARGUMENT_LABEL, get_relations, set_relations


def separate_tasks(doc: Doc, nlp: Language) -> Doc:
    """Take out of the entities what only relations and events join. Events are taken out altogether: the studio shows
    those without arguments to nobody.

    doc (Doc): Gold of the studio. It is changed.
    nlp (Language): The pipeline.
    RETURNS (Doc): The same.
    """
    pipes: list[tuple[str, Any]] = nlp.pipeline
    for _, pipe in pipes:
        if hasattr(pipe, "word_labels") and len(pipe.gold.levels) > 1:
            _separate(doc, pipe)
    return doc


def _separate(doc: Doc, pipe: Any) -> None:
    gold = pipe.gold
    known: dict[str, set[str]] = {"entities": set(), "relations": set(), "events": set()}
    for name, labels in pipe.label_data.items():
        if gold.levels[name] != "entities" or gold.keys[name] == gold.spans_key:
            known[gold.levels[name]].update(labels["labels"])
    types = known["events"] - known["entities"]
    entities = get_entities(doc, gold.spans_key) or []
    ends = [one for one in entities if one.label == ARGUMENT_LABEL and one.label not in known["entities"]]
    triggers = [one for one in entities if one.label in types]
    if ends or triggers:
        kept = [one for one in entities if one not in ends and one not in triggers]
        set_entities(doc, kept, key=gold.spans_key)
        for name in (name for name, level in gold.levels.items() if level == "relations"):
            set_entities(doc, ends, key=name, set_ents=False)
    relations = get_relations(doc)
    if relations and types:
        set_relations(doc, [one for one in relations if one["head_label"] not in types])
