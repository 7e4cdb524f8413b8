"""The labels that a pipeline can set."""

import pytest
import spacy

from spacy_mre.serving.labels import read_labels


@pytest.mark.parametrize(
    "tasks, labels, expected",
    [
        (["TCREE:RE"], {"TCREE:RE": "born in"}, {"entities": ["entity"], "relations": ["born in"], "cats": []}),
        (["SCNM"], {"SCNM": "place"}, {"entities": ["place"], "relations": [], "cats": []}),
        (
            ["SCNM", "TCREE:RE"],
            {"SCNM": "place", "TCREE:RE": "born in"},
            {"entities": ["entity", "place"], "relations": ["born in"], "cats": []},
        ),
    ],
    ids=["relations", "entities", "both"],
)
def test_what_relations_join_has_a_label(tasks, labels, expected):
    nlp = spacy.blank("en")
    slg = nlp.add_pipe("slg", config={"tasks": tasks})
    for task, label in labels.items():
        slg.add_label(label, task=task)
    assert read_labels(nlp) == expected
