"""New labels for the trained components of a pipeline, from a config of `spacy train`."""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import registry


@registry.callbacks("spacy_mre.add_labels.v1")
def make_add_labels(corpus: Callable[[Language], Iterable[Example]]) -> Callable[[Language], None]:
    """Make a callback for `[initialize.before_init]`: the trained components of a pipeline, those with a `source`, get
    the labels of a corpus that they lack. spaCy itself does not initialize such components. Frozen components, and
    components that are not trained yet, are left alone.

    corpus (Callable[[Language], Iterable[Example]]): The corpus, usually `${corpora.train}`.
    RETURNS (Callable[[Language], None]): The callback.
    """

    def add_labels(nlp: Language) -> None:
        frozen = set(nlp.config.interpolate()["training"].get("frozen_components") or ())
        growing: list[tuple[str, Any]] = [(n, pipe) for n, pipe in nlp.components if hasattr(pipe, "add_labels_of")]
        for _, pipe in growing:
            pipe.join(nlp)  # so that each knows the labels of the others
        trained = [pipe for name, pipe in growing if name not in frozen and pipe.labels]
        if trained:
            examples = list(corpus(nlp))
            for pipe in trained:
                pipe.add_labels_of(examples)

    return add_labels
