"""The agreement of the corpus with a second annotation of 200 of its texts, and with blind readers of its classes."""

from pathlib import Path

import pytest
import spacy

from spacy_mre.corpora import make_docs
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.corpora.markup import read_markup
from spacy_mre.evaluation.agreement import cohens_kappa, measure_agreement, pair_docs

ASSETS = Path(__file__).parents[2] / "assets"


@pytest.fixture(scope="module")
def scores():
    nlp = spacy.blank("xx")
    first = read_corpus(ASSETS / "corpus", read_labels(ASSETS / "corpus" / "labels.json"))
    second = read_markup(ASSETS / "agreement" / "second.mre")
    both = [
        example
        for lang, records in second.items()
        for example in pair_docs(make_docs(first[lang], nlp), make_docs(records, nlp)).both
    ]
    return measure_agreement(both, symmetric=["cooperates_with"])


def test_agreement(scores):
    entities, relations = scores["entities"], scores["relations"]
    print(f"{entities['texts']} texts: entities F1 {entities['f1']:.3f}, relations F1 {relations['f1']:.3f}")
    # Texts that were changed since are left out.
    assert entities["texts"] >= 120
    assert entities["f1"] >= 0.95
    assert relations["f1"] >= 0.9


def test_agreement_of_the_classes():
    """The reader saw the text and the definition of the classes, not the id."""
    lines = (ASSETS / "agreement" / "classes.tsv").read_text(encoding="utf8").splitlines()
    read = dict(line.split("\t") for line in lines)
    own = [id.rpartition("-")[0] for id in read]
    kappa = cohens_kappa(own, list(read.values()))
    print(f"{len(read)} texts: kappa of the classes {kappa:.3f}")
    assert len(read) == 200
    assert kappa >= 0.85
