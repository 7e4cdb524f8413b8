from collections import Counter

import spacy

from spacy_mre.annotations.entities import EntitySpan, set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.corpora.misfits import CROSSING, NO_ENTITY, OFF_TOKENS
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
    assert (stats.nested, stats.misfits.noted[CROSSING]) == (2, 2)
    assert stats.widths == {3: 2, 1: 3}
    assert stats.distances == {7: 2, 6: 1, 2: 1}
    assert (stats.related_pairs, stats.multi_label_pairs, stats.beyond_first) == (3, 1, 1)
    assert get_statistics([nlp("a")]).without_entities == 1


def test_misfits():
    nlp = spacy.blank("en")
    doc = nlp("Ida saw Bo near the old and very long lake. It rained in Lima.")
    doc.user_data["id"] = "a-1"
    ida, bo, lake, lima = (0, 1), (2, 3), (4, 10), (14, 15)
    set_entities(
        doc, [(*ida, "person", 1), (*bo, "person", 1), (*lake, "place", 1), (2, 5, "x", 1), (*lima, "place", 1)]
    )
    relations = [(ida, bo, "saw"), (bo, bo, "is"), (ida, lima, "in"), (ida, (1, 2), "does"), (lima, (12, 13), "rains")]
    set_relations(doc, [make_relation(*relation) for relation in relations])
    misfits = get_statistics([doc], width_limit=5).misfits
    assert misfits.examples == {
        "entities of more than 5 tokens": ["a-1: place 'the old and very long l…'"],
        "entities that cross another": ["a-1: x 'Bo near the'", "a-1: place 'the old and very long l…'"],
        "relations with an end that is no entity": ["a-1: 'Ida' does 'saw'", "a-1: 'Lima' rains 'rained'"],
        "relations of an entity with itself": ["a-1: 'Bo' is 'Bo'"],
        "relations across sentences": ["a-1: 'Ida' in 'Lima'"],
    }
    assert not misfits.lost and not get_statistics([nlp("Ida")]).misfits.noted


def test_entities_off_the_tokens():
    nlp = spacy.blank("en")
    docs = []
    for _ in range(3):
        doc = spacy.tokens.Doc(nlp.vocab, words=["Ao", "ba", "met"], spaces=[False, True, False])
        set_entities(doc, [EntitySpan(0, 1, "x"), EntitySpan(0, 2, "y"), EntitySpan(1, 2, "x")])
        docs.append(doc)
    assert not get_statistics(docs).misfits.noted
    misfits = get_statistics(docs, nlp=nlp).misfits
    assert misfits.noted == {OFF_TOKENS: 6}
    assert misfits.examples == {OFF_TOKENS: ["1: x 'Ao'", "1: x 'ba'", "2: x 'Ao'"]}


def test_relations_without_annotated_entities_have_no_entity_as_end():
    doc = spacy.blank("en")("Ida " * 60)
    set_relations(doc, [make_relation((0, 50), (51, 52), "r")])
    (example,) = get_statistics([doc]).misfits.examples[NO_ENTITY]
    assert example.startswith("1: 'Ida Ida") and "…' r 'Ida'" in example and len(example) < 60


def test_reach_and_quantile():
    counts = Counter({1: 8, 3: 1, 12: 1})
    assert [reach(counts, limit) for limit in (0, 1, 10, 12)] == [0.0, 0.8, 0.9, 1.0]
    assert [quantile(counts, share) for share in (0.5, 0.9, 1.0)] == [1, 3, 12]
    assert (reach(Counter(), 1), quantile(Counter(), 1.0)) == (1.0, 0)
