"""The settings of a pipeline's components that evaluation uses."""

import pytest
import spacy

from spacy_mre.evaluation.pipeline_settings import get_cats_settings


def settings_of(*components):
    nlp = spacy.blank("en")
    for factory, config in components:
        nlp.add_pipe(factory, config=config)
    return get_cats_settings(nlp)


SEVERAL = ("mre_textcat", {"multi_label": True, "threshold": 0.3})


@pytest.mark.parametrize(
    "before",
    [
        ("spancat", {"threshold": 0.8}),
        ("span_finder", {"threshold": 0.8}),
        ("entity_linker", {}),  # its threshold is None
        ("textcat", {"threshold": 0.8}),  # exactly one label holds, so it has no effect
    ],
)
def test_the_threshold_is_that_of_text_labels(before):
    assert settings_of(before, SEVERAL) == {"multi_label": True, "threshold": 0.3}
    assert settings_of(before) == {"multi_label": False, "threshold": 0.5}


def test_components_of_spacy_and_of_this_package():
    assert settings_of(SEVERAL, ("textcat_multilabel", {"threshold": 0.7})) == {"multi_label": True, "threshold": 0.3}
    assert settings_of(("textcat_multilabel", {"threshold": 0.7}), SEVERAL) == {"multi_label": True, "threshold": 0.7}
    assert settings_of(("mre_textcat", {})) == settings_of() == {"multi_label": False, "threshold": 0.5}
