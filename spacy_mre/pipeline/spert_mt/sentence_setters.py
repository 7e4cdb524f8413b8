"""The components that set sentences at run time, and not in the training data from which a scope is learned."""

from typing import Any

from spacy.language import Language
from spacy.pipeline import Sentencizer

# What a component that sets sentences assigns.
ASSIGNED = {"token.is_sent_start", "doc.sents"}


def find_setters(nlp: Language | None, component: Any) -> list[str]:
    """Find the components before another one that set other sentences than `sentence_numbers` finds without them.

    nlp (Optional[Language]): The pipeline.
    component (Any): The other component.
    RETURNS (list[str]): Their names, in order. A `sentencizer` with its default marks is not one: its rule is the same.
    """
    found: list[str] = []
    if nlp is None:
        return found
    training = nlp.config.interpolate()["training"]
    # spaCy disables them while it initializes the others, and runs them afterwards.
    run_later = {*(training.get("frozen_components") or ()), *(training.get("annotating_components") or ())}
    for name, pipe in nlp.components:
        if pipe is component:
            break
        if name in nlp.disabled and name not in run_later:
            continue
        if ASSIGNED.intersection(nlp.get_pipe_meta(name).assigns) and not _has_default_marks(pipe):
            found.append(name)
    return found


def _has_default_marks(pipe: Any) -> bool:
    return isinstance(pipe, Sentencizer) and pipe.punct_chars == set(Sentencizer.default_punct_chars)
