import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_mre.annotations.text_labels import (
    contradicting_cats,
    has_several_labels,
    highest_cat,
    holding_cats,
    holding_or_highest,
)

NONE, A, B, BOTH = ({"a": a, "b": b} for a, b in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)))


def test_which_labels_hold():
    assert holding_cats({"a": 0.5, "b": 0.4, "c": 1.0}) == {"a", "c"}
    assert highest_cat({"a": 0.3, "b": 0.4, "c": 0.3}) == "b"
    assert highest_cat(NONE) is None and highest_cat({}) is None


@pytest.mark.parametrize(
    ("cats", "held"),
    [
        ({"a": 0.5, "b": 0.4, "c": 1.0}, {"a", "c"}),
        ({"a": 0.4, "b": 0.35, "c": 0.25}, {"a"}),  # shares
        ({"a": 0.4, "b": 0.35}, set()),
        ({"a": 0.5, "b": 0.5}, {"a", "b"}),
        (NONE, set()),
        ({}, set()),
    ],
)
def test_which_labels_hold_if_exactly_one_may(cats, held):
    assert holding_or_highest(cats) == held


def test_which_labels_exclude_each_other():
    assert contradicting_cats(BOTH) == {"a", "b"} == contradicting_cats({"a": 1.0, "b": 0.5, "c": 0.1})
    for shares in (A, NONE, {}, {"a": 0.5, "b": 0.5}, {"a": 0.51, "b": 0.5}, {"a": 0.9, "b": 0.3}):
        assert contradicting_cats(shares) == set()


@pytest.mark.parametrize(
    ("gold", "several"),
    [
        ([A, B, {}], False),
        ([A, BOTH], True),
        ([A, NONE, B], True),
        ([NONE], True),
        ([A, {"a": 0.5, "b": 0.5}, {"a": 0.4, "b": 0.3, "c": 0.3}], False),
        ([{"a": 0.4, "b": 0.2}], True),
        ([], False),
        ([{}], False),
    ],
)
def test_whether_texts_have_several_labels(gold, several):
    docs = [Doc(Vocab(), words=["x"]) for _ in gold]
    for doc, cats in zip(docs, gold):
        doc.cats = dict(cats)
    assert has_several_labels(docs) is several
