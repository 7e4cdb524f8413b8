"""Which entities are inside another one."""

import pytest

from spacy_mre.annotations.nesting import count_nested


@pytest.mark.parametrize(
    ("places", "nested"),
    [
        ([], 0),
        ([(0, 1), (1, 2)], 0),
        ([(0, 3), (2, 5)], 0),
        ([(1, 2), (0, 3)], 1),
        ([(0, 1), (0, 3), (2, 3)], 2),
        ([(0, 2), (0, 2)], 1),
        ([(0, 9), (1, 5), (2, 3), (6, 8)], 3),
    ],
    ids=["none", "side by side", "crossing", "inside", "same ends", "same offsets", "several levels"],
)
def test_entities_inside_another_one(places, nested):
    assert count_nested(places) == count_nested(places[::-1]) == nested
