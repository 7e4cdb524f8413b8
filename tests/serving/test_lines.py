"""The lines of a body in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from spacy_mre.serving.lines import TOO_LONG, Lines


@given(st.lists(st.text("ab\n", max_size=6)))
def test_lines_do_not_depend_on_the_pieces(pieces):
    lines, whole = Lines(3), "".join(pieces)
    found = [line for piece in pieces for line in lines.feed(piece.encode())] + list(lines.end())
    expected = whole.split("\n")
    if not expected[-1]:
        expected.pop()
    assert found == [line.encode() if len(line) <= 3 else TOO_LONG for line in expected]


def test_memory_does_not_grow_with_a_long_line():
    lines = Lines(10)
    for _ in range(1000):
        assert list(lines.feed(b"x" * 5)) == []
        assert sum(map(len, lines._parts)) <= 10
    assert [*lines.feed(b"\nab"), *lines.end()] == [TOO_LONG, b"ab"]
