"""Which pipeline a component is in, also after both were copied: by deepcopy, or by pickle for another process.

A component must not contain its pipeline: that cycle would keep both alive, and a component that is pickled alone would
take the pipeline with it. So the pipeline contains a `Members`, which is copied with it and then knows the copies.
"""

from threading import Lock
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from spacy.language import Language
from spacy.pipeline import Pipe

# Where a pipeline has its Members.
ATTRIBUTE = "spacy_mre_members"


class Members:
    """The components of a pipeline that ask for it.

    nlp (Language): The pipeline.
    """

    def __init__(self, nlp: Language) -> None:
        self.nlp = ref(nlp)

    def __getstate__(self) -> tuple[Language | None, list[Any]]:
        nlp = self.nlp()
        return nlp, [] if nlp is None else [pipe for _, pipe in nlp.components if pipe in _PIPELINES]

    def __setstate__(self, state: tuple[Language, list[Any]]) -> None:
        nlp, pipes = state
        self.nlp = ref(nlp)
        with _LOCK:
            _PIPELINES.update((pipe, self.nlp) for pipe in pipes)


def join(nlp: Language, pipe: Pipe) -> None:
    """Remember the pipeline of a component. One with a `source` was made by another pipeline, until it joins this one.

    nlp (Language): The pipeline.
    pipe (Pipe): The component.
    """
    members = vars(nlp).setdefault(ATTRIBUTE, Members(nlp))
    with _LOCK:
        _PIPELINES[pipe] = members.nlp


def pipeline_of(pipe: Pipe) -> Language | None:
    """RETURNS (Optional[Language]): The pipeline that made a component, or its copy, if the component was copied with
    it. None if it is gone, or the component was copied alone.

    pipe (Pipe): The component.
    """
    found = _PIPELINES.get(pipe)
    return None if found is None else found()


def pipelines_with(pipe: Pipe) -> list[Language]:
    """Find the pipelines that have a component. One that has it from another pipeline (`source`) is found by a
    component that it made itself.

    pipe (Pipe): The component.
    RETURNS (list[Language]): The pipelines.
    """
    with _LOCK:
        found = list(_PIPELINES.values())
    made = {id(nlp): nlp for nlp in (made_by() for made_by in found) if nlp is not None}
    return [nlp for nlp in made.values() if any(each is pipe for _, each in nlp.components)]


# Other threads may load or copy pipelines while all are listed.
_LOCK = Lock()
_PIPELINES: "WeakKeyDictionary[Pipe, ReferenceType[Language]]" = WeakKeyDictionary()
