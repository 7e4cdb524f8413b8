"""How alike analyses are, and where each annotation comes from."""

from time import process_time

import pytest

from spacy_mre.serving.studio.comparing import Cats, f1, is_same, items, trace

CATS = Cats()


def analysis(entities=(), relations=(), cats=None):
    return {
        "entities": [{"start": start, "end": end, "label": label} for start, end, label in entities],
        "relations": [{"head": head, "tail": tail, "label": label} for head, tail, label in relations],
        "cats": cats,
    }


A, B, C = (0, 3, "person"), (5, 9, "place"), (5, 7, "site")


def test_the_order_does_not_matter():
    first, second = analysis([A, B], [(0, 1, "lives_in")]), analysis([B, A], [(1, 0, "lives_in")])
    assert is_same(first, second, CATS)
    assert not is_same(first, analysis([A, B], [(1, 0, "lives_in")]), CATS)


def test_what_is_absent_states_nothing():
    assert is_same(analysis(), {**analysis(), "relations": None}, CATS)
    assert items({"entities": None, "relations": None, "cats": None}, CATS) == set()


def test_text_labels_are_compared_without_scores():
    first, second = analysis(cats={"a": 0.4, "b": 0.3}), analysis(cats={"a": 1.0, "b": 0.0})
    assert is_same(first, second, CATS)
    assert not is_same(first, second, Cats(True))
    assert is_same(first, second, Cats(True, 0.35))
    assert CATS.held({"a": 0.0, "b": 0.0}) == set()


def test_f1():
    assert f1([]) is None and f1([((), ())]) is None
    assert f1([([A], [])]) == 0.0 and f1([([A, B], [A]), ([C], [C])]) == pytest.approx(0.8)


@pytest.mark.parametrize(
    "before, after, origins, deleted",
    [
        ([A, B], [B, A], ["accepted", "accepted"], []),
        ([A], [(0, 3, "place")], ["corrected"], []),
        ([A], [(1, 4, "person")], ["corrected"], []),
        ([A], [(3, 5, "person")], ["added"], [A]),
        ([], [A], ["added"], []),
        ([A, B], [], [], [A, B]),
        # Of two that overlap, the larger part wins, and each is used once.
        ([(0, 4, "x"), (4, 10, "x")], [(3, 10, "y")], ["corrected"], [(0, 4, "x")]),
        ([(0, 10, "x")], [(0, 4, "y"), (4, 10, "y")], ["added", "corrected"], []),
        ([B, C], [C, (5, 9, "site")], ["accepted", "corrected"], []),
    ],
)
def test_origins_of_entities(before, after, origins, deleted):
    traced = trace(analysis(before), analysis(after), CATS)
    assert [one["origin"] for one in traced["entities"]] == origins
    assert [(one["start"], one["end"], one["label"]) for one in traced["deleted"]["entities"]] == deleted


def test_what_a_corrected_entity_was():
    traced = trace(analysis([(0, 4, "x"), (4, 10, "x")]), analysis([(3, 10, "y")]), CATS)
    assert traced["entities"][0]["was"] == {"start": 4, "end": 10, "label": "x"}


@pytest.mark.parametrize(
    "before, after, origins, deleted",
    [
        ([(0, 1, "r")], [(0, 1, "r")], ["accepted"], []),
        ([(0, 1, "r")], [(0, 1, "s")], ["corrected"], []),
        ([(0, 1, "r")], [(1, 0, "r")], ["corrected"], []),
        ([(0, 1, "r")], [(0, 1, "s"), (0, 1, "r")], ["added", "accepted"], []),
        ([(0, 1, "r"), (0, 1, "s")], [(0, 1, "r")], ["accepted"], [(0, 1, "s")]),
        ([], [(0, 1, "r")], ["added"], []),
    ],
)
def test_origins_of_relations(before, after, origins, deleted):
    moved = (5, 8, "site")  # a relation stays the same if a border of its entity moves
    traced = trace(analysis([A, B], before), analysis([A, moved], after), CATS)
    assert [one["origin"] for one in traced["relations"]] == origins
    assert [tuple(one.values()) for one in traced["deleted"]["relations"]] == deleted


def test_origins_of_text_labels():
    before, after = analysis(cats={"a": 0.9, "b": 0.1}), analysis(cats={"a": 0.0, "b": 1.0})
    traced = trace(before, after, CATS)
    assert traced["cats"] == {"b": {"origin": "corrected", "was": "a"}} and traced["deleted"]["cats"] == []
    traced = trace(before, analysis(cats={"a": 1.0, "b": 1.0}), Cats(True))
    assert traced["cats"] == {"a": {"origin": "accepted"}, "b": {"origin": "added"}}
    assert trace(before, analysis(cats={}), Cats(True))["deleted"]["cats"] == ["a"]


def test_nothing_was_predicted():
    traced = trace(None, analysis([A, B], [(0, 1, "r")], {"a": 1.0}), CATS)
    assert [one["origin"] for one in (*traced["entities"], *traced["relations"], traced["cats"]["a"])] == ["added"] * 4


def test_thousands_of_entities_are_traced_at_once():
    found = [(3 * number, 3 * number + 2, "person") for number in range(20_000)]
    kept = [(start, end + 1, label) for start, end, label in found]
    started = process_time()
    entities = trace(analysis(found), analysis(kept), CATS)["entities"]
    assert process_time() - started < 5
    assert [one["was"]["start"] for one in entities] == [start for start, _, _ in found]
