"""JSON. The property tests of test_storage.py convert documents with JSON, too."""

import json

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span, SpanGroup
from spacy.vocab import Vocab

from spacy_mre import load_docs, make_relation, merge_docs, save_docs, span_as_doc
from spacy_mre.annotations.doc_json import from_json, to_json
from spacy_mre.annotations.entities import get_entities, set_entities, states_beside_entities
from spacy_mre.annotations.relations import get_relations, relation_sources, set_relations

WORDS = ["Old", "Aoba", "lies", "by", "Lake", "Mizu", "."]


def make_doc():
    return Doc(Vocab(), words=WORDS)


@pytest.fixture
def doc():
    doc = make_doc()
    set_entities(doc, [(0, 2, "town", 0.9), (1, 2, "name", 0.4), (4, 6, "water", 0.8)], source="one")
    set_relations(
        doc, [make_relation((0, 2), (4, 6), "near", score=0.5), make_relation((1, 2), (0, 2), "of", head_label="name")]
    )
    return doc


def through_json(doc):
    return from_json(json.loads(json.dumps(to_json(doc))), doc.vocab)


def through_file(doc, path):
    save_docs([doc], path)
    return next(load_docs(path, doc.vocab))


CONVERSIONS = {
    "json": lambda doc, _: through_json(doc),
    "file": lambda doc, folder: through_file(doc, folder / "doc.spacy"),
    "part": lambda doc, _: span_as_doc(doc[:]),
    "merged": lambda doc, _: merge_docs([doc]),
}


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_identifiers_of_spans_survive(conversion, tmp_path):
    doc = make_doc()
    doc.ents = [Span(doc, 0, 2, label="town", kb_id="Q1", span_id="a"), Span(doc, 4, 6, label="water")]
    group = [Span(doc, 4, 6, label="water", kb_id="Q2", span_id="b"), Span(doc, 1, 2, label="name", span_id="c")]
    doc.spans["entities"] = group
    copy = CONVERSIONS[conversion](doc, tmp_path)
    assert [(ent.text, ent.kb_id_, ent.id_) for ent in copy.ents] == [("Old Aoba", "Q1", "a"), ("Lake Mizu", "", "")]
    spans = [(span.text, span.label_, span.kb_id_, span.id_) for span in copy.spans["entities"]]
    assert spans == [("Lake Mizu", "water", "Q2", "b"), ("Aoba", "name", "", "c")]


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_missing_and_blocked_tokens_survive(conversion, tmp_path):
    doc = make_doc()
    doc.set_ents([Span(doc, 0, 2, label="town")], missing=[doc[2:4]], blocked=[doc[4:5]])
    copy = CONVERSIONS[conversion](doc, tmp_path)
    states = {name: [token.start for token in tokens] for name, tokens in states_beside_entities(copy).items()}
    assert states == {"missing": [2, 3], "blocked": [4]}
    assert [token.ent_iob_ for token in copy] == ["B", "I", "", "", "B", "O", "O"]
    assert [ent.text for ent in copy.ents] == ["Old Aoba"]


def test_what_a_corpus_says_about_a_text_survives():
    doc = make_doc()
    doc.user_data.update({"id": 7, "group": "diary", "meta": {"page": numpy.int64(3)}, "other": object()})
    data = to_json(doc)
    assert (data["id"], data["group"], data["meta"]) == (7, "diary", {"page": 3})
    assert through_json(doc).user_data == {"id": 7, "group": "diary", "meta": {"page": 3}}
    assert to_json(make_doc()).keys() == {"text", "tokens", "span_attrs"}


def test_numbers_of_numpy_in_text_labels_are_json():
    doc = make_doc()
    doc.cats = {"travel": numpy.float32(0.5), "news": numpy.int64(0)}
    assert through_json(doc).cats == {"travel": 0.5, "news": 0}


def test_json_contains_character_offsets_and_texts_of_arguments(doc):
    near, of = to_json(doc)["relations"]
    assert (near["head_char"], near["head_text"]) == ([0, 8], "Old Aoba")
    assert (near["tail_char"], near["tail_text"]) == ([17, 26], "Lake Mizu")
    assert (of["head_char"], of["head_text"], of["score"]) == ([4, 8], "Aoba", 1.0)
    assert to_json(doc)["span_attrs"]["entities"]["scores"] == [0.9, 0.4, 0.8]


def test_json_distinguishes_absent_from_empty():
    assert "relations" not in to_json(make_doc())
    assert from_json(to_json(make_doc()))._.relations is None
    doc = make_doc()
    doc._.relations = []
    set_entities(doc, [])
    loaded = from_json(to_json(doc))
    assert (loaded._.relations, get_entities(loaded)) == ([], [])


def test_json_whose_relations_were_changed_by_hand_has_no_sources(doc):
    set_relations(doc, [make_relation((2, 3), (4, 6), "found", score=0.5)], source="spert_mt")
    data = to_json(doc)
    assert data["relation_sources"] == ["", "", "spert_mt"]
    del data["relations"][0]
    assert relation_sources(from_json(data)) == ["", ""]
    del data["relation_sources"]  # of an earlier version
    assert len(get_relations(from_json(data))) == 2


def test_tokens_with_white_space_survive_json():
    nlp = spacy.blank("en")
    doc = Doc(nlp.vocab, words=["00000", " 0", "a b", "\n", " ", "c "], spaces=[False, True, False, True, False, True])
    doc.ents = [Span(doc, 1, 3, label="x")]
    set_relations(doc, [make_relation((0, 1), (2, 3), "r")])
    doc[1].lemma_ = "zero"
    back = from_json(json.loads(json.dumps(to_json(doc))), nlp.vocab)
    assert [token.text_with_ws for token in back] == [token.text_with_ws for token in doc]
    assert [(ent.text, ent.label_) for ent in back.ents] == [(" 0 a b", "x")]
    assert back[1].lemma_ == "zero" and back[1].norm_ == doc[1].norm_
    assert [(triple.head.text, triple.tail.text) for triple in back._.triples] == [("00000", "a b")]


def test_scores_of_other_components_are_json():
    """spancat writes an array of numpy to the attributes of its group."""
    doc = make_doc()
    scores = numpy.asarray([0.5], dtype="f")
    attrs = {"scores": scores, "best": scores[0], "all": {"of": (scores,)}}
    doc.spans["sc"] = SpanGroup(doc, spans=[doc[0:2]], attrs=attrs)
    doc._.relations = []
    doc._.relations.append({**make_relation((0, 2), (4, 6), "near"), "score": scores[0]})
    data = json.loads(json.dumps(to_json(doc)))
    assert data["span_attrs"]["sc"] == {"scores": [0.5], "best": 0.5, "all": {"of": [[0.5]]}}
    assert from_json(data).spans["sc"].attrs["scores"] == [0.5]
    assert get_relations(from_json(data))[0]["score"] == 0.5
