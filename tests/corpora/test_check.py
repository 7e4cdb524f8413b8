"""The independent texts, on which the trained pipelines are checked."""

from collections import Counter
from pathlib import Path

import pytest

from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.corpora.markup import read_markup
from tests.corpora.similarity import near_duplicates

ASSETS = Path(__file__).parents[2] / "assets"


@pytest.mark.parametrize("lang, n", [("en", 5), ("ja", 3), ("zh", 3)])
def test_thirty_texts_that_are_not_in_the_corpus(lang, n):
    labels = read_labels(ASSETS / "corpus" / "labels.json")
    found = read_markup(ASSETS / "check" / f"{lang}.mre")
    assert list(found) == [lang] and len(found[lang]) == 30
    assert Counter(cat for record in found[lang] for cat in record.cats) == dict.fromkeys(labels.cats, 6)
    assert {entity.label for record in found[lang] for entity in record.entities} == labels.entities
    assert {relation.label for record in found[lang] for relation in record.relations} <= labels.relations
    own = read_corpus(ASSETS / "corpus", labels)[lang]
    texts = [record.text for record in [*own, *found[lang]]]
    assert not near_duplicates(texts, 0.3, n=n)
