import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.counts import count_documents
from spacy_mre.evaluation.overlap_matching import match_to_gold
from spacy_mre.evaluation.scorers import score_joint

VOCAB = Vocab()
WORDS = ["the", "old", "queen", "Ada", "left", "the", "port", "of", "Kita", "."]


def make_doc(entities, relations=()):
    """Entities are (start, end, label), relations (index of the head, index of the tail, label)."""
    doc = Doc(VOCAB, words=WORDS)
    set_entities(doc, [(*entity, 1.0) for entity in entities])
    pairs = [(entities[head], entities[tail], label) for head, tail, label in relations]
    set_relations(
        doc,
        [
            make_relation(head[:2], tail[:2], label, head_label=head[2], tail_label=tail[2])
            for head, tail, label in pairs
        ],
    )
    return doc


@pytest.mark.parametrize(
    "gold, predicted, matches",
    [
        ([(0, 4, "a")], [(2, 6, "a")], {(2, 6): (0, 4)}),  # any overlap is enough
        ([(0, 4, "a")], [(4, 6, "a")], {}),  # being adjacent is not
        ([(0, 4, "a")], [(2, 4, "b")], {(2, 4): (0, 4)}),  # also with another label
        ([(0, 4, "a")], [(0, 3, "a"), (0, 4, "b")], {(0, 4): (0, 4)}),  # the same offsets before the same label
        ([(0, 4, "a")], [(0, 3, "b"), (2, 8, "a")], {(2, 8): (0, 4)}),  # the same label before a larger overlap
        ([(0, 4, "a")], [(2, 4, "a"), (1, 4, "a")], {(1, 4): (0, 4)}),  # a larger overlap before a smaller one
        ([(0, 4, "a"), (4, 8, "a")], [(2, 6, "a")], {(2, 6): (0, 4)}),  # the first of two equal ones; one to one
        (
            [(0, 4, "a"), (0, 9, "b")],
            [(0, 5, "b"), (0, 6, "a")],
            {(0, 5): (0, 9), (0, 6): (0, 4)},
        ),  # nested entities by label
        ([], [(0, 1, "a")], {}),
    ],
)
def test_matches_by_hand(gold, predicted, matches):
    assert match_to_gold(gold, predicted) == matches


def test_scores_by_hand():
    # Gold: "the old queen Ada", "the port of Kita" and "Kita" inside it.
    # Predicted: "queen Ada", and "port of Kita" as a person.
    gold = make_doc([(0, 4, "person"), (5, 9, "place"), (8, 9, "place")], [(0, 1, "left"), (0, 2, "left")])
    predicted = make_doc([(2, 4, "person"), (6, 9, "person")], [(0, 1, "left")])
    exact = score_joint([Example(predicted, gold)])
    overlap = score_joint([Example(predicted, gold)], matching="overlap")
    assert exact["spans_entities_f"] == exact["rel_f"] == 0.0
    # Each is matched: "queen Ada" is correct, "port of Kita" has another label: p = 1/2, r = 1/3, f = 2/5.
    assert [overlap[f"spans_entities_{key}"] for key in ("p", "r", "f")] == pytest.approx([1 / 2, 1 / 3, 2 / 5])
    # The relation is correct if entity labels are ignored: p = 1, r = 1/2, f = 2/3.
    assert [overlap[f"rel_{key}"] for key in ("p", "r", "f")] == pytest.approx([1, 1 / 2, 2 / 3])
    assert overlap["rel_strict_f"] == 0.0


def test_arguments_of_symmetric_relations_are_sorted_by_their_gold_offsets():
    # The arguments overlap gold in another order than their own.
    gold = make_doc([(0, 3, "b"), (3, 4, "a")], [(0, 1, "same")])
    predicted = make_doc([(1, 3, "b"), (3, 5, "a")], [(1, 0, "same")])
    scores = score_joint([Example(predicted, gold)], symmetric=["same"], matching="overlap")
    assert scores["rel_strict_f"] == 1.0


def test_an_invalid_setting_is_m001():
    with pytest.raises(ValueError, match=r"M001.*matching.*exact, overlap"):
        score_joint([Example(make_doc([]), make_doc([]))], matching="loose")


@st.composite
def documents(draw):
    span = st.tuples(st.integers(0, 8), st.integers(1, 4), st.sampled_from("ab")).map(
        lambda s: (s[0], min(s[0] + s[1], 10), s[2])
    )
    entities = draw(st.lists(span, max_size=5, unique=True))
    pairs = [
        (head, tail)
        for head in range(len(entities))
        for tail in range(len(entities))
        if entities[head][:2] != entities[tail][:2]
    ]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=4)) if pairs else []
    return make_doc(entities, [(head, tail, draw(st.sampled_from("kl"))) for head, tail in chosen])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(documents(), documents()), min_size=1, max_size=3))
def test_overlap_matching_never_scores_lower(pairs):
    examples = [Example(predicted, gold) for predicted, gold in pairs]
    exact, overlap = count_documents(examples), count_documents(examples, matching="overlap")
    scores = score_joint(examples, matching="overlap")
    for layer, name in (("entities", "spans_entities"), ("relations", "rel"), ("strict_relations", "rel_strict")):
        assert (overlap[layer][:, 0] >= exact[layer][:, 0]).all()
        # The numbers of predicted and of gold items do not change.
        for column in (1, 2):
            assert (overlap[layer][:, [0, column]].sum(axis=1) == exact[layer][:, [0, column]].sum(axis=1)).all()
        correct, wrong, missed = overlap[layer].sum(axis=0)
        assert (scores[f"{name}_f"] or 0.0) == pytest.approx(2 * correct / max(2 * correct + wrong + missed, 1))
