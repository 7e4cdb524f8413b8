"""The checks before a component trains on a shared encoder."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from spacy.attrs import NAMES
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from thinc.api import Model

from ..errors import Errors, Warnings
from .encoder import find_listeners
from .last_listener import needs_last_listener

# Token attributes that a tokenizer or a component sets. Encoders compute all others from the words.
ANNOTATIONS = ("TAG", "LEMMA", "POS", "MORPH", "DEP")


def check_pipeline(nlp: Language, component: TrainablePipe, sample: Sequence[Doc] = ()) -> None:
    """Reject pipelines in which a shared encoder would silently learn nothing, or spans would become wrong. Warn if
    the encoder reads attributes that no document has.

    nlp (Language): The pipeline.
    component (TrainablePipe): The component that is being initialized.
    sample (Sequence[Doc]): Some documents of the training data.
    RAISES (ValueError): If no component before this one is the encoder that it listens to, another encoder writes its
        output over that one's, the last component that listens to the same encoder is frozen and the encoder needs its
        gradient, or a component after the encoder retokenizes.
    """
    _check_connected(nlp, component)
    names = [name for name, _ in nlp.components]
    encoders = _upstream_names(nlp, component)
    for encoder in encoders:
        _check_read(nlp, component.name, encoder)
    frozen = set(nlp.config.interpolate()["training"].get("frozen_components") or ())
    for encoder in encoders:
        listening = [name for name, pipe in nlp.components if encoder in _upstream_names(nlp, pipe)]
        is_trained = encoder not in frozen and needs_last_listener(nlp.get_pipe(encoder))
        if is_trained and listening and listening[-1] in frozen:
            raise ValueError(Errors.M304.format(last=listening[-1], encoder=encoder))
    first = min(
        (names.index(encoder) for encoder in encoders),
        default=names.index(component.name) if component.name in names else 0,
    )
    for name in names[first:]:
        if nlp.get_pipe_meta(name).retokenizes:
            raise ValueError(Errors.M305.format(name=name, encoder=names[first]))
    read = {column for pipe in (component, *map(nlp.get_pipe, encoders)) for column in _columns_read(pipe.model)}
    missing = [name for name in ANNOTATIONS if name in read and not any(doc.has_annotation(name) for doc in sample)]
    if sample and missing:
        warnings.warn(Warnings.W301.format(name=component.name, missing=", ".join(missing)), stacklevel=2)


def _check_connected(nlp: Language, component: TrainablePipe) -> None:
    """spaCy connects a listener with the components before it whose name is its `upstream`; "*" is any name."""
    connected = {id(listener) for _, pipe in nlp.components for listener in getattr(pipe, "listeners", ())}
    for listener in find_listeners(component.model):
        if id(listener) not in connected:
            raise ValueError(Errors.M301.format(upstream=getattr(listener, "upstream_name", "*")))


def _check_read(nlp: Language, name: str, encoder: str) -> None:
    """In prediction a listener reads what was written last to `doc._.trf_data` or `doc.tensor`."""
    names = [one for one, _ in nlp.components]
    if name not in names:
        return
    places = set(nlp.get_pipe_meta(encoder).assigns)
    for other in names[names.index(encoder) + 1 : names.index(name)]:
        for place in places.intersection(nlp.get_pipe_meta(other).assigns):
            raise ValueError(Errors.M306.format(name=name, encoder=encoder, other=other, place=place))


def _columns_read(model: Model) -> Iterator[str]:
    """Yield the token attributes that the embeddings of a model read."""
    for node in model.walk():
        for column in node.attrs.get("columns", ()) if node.name == "extract_features" else ():
            yield column if isinstance(column, str) else NAMES[column]


def _upstream_names(nlp: Language, pipe: Any) -> set[str]:
    """Return the names of the components that a component listens to."""
    upstream: set[str] = set()
    model = getattr(pipe, "model", None)
    if model is None or not hasattr(model, "walk"):
        return upstream
    listeners = find_listeners(model)
    for name, candidate in nlp.components:
        listened_to = {id(listener) for listener in getattr(candidate, "listeners", ())}
        if any(id(listener) in listened_to for listener in listeners):
            upstream.add(name)
    return upstream
