"""Windows of long texts."""

import itertools

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.pipeline.multi_ner.windows import cut_windows


def test_windows_by_hand():
    windows = cut_windows(numpy.array([4, 0, 10]), room=6, overlap=2)
    assert list(zip(windows.starts.tolist(), windows.ends.tolist())) == [(0, 4), (4, 10), (8, 14)]
    # Pieces 8 and 9 are in two windows. Each is read from the one in which it is farther from a boundary.
    assert windows.owners.tolist() == [0] * 4 + [1] * 5 + [2] * 5


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 40), max_size=5), st.integers(2, 12), st.integers(0, 6))
def test_windows_cover_texts(counts, room, overlap):
    overlap = min(overlap, room // 2)
    counts = numpy.array(counts, dtype=numpy.int64)
    windows = cut_windows(counts, room, overlap)
    boundaries = numpy.cumsum([0, *counts])
    assert (windows.sizes > 0).all() and (windows.sizes <= room).all()
    for begin, end in itertools.pairwise(boundaries):
        of_text = [(a, b) for a, b in zip(windows.starts.tolist(), windows.ends.tolist()) if begin <= a < end]
        assert (of_text[0][0], of_text[-1][1]) == (begin, end) if end > begin else of_text == []
        assert all(after[0] <= before[1] - overlap for before, after in itertools.pairwise(of_text))
        assert len(of_text) == 1 or all(b - a == room for a, b in of_text)
    pieces = numpy.arange(int(counts.sum()))
    starts, ends = windows.starts[windows.owners], windows.ends[windows.owners]
    assert ((starts <= pieces) & (pieces < ends)).all()
    for piece in pieces.tolist():
        text = numpy.searchsorted(boundaries, piece, side="right") - 1

        def context(start, end, piece=piece, text=text):
            """The distance to the nearest boundary that divides the text."""
            left = piece - start if start > boundaries[text] else 10**6
            return min(left, end - 1 - piece if end < boundaries[text + 1] else 10**6)

        best = max(context(a, b) for a, b in zip(windows.starts.tolist(), windows.ends.tolist()) if a <= piece < b)
        assert context(int(starts[piece]), int(ends[piece])) == best
