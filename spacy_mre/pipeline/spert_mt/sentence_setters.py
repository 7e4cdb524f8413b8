"""The sentences of the training data, from which the scope is learned: at run time they are set by a component."""

from collections.abc import Sequence
from typing import Any

from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.training import Example

# What a component that sets sentences assigns.
ASSIGNED = {"token.is_sent_start", "doc.sents"}


def find_setters(nlp: Language | None, component: Any) -> dict[str, Any]:
    """Find the components before another one that set sentences.

    nlp (Optional[Language]): The pipeline.
    component (Any): The other component.
    RETURNS (dict[str, Any]): The components by name, in order.
    """
    found: dict[str, Any] = {}
    if nlp is None:
        return found
    for name, pipe in nlp.components:
        if pipe is component:
            break
        if ASSIGNED.intersection(nlp.get_pipe_meta(name).assigns):
            found[name] = pipe
    return found


def with_sentences(example: Example, setters: Sequence[Any]) -> Example:
    """Set the sentences of a training text as at run time, if no component must be trained for that.

    example (Example): The example, which is not changed.
    setters (Sequence[Any]): The components that set sentences. Only a `sentencizer` can do it without training.
    RETURNS (Example): The example itself if its predicted Doc has sentences, or they cannot be set.
    """
    doc = example.predicted
    if not setters or not all(isinstance(pipe, Sentencizer) for pipe in setters) or doc.has_annotation("SENT_START"):
        return example
    doc = doc.copy()
    for pipe in setters:
        doc = pipe(doc)
    return Example(doc, example.reference)
