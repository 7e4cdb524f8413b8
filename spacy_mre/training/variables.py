"""Variables in the config of a trained pipeline, and its requirements."""

from collections.abc import Callable

from spacy.language import Language
from spacy.util import registry

from ..requirements import record_requirements


@registry.callbacks("spacy_mre.resolve_variables.v1")
def make_resolve_variables() -> Callable[[Language], Language]:
    """Make a callback for `[training.before_to_disk]` that replaces the variables in the config by their values.

    `spacy train` saves the config with its variables, such as `${training.max_steps}` in a schedule. spaCy cannot
    resolve them when training is continued in Python, with `nlp.resume_training()` or `nlp.create_optimizer()`, because
    these read only a part of the config.

    The packages that the pipeline needs are recorded too, those of components with a `source` included, which are not
    created anew (see `record_requirements`).

    RETURNS (Callable[[Language], Language]): The callback.

    >>> import spacy
    >>> nlp = spacy.blank("en", config={"training": {"seed": 7, "dropout": "${training.seed}"}})
    >>> make_resolve_variables()(nlp).config["training"]["dropout"]
    7
    """
    return _resolve_variables


def _resolve_variables(nlp: Language) -> Language:
    nlp.config = nlp.config.interpolate()
    record_requirements(nlp, nlp.tokenizer, *(component for _, component in nlp.components))
    return nlp
