"""Properties of the layout for any text, spans and arcs."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.annotations.entities import EntitySpan
from spacy_mre.visual.arcs import clear_centre
from spacy_mre.visual.brackets import nesting_heights
from spacy_mre.visual.layout import lay_out
from spacy_mre.visual.lines import break_lines, segments_of
from spacy_mre.visual.shapes import CUT, GUTTER, Arc, Word
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
    offsets = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 6)).map(
        lambda p: (p[0], min(len(text), p[0] + p[1]))
    )
    spans = draw(
        st.lists(st.builds(lambda p, label: EntitySpan(*p, label), offsets, st.sampled_from(LABELS)), max_size=12)
    )
    arcs = draw(st.lists(st.builds(Arc, offsets, offsets, st.sampled_from(LABELS), st.booleans()), max_size=12))
    return text, spans, arcs


def shrunk(box):
    """A slightly smaller box, so that boxes that share an edge do not overlap by a rounding error."""
    return type(box)(box.left + 1e-6, box.top + 1e-6, box.right - 1e-6, box.bottom - 1e-6)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_lines_contain_all_characters_in_order_inside_the_page(example):
    text, _, _ = example
    pieces = break_lines(text, GUTTER, WIDTH - GUTTER)
    assert "".join(piece.text for piece in pieces) == "".join(word.text + word.space for word in text)
    assert [piece.token for piece in pieces] == sorted(piece.token for piece in pieces)
    assert {piece.token for piece in pieces} == set(range(len(text)))
    for piece in pieces:
        assert GUTTER <= piece.left < piece.right
        assert piece.right <= WIDTH - GUTTER or piece.text.isspace()
    for before, after in pairwise(pieces):
        assert (before.line, before.end) <= (after.line, after.left) or before.line < after.line


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_nothing_overlaps(example):
    picture = lay_out(*example, WIDTH)
    for one, two in combinations([mark.box for mark in picture.marks], 2):
        assert not shrunk(one).overlaps(shrunk(two))
    for one, two in combinations([part.label_box for part in picture.arc_parts], 2):
        assert not shrunk(one).overlaps(shrunk(two))
    for label in [part.label_box for part in picture.arc_parts]:
        assert label.top >= 0 and label.left >= -1e-6 and label.right <= WIDTH + 1e-6
        for mark in picture.marks:
            assert not shrunk(label).overlaps(shrunk(mark.box)) and not shrunk(label).overlaps(shrunk(mark.tint))
    for mark in picture.marks:
        assert mark.box.bottom < picture.height and mark.left >= -1e-6
    for part, other in combinations(picture.arc_parts, 2):
        if (part.line, part.level) == (other.line, other.level):
            assert part.right < other.left or other.right < part.left


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_each_span_has_one_label_and_inner_brackets_are_nearer_to_the_text(example):
    _, spans, _ = example
    picture = lay_out(*example, WIDTH)
    assert sorted(mark.span for mark in picture.marks if mark.label) == list(range(len(spans)))
    assert all(mark.label == spans[mark.span].label for mark in picture.marks if mark.label)
    for one, two in combinations(picture.marks, 2):
        outer, inner = (one, two) if _length(spans[one.span]) > _length(spans[two.span]) else (two, one)
        a, b = spans[outer.span], spans[inner.span]
        if (
            outer.segment.line == inner.segment.line
            and a.start <= b.start
            and b.end <= a.end
            and a.offsets != b.offsets
        ):
            assert outer.level > inner.level
            assert outer.tint.top < inner.tint.top


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts())
def test_feet_are_on_the_ends_of_arcs(example):
    _, _, arcs = example
    picture = lay_out(*example, WIDTH)
    for number, arc in enumerate(arcs):
        parts = [part for part in picture.arc_parts if part.arc == number]
        heads = [(part.line, part.head) for part in parts if part.head is not None]
        tails = [(part.line, part.tail) for part in parts if part.tail is not None]
        assert len(heads) == len(tails) == 1
        for (line, x), offsets in ((heads[0], arc.head), (tails[0], arc.tail)):
            assert any(s.line == line and s.left <= x <= s.right for s in segments_of(*offsets, picture.pieces))
        if len(parts) == 1:
            assert parts[0].number == 0 and not parts[0].continues
        else:
            first, second = sorted(parts, key=lambda part: part.line)
            assert first.number == second.number > 0
            assert first.right == WIDTH - CUT and second.left == CUT
            assert first.continues and not second.continues


def test_each_arc_across_lines_has_a_different_number():
    text = [Word("river", " ")] * 60
    arcs = [Arc((0, 1), (50 + i, 51 + i), "flows_into") for i in range(8)]
    numbers = [part.number for part in lay_out(text, [], arcs, WIDTH).arc_parts]
    assert sorted(numbers) == sorted([*range(1, 9)] * 2)


def test_line_breaks():
    pieces = break_lines([Word(char) for char in "私は海を見た。"], 0, 18.0 * 6)
    assert ["".join(p.text for p in pieces if p.line == line) for line in (0, 1)] == ["私は海を見", "た。"]
    pieces = break_lines(
        [Word("well", " "), Word("sea"), Word("-"), Word("side"), Word(".")], 0, text_width("well sea-side", 18)
    )
    assert ["".join(p.text for p in pieces if p.line == line) for line in (0, 1)] == ["well ", "sea-side."]
    pieces = break_lines([Word("one"), Word("\n"), Word("two")], 0, 500)
    assert [piece.line for piece in pieces] == [0, 0, 1]


def test_a_word_wider_than_the_line_is_cut_but_not_before_an_accent():
    pieces = break_lines([Word("e\u0301" * 30)], 0, 100)
    assert len({piece.line for piece in pieces}) > 1
    assert all(not piece.text.startswith("\u0301") for piece in pieces)


def test_nesting_heights():
    assert nesting_heights([(0, 4), (0, 2), (1, 2), (3, 6), (0, 2)]) == [3, 1, 0, 0, 2]


def test_arcs_from_one_entity_do_not_cross():
    text = [Word("word", " ")] * 8
    spans = [EntitySpan(i, i + 1, "x") for i in (0, 3, 5, 7)]
    picture = lay_out(text, spans, [Arc((0, 1), (end, end + 1), "r") for end in (3, 5, 7)], 900)
    near, middle, far = picture.arc_parts
    assert far.head < middle.head < near.head
    assert far.level > middle.level > near.level


def test_the_foot_on_an_outer_entity_avoids_the_inner_one():
    text = [Word("Tokyo", " "), Word("University")]
    picture = lay_out(
        text, [EntitySpan(0, 1, "place"), EntitySpan(0, 2, "university")], [Arc((0, 2), (0, 1), "in")], 500
    )
    tokyo, university = picture.pieces
    assert university.left <= picture.arc_parts[0].head and picture.arc_parts[0].tail <= tokyo.right


def test_a_label_avoids_the_legs_of_other_arcs():
    assert clear_centre(0, 100, 50, 10, []) == 50
    moved = clear_centre(0, 100, 50, 10, [52])
    assert abs(moved - 52) >= 10 and abs(moved - 50) < 10
    assert clear_centre(60, 40, 50, 10, [50]) == 50


def test_an_empty_text_gives_an_empty_picture():
    picture = lay_out([], [], [], WIDTH)
    assert picture.height == 0 and not picture.pieces and not picture.marks and not picture.arc_parts


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
