import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import EntityRecord
from spacy_mre.corpora.translation.string_anchors import anchor_strings, occurrences


def found(text, strings, offsets, labels=None, placed=None):
    entities = [EntityRecord(start, end, (labels or "x" * 9)[i]) for i, (start, end) in enumerate(offsets)]
    places = anchor_strings(text, dict(enumerate(strings)) if isinstance(strings, list) else strings, entities, placed)
    return {index: (start, text[start:end]) for index, (start, end) in sorted(places.items())}


def test_mentions_are_in_the_order_of_the_source():
    assert found("a b a a", ["a", "a"], [(5, 6), (0, 1)]) == {0: (4, "a"), 1: (0, "a")}
    assert found("a", ["a", "a"], [(0, 1), (5, 6)]) == {0: (0, "a")}


def test_known_places_are_not_given_again():
    assert found("a b a", {1: "a"}, [(0, 1), (5, 6)], placed={0: (0, 1)}) == {1: (4, "a")}


def test_longer_strings_are_first():
    assert found("Lima Express to Lima", ["Lima", "Lima Express"], [(0, 2), (3, 9)]) == {
        0: (16, "Lima"),
        1: (0, "Lima Express"),
    }


def test_nested_entities_are_nested_again():
    text = "From Lima by the Lima Express"
    assert found(text, ["Lima", "Lima Express"], [(3, 5), (3, 9)])[0] == (17, "Lima")
    assert found(text, ["Lima", "Lima Express"], [(0, 2), (3, 9)])[0] == (5, "Lima")
    # Around what is known.
    assert found("a b and a c", {0: "a c"}, [(0, 5), (0, 1)], placed={1: (8, 9)})[0] == (8, "a c")


def test_what_is_nested_only_in_the_translation_is_found():
    assert found("Sendai City Hall", ["Sendai", "Sendai City Hall"], [(0, 2), (3, 6)]).keys() == {0, 1}
    assert found("the hall, Sendai", ["Sendai", "the hall"], [(0, 2), (0, 5)]).keys() == {0, 1}


def test_one_place_has_several_labels_but_not_one_twice():
    assert found("Lima", ["Lima", "Lima"], [(0, 2), (0, 2)], "xy") == {0: (0, "Lima"), 1: (0, "Lima")}
    assert found("Lima", ["Lima", "Lima"], [(0, 2), (0, 3)], "xx") == {1: (0, "Lima")}


def test_further_occurrences_do_not_change_the_order():
    # Britain's rule, and land that was annexed by Britain: the second is the entity.
    source = [(0, 2), (10, 14), (30, 37)]
    text = "the South under Britain until Britain left"
    assert found(text, {2: "Britain"}, source, placed={0: (4, 9), 1: (24, 29)}) == {2: (30, "Britain")}
    assert found("Rome, Athens, Rome, Oslo", ["Oslo", "Rome", "Athens"], [(9, 10), (5, 6), (0, 2)])[1] == (14, "Rome")
    # Two labels of one mention look for one place.
    mentions = [(0, 2), (5, 7), (5, 7)]
    assert found("Lima: Oslo, Lima", {1: "Lima", 2: "Lima"}, mentions, "xyz", {0: (6, 10)}) == {
        1: (12, "Lima"),
        2: (12, "Lima"),
    }
    # If the language has another order, no occurrence is left over.
    assert found("Rome, Oslo, Rome", ["Rome", "Oslo", "Rome"], [(0, 2), (3, 5), (3, 5)], "xyy")[0] == (0, "Rome")


@pytest.mark.parametrize(
    "text, string, places",
    [
        ("Oman, woman, Omani", "Oman", [(0, 4)]),
        ("2010 or 10", "10", [(8, 10)]),
        ("10年と2010年", "10年", [(0, 3)]),
        ("cafe\u0301, cafe", "cafe", [(7, 11)]),
        ("仙台市で仙台", "仙台", [(0, 2), (4, 6)]),
        ("리마에서", "리마", [(0, 2)]),
        ("NHKの", "NHK", [(0, 3)]),
        ("aa", "", []),
    ],
)
def test_strings_are_not_parts_of_words(text, string, places):
    assert list(occurrences(text, string)) == places


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet="a地 ", max_size=12),
    st.lists(st.tuples(st.text(alphabet="a地 ", max_size=4), st.integers(0, 9), st.integers(1, 4)), max_size=6),
)
def test_places_have_their_strings_and_are_not_given_twice(text, given_strings):
    entities = [EntityRecord(start, start + width, "x") for _, start, width in given_strings]
    strings = {index: string for index, (string, _, _) in enumerate(given_strings)}
    places = anchor_strings(text, strings, entities)
    assert all(text[start:end] == strings[index] for index, (start, end) in places.items())
    assert len(set(places.values())) == len(places)
    for index, string in strings.items():
        if index not in places and list(strings.values()).count(string) == 1:
            others = [place for place in places.values() if place]
            for start, end in occurrences(text, string):
                assert any(s < end and start < e for s, e in others)
