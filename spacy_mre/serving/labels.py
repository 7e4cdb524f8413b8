"""The labels that a pipeline can set."""

from typing import Any

from spacy.language import Language

from ..scale.analysis import ARGUMENT_LABEL, LEVELS

Labels = dict[str, list[str]]
ASSIGNED = {"doc.ents": "entities", "doc.spans": "entities", "doc.cats": "cats"}


def read_labels(nlp: Language) -> Labels:
    """Read the labels of all components.

    nlp (Language): The pipeline.
    RETURNS (dict[str, list[str]]): The labels of "entities", "relations" and "cats", sorted.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> nlp.add_pipe("entity_ruler").add_patterns([{"label": "person", "pattern": "Ida"}])
    >>> read_labels(nlp)
    {'entities': ['person'], 'relations': [], 'cats': []}
    """
    found: dict[str, set[str]] = {level: set() for level in LEVELS}
    pipes: list[tuple[str, Any]] = nlp.pipeline
    for name, pipe in pipes:
        if hasattr(pipe, "entity_labels"):
            found["entities"].update(pipe.entity_labels)
            found["relations"].update(pipe.relation_labels)
        elif hasattr(pipe, "word_labels"):
            found["cats"].update(pipe.classes)
            for task, labels in pipe.label_data.items():
                level = pipe.gold.levels[task]
                found["relations" if level == "relations" else "entities"].update(labels["labels"])
                found["relations"].update(labels["roles"])
                if level != "entities":  # what relations join need not be an entity, see `analysis.with_arguments`
                    found["entities"].add(ARGUMENT_LABEL)
        else:
            for level in {ASSIGNED[field] for field in nlp.get_pipe_meta(name).assigns if field in ASSIGNED}:
                found[level].update(getattr(pipe, "labels", ()))
    return {level: sorted(labels) for level, labels in found.items()}
