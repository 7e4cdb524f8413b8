import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.borders import moves_to_gold
from spacy_mre.evaluation.counts import count_documents
from spacy_mre.evaluation.scorers import score_joint

VOCAB = Vocab()
WORDS = ["the", "old", "queen", "Ada", "left", "the", "port", "of", "Kita", "."]


def make_doc(entities, relations=()):
    """Entities are (start, end, label), relations (place of the head among them, place of the tail, label)."""
    doc = Doc(VOCAB, words=WORDS)
    set_entities(doc, [(*entity, 1.0) for entity in entities])
    ends = [(entity[:2], entity[2]) for entity in entities]
    made = [(*ends[head], *ends[tail], label) for head, tail, label in relations]
    set_relations(
        doc, [make_relation(one, other, label, head_label=a, tail_label=b) for one, a, other, b, label in made]
    )
    return doc


@pytest.mark.parametrize(
    "gold, found, moves",
    [
        ([(0, 4, "a")], [(2, 6, "a")], {(2, 6): (0, 4)}),  # any overlap is enough
        ([(0, 4, "a")], [(4, 6, "a")], {}),  # standing beside it is not
        ([(0, 4, "a")], [(2, 4, "b")], {(2, 4): (0, 4)}),  # of another label, too: whether it is right is said later
        ([(0, 4, "a")], [(0, 3, "a"), (0, 4, "b")], {(0, 4): (0, 4)}),  # the same place before the same label
        ([(0, 4, "a")], [(0, 3, "b"), (2, 8, "a")], {(2, 8): (0, 4)}),  # the same label before the greater overlap
        ([(0, 4, "a")], [(2, 4, "a"), (1, 4, "a")], {(1, 4): (0, 4)}),  # the greater overlap before the smaller
        ([(0, 4, "a"), (4, 8, "a")], [(2, 6, "a")], {(2, 6): (0, 4)}),  # the first of two that are as good; one for one
        (
            [(0, 4, "a"), (0, 9, "b")],
            [(0, 5, "b"), (0, 6, "a")],
            {(0, 5): (0, 9), (0, 6): (0, 4)},
        ),  # nested ones by their labels
        ([], [(0, 1, "a")], {}),
    ],
)
def test_moves_by_hand(gold, found, moves):
    assert moves_to_gold(gold, found) == moves


def test_scores_by_hand():
    # Gold: "the old queen Ada" left, "the port of Kita" with "Kita" within it. Found: "queen Ada" and "port of Kita" as a person.
    gold = make_doc([(0, 4, "person"), (5, 9, "place"), (8, 9, "place")], [(0, 1, "left"), (0, 2, "left")])
    found = make_doc([(2, 4, "person"), (6, 9, "person")], [(0, 1, "left")])
    exact, forgiven = (score_joint([Example(found, gold)], borders=borders) for borders in ("exact", "overlap"))
    assert exact["spans_entities_f"] == exact["rel_f"] == 0.0
    # Each stands for one: queen Ada is right, port of Kita has another label: p = 1/2, r = 1/3, f = 2/5.
    assert [forgiven[f"spans_entities_{key}"] for key in ("p", "r", "f")] == pytest.approx([1 / 2, 1 / 3, 2 / 5])
    # The relation is right where labels of entities do not count: p = 1, r = 1/2, f = 2/3.
    assert [forgiven[f"rel_{key}"] for key in ("p", "r", "f")] == pytest.approx([1, 1 / 2, 2 / 3])
    assert forgiven["rel_strict_f"] == 0.0


def test_ends_of_symmetric_relations_are_sorted_where_they_stand_for():
    # Found: Ada behind the queen in the text, but gold has them the other way round.
    gold = make_doc([(0, 3, "b"), (3, 4, "a")], [(0, 1, "same")])
    found = make_doc([(1, 3, "b"), (3, 5, "a")], [(1, 0, "same")])
    scores = score_joint([Example(found, gold)], symmetric=["same"], borders="overlap")
    assert scores["rel_strict_f"] == 1.0


def test_unknown_borders_are_refused():
    with pytest.raises(ValueError, match="M001.*borders.*exact, overlap"):
        score_joint([Example(make_doc([]), make_doc([]))], borders="loose")


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
def test_forgiving_takes_nothing_away(pairs):
    examples = [Example(found, gold) for found, gold in pairs]
    exact, forgiven = (count_documents(examples, borders=borders) for borders in ("exact", "overlap"))
    scores = score_joint(examples, borders="overlap")
    for layer, name in (("entities", "spans_entities"), ("relations", "rel"), ("strict_relations", "rel_strict")):
        assert (forgiven[layer][:, 0] >= exact[layer][:, 0]).all()
        # Nothing that was found or is in gold comes or goes.
        for column in (1, 2):
            assert (forgiven[layer][:, [0, column]].sum(axis=1) == exact[layer][:, [0, column]].sum(axis=1)).all()
        right, wrong, missed = forgiven[layer].sum(axis=0)
        assert (scores[f"{name}_f"] or 0.0) == pytest.approx(2 * right / max(2 * right + wrong + missed, 1))
