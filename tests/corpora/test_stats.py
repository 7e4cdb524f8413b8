from collections import Counter

import spacy

from spacy_mre.annotations.entities import EntitySpan, set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.corpora.stats import get_statistics, quantile, reach


def test_statistics():
    nlp = spacy.blank("en")
    doc = nlp("a b c d e f g h")
    set_entities(
        doc,
        [
            EntitySpan(0, 3, "x"),
            EntitySpan(1, 2, "y"),
            EntitySpan(2, 5, "x"),
            EntitySpan(7, 8, "y"),
            EntitySpan(7, 8, "z"),
        ],
    )
    relations = [((0, 3), (7, 8), "r"), ((0, 3), (7, 8), "s"), ((7, 8), (1, 2), "r"), ((0, 3), (2, 5), "r")]
    set_relations(doc, [make_relation(*relation) for relation in relations])
    doc.cats = {"k": 1.0, "l": 0.0}
    empty = nlp("a b")
    set_entities(empty, [])
    stats = get_statistics([doc, empty])
    assert (stats.documents, stats.tokens) == (2, 10)
    assert (stats.without_entities, stats.without_relations, stats.without_cats) == (0, 1, 1)
    assert stats.entities == {"x": 2, "y": 2, "z": 1}
    assert stats.relations == {"r": 3, "s": 1}
    assert stats.cats == {"k": 1}
    assert (stats.nested, stats.crossing) == (3, 2)
    assert stats.widths == {3: 2, 1: 3}
    assert stats.distances == {4: 2, 5: 1, 0: 1}
    assert (stats.related_pairs, stats.multi_label_pairs, stats.beyond_first) == (3, 1, 1)
    assert get_statistics([nlp("a")]).without_entities == 1


def test_misaligned():
    nlp = spacy.blank("en")
    doc = spacy.tokens.Doc(nlp.vocab, words=["Ao", "ba", "met"], spaces=[False, True, False])
    set_entities(doc, [EntitySpan(0, 1, "x"), EntitySpan(0, 2, "y"), EntitySpan(1, 2, "x")])
    assert get_statistics([doc], nlp=nlp).misaligned == {"x": 2}


def test_reach_and_quantile():
    counts = Counter({1: 8, 3: 1, 12: 1})
    assert [reach(counts, limit) for limit in (0, 1, 10, 12)] == [0.0, 0.8, 0.9, 1.0]
    assert [quantile(counts, share) for share in (0.5, 0.9, 1.0)] == [1, 3, 12]
    assert (reach(Counter(), 1), quantile(Counter(), 1.0)) == (1.0, 0)
