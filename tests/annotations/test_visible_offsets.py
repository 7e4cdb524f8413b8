import pytest

from spacy_mre.annotations.visible_offsets import VisibleOffsets

TEXT = " In\u3000Lima\n."


@pytest.mark.parametrize(
    ("in_text", "visible", "back"),
    [((0, 3), (0, 2), (1, 3)), ((3, 9), (2, 6), (4, 8)), ((8, 9), (6, 6), (9, 9)), ((9, 10), (6, 7), (9, 10))],
)
def test_offsets_without_white_space_and_back(in_text, visible, back):
    offsets = VisibleOffsets(TEXT)
    assert offsets.of(*in_text) == visible
    assert offsets.in_text(*visible) == back


@pytest.mark.parametrize("text", ["", " "])
def test_a_text_without_characters(text):
    assert VisibleOffsets(text).of(0, len(text)) == (0, 0)
    assert VisibleOffsets(text).in_text(0, 0) == (len(text), len(text))
