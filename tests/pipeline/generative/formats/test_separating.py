"""What several tasks learn of gold in which the ends of relations are entities."""

import pytest
import spacy

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.cli.studio_files import make_gold_docs
from spacy_mre.pipeline.generative.formats.separating import separate_tasks

ENTITIES = [(0, 1, "person"), (1, 2, "founding"), (3, 4, "entity"), (5, 6, "place")]
RELATIONS = [(1, "object", 2), (2, "located in", 3), (0, "works at", 2)]
LABELS = {
    "SCNM": [("labels", "person"), ("labels", "place")],
    "TCREE:RE": [("labels", "located in"), ("labels", "works at")],
    "TCREE:EE": [("labels", "founding"), ("roles", "object")],
}


def make_pipeline(*tasks):
    nlp = spacy.blank("en")
    slg = nlp.add_pipe("slg", config={"tasks": list(tasks)})
    for task in tasks:
        for level, label in LABELS[task]:
            slg.add_label(label, level=level, task=task)
    return nlp, slg.gold


def gold_of(*tasks, entities=ENTITIES, relations=RELATIONS):
    """The gold that a component with these tasks gets, and what belongs to each."""
    nlp, gold = make_pipeline(*tasks)
    doc = nlp.make_doc("Ida founded a lab in Lima")
    set_entities(doc, [(*entity, 1.0) for entity in entities])
    made = []
    for head, label, tail in relations:
        (*start, head_label), (*end, tail_label) = ENTITIES[head], ENTITIES[tail]
        made.append(make_relation(start, end, label, head_label=head_label, tail_label=tail_label))
    set_relations(doc, made)
    assert separate_tasks(doc, nlp) is doc
    return doc, gold


def shown(entities):
    return None if entities is None else [(entity.start, entity.label) for entity in entities]


def test_entities_relations_and_events():
    doc, gold = gold_of("SCNM", "TCREE:RE", "TCREE:EE")
    assert shown(gold.entities(doc, "SCNM")) == [(0, "person"), (5, "place")]
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ida", "person"), ("Lima", "place")]
    assert [one["label"] for one in gold.relations(doc, "TCREE:RE")] == ["located in", "works at"]
    assert not gold.has_words(doc, "TCREE:EE")
    assert shown(gold.entities(doc, "TCREE:RE")) == [(3, "entity")]


def test_entities_and_relations():
    doc, gold = gold_of("SCNM", "TCREE:RE", entities=[ENTITIES[0], *ENTITIES[2:]], relations=[])
    assert shown(gold.entities(doc, "SCNM")) == [(0, "person"), (5, "place")]
    assert gold.relations(doc, "TCREE:RE") == []


@pytest.mark.parametrize("task", LABELS)
def test_one_task_keeps_all(task):
    doc, gold = gold_of(task)
    assert shown(gold.entities(doc, task)) == [(0, "person"), (1, "founding"), (3, "entity"), (5, "place")]
    assert len(doc._.relations) == 3


def test_gold_without_such_ends_is_not_changed():
    entities, relations = [ENTITIES[0], ENTITIES[3]], [(0, "works at", 3)]
    doc, gold = gold_of("SCNM", "TCREE:RE", "TCREE:EE", entities=entities, relations=relations)
    assert list(doc.spans) == ["entities"] and shown(gold.entities(doc, "SCNM")) == [(0, "person"), (5, "place")]
    assert [one["label"] for one in gold.relations(doc, "TCREE:RE")] == ["works at"]
    assert not gold.has_words(doc, "TCREE:EE")


def test_the_studio_learns_this():
    nlp, gold = make_pipeline("SCNM", "TCREE:RE")
    entities = [{"start": 0, "end": 3, "label": "person"}, {"start": 14, "end": 17, "label": "entity"}]
    relations = [{"head": 0, "tail": 1, "label": "works at"}]
    row = {"text": "Ida founded a lab in Lima", "entities": entities, "relations": relations}
    (doc,) = make_gold_docs([row], nlp)
    assert shown(gold.entities(doc, "SCNM")) == [(0, "person")]
    assert [one["label"] for one in gold.relations(doc, "TCREE:RE")] == ["works at"]
    (plain,) = make_gold_docs([row], spacy.blank("en"))
    assert [(span.text, span.label_) for span in plain.spans["entities"]] == [("Ida", "person"), ("lab", "entity")]
