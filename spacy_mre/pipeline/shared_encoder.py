"""What every component that listens to a shared encoder must make sure of before it trains."""

from typing import Set

from spacy.language import Language
from spacy.pipeline import TrainablePipe

from ..errors import Errors
from ..models.encoder import find_listeners


def check_pipeline(nlp: Language, component: TrainablePipe) -> None:
    """Refuse pipelines in which a shared encoder would silently learn nothing, or spans would go stale.

    nlp (Language): The pipeline.
    component (TrainablePipe): The component that is being initialised.
    RAISES (ValueError): The last component that listens to the same encoder is frozen; or a component behind the encoder retokenises.
    """
    names = [name for name, _ in nlp.components]
    encoders = _upstream_names(nlp, component)
    frozen = set(nlp.config.get("training", {}).get("frozen_components") or ())
    for encoder in encoders:
        listening = [name for name, pipe in nlp.components if encoder in _upstream_names(nlp, pipe)]
        if encoder not in frozen and listening and listening[-1] in frozen:
            raise ValueError(Errors.M307.format(last=listening[-1], encoder=encoder))
    first = min((names.index(encoder) for encoder in encoders), default=names.index(component.name) if component.name in names else 0)
    for name in names[first:]:
        if nlp.get_pipe_meta(name).retokenizes:
            raise ValueError(Errors.M308.format(name=name, encoder=names[first]))


def _upstream_names(nlp: Language, pipe) -> Set[str]:
    """The names of the components that a component listens to."""
    upstream: Set[str] = set()
    model = getattr(pipe, "model", None)
    if not hasattr(model, "walk"):
        return upstream
    listeners = find_listeners(model)
    for name, candidate in nlp.components:
        listened_to = {id(listener) for listener in getattr(candidate, "listeners", ())}
        if any(id(listener) in listened_to for listener in listeners):
            upstream.add(name)
    return upstream
