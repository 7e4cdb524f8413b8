"""The settings of a pipeline's components that evaluation uses."""

import pytest
import spacy
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from spacy_mre import make_relation
from spacy_mre.evaluation.pipeline_settings import get_cats_settings, get_symmetric
from tests.robustness.pipelines import COMPONENTS


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


SYMMETRIC = {"one": ["knows"], "two": ["meets"]}
RELATIONS = {**COMPONENTS["slg"], "tasks": ["TCREE:RE"]}


def relation_score(nlp, label):
    """Of a relation that is predicted in the other direction."""
    docs = [Doc(nlp.vocab, words=["Ida", "and", "Tom"]) for _ in range(2)]
    for doc, arguments in zip(docs, [((0, 1), (2, 3)), ((2, 3), (0, 1))]):
        doc._.relations = [make_relation(*arguments, label)]
    return Scorer(nlp).score([Example(*docs)])["rel_f"]


@pytest.mark.parametrize("names", [("one", "two"), ("two", "one"), ("one", "two", "slg"), ("slg", "one", "two")])
@pytest.mark.parametrize("is_from_source", [False, True])
def test_symmetric_labels_are_those_of_all_components(names, is_from_source):
    """`nlp.evaluate` has the scores of the last one."""
    nlp, source = spacy.blank("en"), spacy.blank("en")
    for name in names:
        if name == "slg":
            nlp.add_pipe("slg", config=RELATIONS).cfg["tasks"] = {
                "TCREE:RE": {"classes": [], "labels": ["knows"], "roles": []}
            }
            continue
        owner = source if is_from_source and name == names[-1] else nlp
        owner.add_pipe("spert_mt", name=name, config={"symmetric": SYMMETRIC[name]})
        if owner is source:
            nlp.add_pipe(name, source=source)
    assert get_symmetric(nlp) == ["knows", "meets"]
    assert [relation_score(nlp, label) for label in ("knows", "meets", "leads")] == [1.0, 1.0, 0.0]
    nlp.disable_pipe("one")  # it adds no relations then
    assert [relation_score(nlp, label) for label in ("knows", "meets")] == [0.0, 1.0]
