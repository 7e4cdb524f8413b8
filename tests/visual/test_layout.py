"""What must hold for every layout, whatever the text, the spans and the links."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.visual.layout import (
    CUT,
    GUTTER,
    LabelledSpan,
    Link,
    Word,
    break_lines,
    clear_centre,
    lay_out,
    nesting_heights,
    segments_of,
)
from spacy_mre.visual.widths import text_width

WIDTH = 360.0
LABELS = ("person", "place", "other_organisation", "人物", "x")

words = st.lists(
    st.builds(
        Word,
        st.sampled_from(["a", "river", "東京", "。", "「", "Kovalenko", "\n", "w" * 60, "😀", "é"]),
        st.sampled_from(["", " "]),
    ),
    min_size=1,
    max_size=40,
)


@st.composite
def texts(draw):
    text = draw(words)
    place = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 6)).map(
        lambda p: (p[0], min(len(text), p[0] + p[1]))
    )
    spans = draw(
        st.lists(st.builds(lambda p, label: LabelledSpan(*p, label), place, st.sampled_from(LABELS)), max_size=12)
    )
    links = draw(st.lists(st.builds(Link, place, place, st.sampled_from(LABELS), st.booleans()), max_size=12))
    return text, spans, links


def rounded(box):
    """Boxes that share an edge do not overlap because of the last digit of a float."""
    return type(box)(box.left + 1e-6, box.top + 1e-6, box.right - 1e-6, box.bottom - 1e-6)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_lines_keep_every_character_in_order_and_within_the_page(given_text):
    text, _, _ = given_text
    pieces = break_lines(text, GUTTER, WIDTH - GUTTER)
    assert "".join(piece.text for piece in pieces) == "".join(word.text + word.space for word in text)
    assert [piece.token for piece in pieces] == sorted(piece.token for piece in pieces)
    assert {piece.token for piece in pieces} == set(range(len(text)))
    for piece in pieces:
        assert GUTTER <= piece.left < piece.right
        assert piece.right <= WIDTH - GUTTER or piece.text.isspace()
    for before, after in zip(pieces, pieces[1:]):
        assert (before.line, before.end) <= (after.line, after.left) or before.line < after.line


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_nothing_hides_anything(given_text):
    picture = lay_out(*given_text, WIDTH)
    for one, two in combinations([mark.box for mark in picture.marks], 2):
        assert not rounded(one).meets(rounded(two))
    for one, two in combinations([part.label_box for part in picture.arcs], 2):
        assert not rounded(one).meets(rounded(two))
    for label in [part.label_box for part in picture.arcs]:
        assert label.top >= 0 and label.left >= -1e-6 and label.right <= WIDTH + 1e-6
        for mark in picture.marks:
            assert not rounded(label).meets(rounded(mark.box)) and not rounded(label).meets(rounded(mark.tint))
    for mark in picture.marks:
        assert mark.box.bottom < picture.height and mark.left >= -1e-6
    for part, other in combinations(picture.arcs, 2):
        if (part.line, part.level) == (other.line, other.level):
            assert part.right < other.left or other.right < part.left


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_every_span_has_one_label_and_inner_brackets_are_nearer_to_the_text(given_text):
    text, spans, _ = given_text
    picture = lay_out(*given_text, WIDTH)
    assert sorted(mark.span for mark in picture.marks if mark.label) == list(range(len(spans)))
    assert all(mark.label == spans[mark.span].label for mark in picture.marks if mark.label)
    for one, two in combinations(picture.marks, 2):
        outer, inner = (one, two) if _length(spans[one.span]) > _length(spans[two.span]) else (two, one)
        a, b = spans[outer.span], spans[inner.span]
        if outer.segment.line == inner.segment.line and a.start <= b.start and b.end <= a.end and a[:2] != b[:2]:
            assert outer.level > inner.level
            assert outer.tint.top < inner.tint.top


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_feet_stand_on_their_ends(given_text):
    _, _, links = given_text
    picture = lay_out(*given_text, WIDTH)
    for number, link in enumerate(links):
        parts = [part for part in picture.arcs if part.link == number]
        heads = [(part.line, part.head) for part in parts if part.head is not None]
        tails = [(part.line, part.tail) for part in parts if part.tail is not None]
        assert len(heads) == len(tails) == 1
        for (line, x), place in ((heads[0], link.head), (tails[0], link.tail)):
            assert any(s.line == line and s.left <= x <= s.right for s in segments_of(*place, picture.pieces))
        if len(parts) == 1:
            assert parts[0].number == 0 and not parts[0].goes_on
        else:
            first, second = sorted(parts, key=lambda part: part.line)
            assert first.number == second.number > 0
            assert first.right == WIDTH - CUT and second.left == CUT
            assert first.goes_on and not second.goes_on


def test_numbers_of_cut_arcs_are_never_shared():
    text = [Word("river", " ")] * 60
    links = [Link((0, 1), (50 + i, 51 + i), "flows_into") for i in range(8)]
    numbers = [part.number for part in lay_out(text, [], links, WIDTH).arcs]
    assert sorted(numbers) == sorted([*range(1, 9)] * 2)


def test_lines_break_where_readers_expect():
    pieces = break_lines([Word(char) for char in "私は海を見た。"], 0, 18.0 * 6)
    assert ["".join(p.text for p in pieces if p.line == line) for line in (0, 1)] == ["私は海を見", "た。"]
    pieces = break_lines(
        [Word("well", " "), Word("sea"), Word("-"), Word("side"), Word(".")], 0, text_width("well sea-side", 18)
    )
    assert ["".join(p.text for p in pieces if p.line == line) for line in (0, 1)] == ["well ", "sea-side."]
    pieces = break_lines([Word("one"), Word("\n"), Word("two")], 0, 500)
    assert [piece.line for piece in pieces] == [0, 0, 1]


def test_a_word_wider_than_the_line_is_cut_but_no_accent_is_torn_off():
    pieces = break_lines([Word("e\u0301" * 30)], 0, 100)
    assert len({piece.line for piece in pieces}) > 1
    assert all(not piece.text.startswith("\u0301") for piece in pieces)


def test_heights_count_the_spans_inside():
    assert nesting_heights([(0, 4), (0, 2), (1, 2), (3, 6), (0, 2)]) == [3, 1, 0, 0, 2]


def test_arcs_from_one_entity_do_not_cross():
    text = [Word("word", " ")] * 8
    spans = [LabelledSpan(i, i + 1, "x") for i in (0, 3, 5, 7)]
    picture = lay_out(text, spans, [Link((0, 1), (end, end + 1), "r") for end in (3, 5, 7)], 900)
    near, middle, far = picture.arcs
    assert far.head < middle.head < near.head
    assert far.level > middle.level > near.level


def test_the_foot_on_an_outer_entity_avoids_the_inner_one():
    text = [Word("Tokyo", " "), Word("University")]
    picture = lay_out(
        text, [LabelledSpan(0, 1, "place"), LabelledSpan(0, 2, "university")], [Link((0, 2), (0, 1), "in")], 500
    )
    tokyo, university = picture.pieces
    assert university.left <= picture.arcs[0].head and picture.arcs[0].tail <= tokyo.right


def test_a_label_steps_aside_for_a_leg():
    assert clear_centre(0, 100, 50, 10, []) == 50
    moved = clear_centre(0, 100, 50, 10, [52])
    assert abs(moved - 52) >= 10 and abs(moved - 50) < 10
    assert clear_centre(60, 40, 50, 10, [50]) == 50


def test_nothing_gives_an_empty_picture():
    picture = lay_out([], [], [], WIDTH)
    assert picture.height == 0 and not picture.pieces and not picture.marks and not picture.arcs


@pytest.mark.parametrize(
    "text, width",
    [
        ("東京", 2.0),
        ("ｱｲ", 1.0),
        ("e\u0301", 0.56),
        ("é", 0.56),
        ("👩\u200d🔬", 1.3),
        ("🇯🇵", 1.3),
        ("👍🏽", 1.3),
        ("", 0.0),
    ],
)
def test_widths(text, width):
    assert text_width(text) == pytest.approx(width)
    assert text_width(text, 20) == pytest.approx(20 * width)


def _length(span):
    return span.end - span.start
