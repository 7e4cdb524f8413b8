"""Variables in the config of a pipeline: an optimizer can be made with them, and they stay in the saved config."""

from collections.abc import Callable
from weakref import ref

from spacy.language import Language
from spacy.util import registry
from thinc.api import Optimizer


@registry.callbacks("spacy_mre.resolve_variables.v1")
def make_resolve_variables() -> Callable[[Language], Language]:
    """Make a callback for `[nlp.after_creation]`: an optimizer is made with the values of the variables in the config.

    spaCy itself replaces variables such as `${training.max_steps}` in a schedule in `spacy train` only. In
    `nlp.create_optimizer`, `nlp.resume_training`, `nlp.initialize` without an optimizer and `spacy debug data` it reads
    only a part of the config. The config itself keeps its variables, also when it is saved: values that are given to
    `spacy train model-best/config.cfg` then reach all places that refer to them.

    RETURNS (Callable[[Language], Language]): The callback.

    >>> import spacy
    >>> training = {"dropout": 0.5, "optimizer": {"@optimizers": "Adam.v1", "learn_rate": "${training.dropout}"}}
    >>> callback = {"@callbacks": "spacy_mre.resolve_variables.v1"}
    >>> nlp = spacy.blank("en", config={"nlp": {"after_creation": callback}, "training": training})
    >>> nlp.create_optimizer().learn_rate
    0.5
    """
    return _resolve_variables


def _resolve_variables(nlp: Language) -> Language:
    nlp.create_optimizer = _CreateOptimizer(nlp)  # type: ignore[method-assign]
    return nlp


class _CreateOptimizer:
    """The method of one pipeline. It is copied and pickled together with it, and does not keep it alive."""

    def __init__(self, nlp: Language) -> None:
        self.nlp = ref(nlp)

    def __call__(self) -> Optimizer:
        nlp = self.nlp()
        assert nlp is not None  # whoever calls the method has the pipeline
        training = nlp.config.interpolate()["training"]
        return registry.resolve({"optimizer": training["optimizer"]})["optimizer"]

    def __getstate__(self) -> tuple[Language | None]:
        return (self.nlp(),)

    def __setstate__(self, state: tuple[Language]) -> None:
        self.nlp = ref(state[0])
