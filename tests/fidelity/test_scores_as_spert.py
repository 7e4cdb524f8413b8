"""Micro and macro scores once more, as SpERT's evaluator has them: scikit-learn over the union of gold and predicted
items of every text."""

import numpy
import pytest
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.scorers import score_joint

VOCAB = Vocab()
WORDS = [f"w{i}" for i in range(12)]
ENTITY_LABELS, RELATION_LABELS = ["x", "y", "z"], ["r", "s"]


def random_doc(generator, near=None):
    """A document with random annotations; or those of another one, of which some are lost, moved or relabelled."""
    doc = Doc(VOCAB, words=WORDS)
    if near is None:
        spans = {
            (int(start), int(start + width))
            for start, width in zip(generator.integers(0, 9, 6), generator.integers(1, 4, 6))
        }
        entities = [(*span, str(generator.choice(ENTITY_LABELS))) for span in sorted(spans)]
        # Heads before tails, one label each: SpERT knows no second label of a pair.
        pairs = {tuple(sorted(generator.choice(len(entities), 2, replace=False).tolist())) for _ in range(4)}
        joined = [(head, tail, str(generator.choice(RELATION_LABELS))) for head, tail in sorted(pairs)]
    else:
        entities, joined = near
        entities = [
            (start, end, str(generator.choice(ENTITY_LABELS)) if generator.random() < 0.3 else label)
            for start, end, label in entities
        ]
        joined = [
            (head, tail, str(generator.choice(RELATION_LABELS)) if generator.random() < 0.3 else label)
            for head, tail, label in joined
            if generator.random() < 0.8
        ]
    set_entities(doc, [(*entity, 1.0) for entity in entities])
    ends = [(entities[head], entities[tail], label) for head, tail, label in joined]
    set_relations(doc, [make_relation(h[:2], t[:2], label, head_label=h[2], tail_label=t[2]) for h, t, label in ends])
    return doc, (entities, joined)


def items_of(doc, what):
    """Place -> label, of entities and of relations without and with the entity labels."""
    if what == "spans_entities":
        return {(span.start, span.end): span.label_ for span in doc.spans["entities"]}
    with_labels = what == "rel_strict"
    return {
        (*((*relation[end], relation[f"{end}_label"] if with_labels else "") for end in ("head", "tail")),): relation[
            "label"
        ]
        for relation in doc._.relations
    }


def sklearn_scores(pairs, labels):
    """SpERT's `_score`: a place that one side lacks has the label 0 there, which counts for nothing."""
    from sklearn.metrics import precision_recall_fscore_support

    gold, predicted = [], []
    for gold_items, predicted_items in pairs:
        for place in {*gold_items, *predicted_items}:
            gold.append(labels.index(gold_items[place]) + 1 if place in gold_items else 0)
            predicted.append(labels.index(predicted_items[place]) + 1 if place in predicted_items else 0)
    numbers = list(range(1, len(labels) + 1))
    micro = precision_recall_fscore_support(gold, predicted, labels=numbers, average="micro", zero_division=0)[:3]
    of_each = precision_recall_fscore_support(gold, predicted, labels=numbers, average=None, zero_division=0)
    in_gold = [f for f, support in zip(of_each[2], of_each[3]) if support]
    return [*micro, sum(in_gold) / len(in_gold)]


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_scikit_learn(seed):
    pytest.importorskip("sklearn")
    generator = numpy.random.default_rng(seed)
    examples = []
    for i in range(8):
        gold, annotations = random_doc(generator)
        predicted, _ = random_doc(generator, annotations if i else None)
        examples.append(Example(predicted, gold))
    scores = score_joint(examples)
    for what, labels in (("spans_entities", ENTITY_LABELS), ("rel", RELATION_LABELS), ("rel_strict", RELATION_LABELS)):
        pairs = [(items_of(eg.reference, what), items_of(eg.predicted, what)) for eg in examples]
        found = [scores[f"{what}_{key}"] for key in ("p", "r", "f", "macro_f")]
        assert found == pytest.approx(sklearn_scores(pairs, labels)), what
        assert 0 < scores[f"{what}_f"] < 1
    assert scores["rel_strict_f"] < scores["rel_f"]
