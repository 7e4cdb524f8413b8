"""Variables in the config of a trained pipeline, and its requirements."""

from collections.abc import Callable

from spacy.language import Language
from spacy.util import registry

from ..requirements import record_requirements


@registry.callbacks("spacy_mre.resolve_variables.v1")
def make_resolve_variables() -> Callable[[Language], Language]:
    """Make a callback for `[initialize.before_init]` and `[training.before_to_disk]` that replaces the variables in the
    config by their values.

    spaCy cannot resolve variables such as `${training.max_steps}` in a schedule when it makes an optimizer, because it
    reads only a part of the config then: in `nlp.initialize` without an optimizer and in `spacy debug data`; and with
    the config that `spacy train` has saved, in `nlp.resume_training` and `nlp.create_optimizer`.

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
