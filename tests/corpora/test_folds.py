"""Parts of a corpus for cross-validation."""

from collections import Counter

import pytest
import spacy

from spacy_mre.annotations.entities import set_entities
from spacy_mre.corpora.folds import make_folds

NLP = spacy.blank("zh")


def doc_of(text, label="place", group=""):
    doc = NLP.make_doc(text)
    set_entities(doc, [(0, 1, label, 1.0)])
    if group:
        doc.user_data["group"] = group
    return doc


def test_folds_have_the_same_share_of_every_label():
    docs = [doc_of(f"甲{i}", label) for i, label in enumerate(["place"] * 20 + ["person"] * 10)]
    folds = make_folds(docs, 5)
    assert Counter(folds) == dict.fromkeys(range(5), 6)
    assert Counter(folds[20:]) == dict.fromkeys(range(5), 2)
    assert make_folds(docs, 5) == folds != make_folds(docs, 5, seed=1)


def test_groups_and_equal_texts_are_in_one_part():
    docs = [doc_of(f"甲{i}", group=f"g{i % 3}") for i in range(12)] + [doc_of("乙"), doc_of("乙")]
    folds = make_folds(docs, 3)
    assert len({*folds[0:12:3]}) == len({*folds[1:12:3]}) == len({*folds[2:12:3]}) == 1
    assert folds[12] == folds[13]
    with pytest.raises(ValueError, match=r"\[M519\].*5 parts: it has 4 different"):
        make_folds(docs, 5)
