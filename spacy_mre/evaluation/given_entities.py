"""Evaluation with given entities: the gold entities are given to the pipeline, so that only relations are measured."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from spacy.language import Language
from spacy.training import Example

from ..annotations.alignment import Losses, align_gold
from ..annotations.entities import DEFAULT_KEY, get_entities, set_entities
from ..errors import Errors, Warnings
from .pipeline_settings import get_spans_key

# The values of the setting `entities` of components that can take given entities.
MODES = ("predict", "given")


def evaluate_given(nlp: Language, examples: Iterable[Example], *, batch_size: int | None = None) -> dict[str, Any]:
    """Evaluate a pipeline that is given the gold entities.

    nlp (Language): The pipeline. The setting `entities` of its components is "given" during the evaluation.
    examples (Iterable[Example]): Gold, and documents to predict on, which are not changed.
    batch_size (int | None): How many documents are predicted at once. Default: that of the pipeline.
    RETURNS (dict[str, Any]): The scores of `nlp.evaluate` on the documents with gold entities.
    RAISES (ValueError): If no component takes given entities.
    """
    with taking_given_entities(nlp):
        return nlp.evaluate(give_gold_entities(examples, get_spans_key(nlp)), batch_size=batch_size)


def give_gold_entities(examples: Iterable[Example], key: str = DEFAULT_KEY) -> list[Example]:
    """Write the gold entities to copies of the predicted documents. Warns of entities that do not fit their tokens.

    examples (Iterable[Example]): Gold, and documents without annotations, which are not changed.
    key (str): The span group of the entities.
    RETURNS (list[Example]): The examples with gold entities.
    """
    examples = list(examples)
    with_gold = [eg for eg in examples if get_entities(eg.reference, key) is not None]
    if len(with_gold) < len(examples):
        message = Warnings.W502.format(count=len(examples) - len(with_gold), total=len(examples))
        warnings.warn(message, stacklevel=2)
    lost = Losses()
    given = []
    for eg in with_gold:
        gold = align_gold(eg, key)
        doc = eg.predicted.copy()
        set_entities(doc, gold.entities, key=key)
        given.append(Example(doc, eg.reference))
        lost.update(gold.lost)
    if lost.counts:
        warnings.warn(Warnings.W501.format(lost=lost), stacklevel=2)
    return given


def takes_given_entities(nlp: Language) -> bool:
    """RETURNS (bool): Whether any component can take given entities."""
    return bool(_components(nlp))


def waits_for_entities(nlp: Language) -> bool:
    """RETURNS (bool): Whether a component takes given entities only, so that it finds no relations without them."""
    return any(component.entities == "given" for component in _components(nlp))


@contextmanager
def taking_given_entities(nlp: Language) -> Iterator[None]:
    """Let the components of a pipeline take given entities inside a `with` block.

    nlp (Language): The pipeline.
    RAISES (ValueError): If no component takes given entities.
    """
    components = _components(nlp)
    if not components:
        raise ValueError(Errors.M502.format(names=", ".join(nlp.pipe_names)))
    before = [component.entities for component in components]
    try:
        for component in components:
            component.entities = "given"
        yield
    finally:
        for component, mode in zip(components, before):
            component.entities = mode


def _components(nlp: Language) -> list[Any]:
    return [pipe for _, pipe in nlp.pipeline if getattr(pipe, "entities", None) in MODES]
