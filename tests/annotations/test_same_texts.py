"""The same texts in several files."""

from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.annotations.same_texts import match_texts
from tests.robustness.effort import scale

names = st.tuples(st.sampled_from("123"), st.sampled_from(["Rain", "Sun", "S un", "Wind"]))


def test_id_and_text_come_before_the_text_alone():
    a = [("1", "Rain"), ("2", "Rain"), ("3", "Ada  met Bo"), ("4", "Old")]
    b = [("4", "New"), ("7", "Ada met\nBo"), ("2", "Rain"), ("9", "Rain"), ("8", "Rain")]
    assert match_texts([a, b]) == [{0: 0, 1: 3}, {0: 1, 1: 2}, {0: 2, 1: 1}, {0: 3}, {1: 0}, {1: 4}]


def test_three_files():
    a, b = [("1", "Rain")], [("2", "Rain"), ("5", "Sun")]
    c = [("6", "Sun"), ("2", "Rain"), ("1", "Rain")]
    # The second and the third file have the same id; with the first one only the third has.
    assert match_texts([a, b, c]) == [{0: 0, 2: 2}, {1: 0, 2: 1}, {1: 1, 2: 0}]
    # Nobody has the same ids: the first that is possible.
    assert match_texts([[("1", "Rain")], [("2", "Rain")], [("3", "Rain"), ("4", "Rain")]]) == [
        {0: 0, 1: 0, 2: 0},
        {2: 1},
    ]


def test_texts_that_occur_several_times():
    assert match_texts([[("", "Yes")] * 3, [("", "Yes")] * 2]) == [{0: 0, 1: 0}, {0: 1, 1: 1}, {0: 2}]


def test_no_files_and_no_texts():
    assert match_texts([]) == match_texts([[], []]) == []


@settings(max_examples=scale(60), deadline=None, derandomize=True)
@given(st.lists(st.lists(names, max_size=6), max_size=4))
def test_every_text_is_used_once(files):
    found = match_texts(files)
    used = sorted((number, place) for places in found for number, place in places.items())
    assert used == [(number, place) for number, texts in enumerate(files) for place in range(len(texts))]
    for places in found:
        assert len({"".join(files[number][place][1].split()) for number, place in places.items()}) == 1
    # No two of them could be joined.
    for i, some in enumerate(found):
        for other in found[i + 1 :]:
            texts = {"".join(files[n][p][1].split()) for places in (some, other) for n, p in places.items()}
            assert len(texts) == 2 or some.keys() & other.keys()
    first = [places[0] for places in found if 0 in places]
    assert first == sorted(first)
