import pytest

from tests.corpora.similarity import near_duplicates


def test_near_duplicates():
    texts = ["abcd", "xyz", "abcde", "abcd", "a", "a"]
    assert near_duplicates(texts, 0.6) == [
        (0, 3, 1.0),
        (4, 5, 1.0),
        (0, 2, pytest.approx(2 / 3)),
        (2, 3, pytest.approx(2 / 3)),
    ]
    assert [pair[:2] for pair in near_duplicates(texts, 0.7)] == [(0, 3), (4, 5)]
    assert near_duplicates([], 0.5) == []
