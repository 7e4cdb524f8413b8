"""`.spacy` files are a format like the others, also those with entities under another key."""

import pytest
import spacy
from spacy.tokens import DocBin, Span

from spacy_mre import make_relation, save_docs
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import get_relations, set_relations
from spacy_mre.corpora import READERS, WRITERS, EntityRecord, RelationRecord, Report, make_docs


@pytest.fixture
def doc():
    doc = spacy.blank("en")("Ida  lives in Old Lima.")
    set_entities(doc, [(0, 1, "person", 1.0), (4, 6, "place", 0.7), (5, 6, "place", 1.0)])
    set_relations(doc, [make_relation((0, 1), (4, 6), "lives_in", head_label="person", tail_label="place")])
    doc.cats = {"people": 1.0, "travel": 0.0}
    doc.user_data.update({"id": "x7", "group": "g", "meta": {"author": "Bo"}})
    return doc


def test_everything_is_read(doc, tmp_path):
    save_docs([doc], tmp_path / "a.spacy")
    report = Report()
    (record,) = READERS["spacy"](tmp_path / "a.spacy", report=report)
    assert (record.text, record.id, record.group, record.meta) == (doc.text, "x7", "g", {"author": "Bo"})
    assert record.cats == {"people": 1.0, "travel": 0.0}
    assert record.relations == [RelationRecord(0, 1, "lives_in")]
    assert [doc.text[entity.start : entity.end] for entity in record.entities] == ["Ida", "Old Lima", "Lima"]
    assert not report.lost and not report.noted
    (back,) = make_docs([record], spacy.blank("en"))
    assert [token.text_with_ws for token in back] == [token.text_with_ws for token in doc]
    assert get_relations(back) == get_relations(doc)


@pytest.mark.parametrize("key", ["sc", None])
def test_entities_under_another_key(key, tmp_path):
    doc = spacy.blank("en")("Ida lives in Lima")
    span = Span(doc, 3, 4, label="place")
    if key:
        doc.spans[key] = [span]
    else:
        doc.ents = [span]
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    (record,) = READERS["spacy"](tmp_path / "a.spacy")
    assert record.entities == [EntityRecord(13, 17, "place")]
    assert record.id == "1" and record.relations is None and record.cats is None


def test_what_is_not_read_is_noted(doc, tmp_path):
    doc.spans["other"] = []
    set_relations(doc, [make_relation((0, 1), (2, 3), "odd")])
    save_docs([doc], tmp_path / "a.spacy")
    report = Report()
    (record,) = READERS["spacy"](tmp_path / "a.spacy", report=report)
    assert record.relations == []
    assert report.noted == {"span group 'other' that is not read": 1}
    assert report.lost == {"relation whose head or tail is not an entity": 1}


def test_all_losses_of_a_document_are_counted(doc, tmp_path):
    set_relations(doc, [make_relation((0, 1), (2, 3), f"odd {number}") for number in range(5)])
    save_docs([doc], tmp_path / "a.spacy")
    report = Report()
    list(READERS["spacy"](tmp_path / "a.spacy", report=report))
    (reason, count), *others = report.lost.items()
    assert (reason, count, others) == ("relation whose head or tail is not an entity", 5, [])
    assert report.examples[reason] == [f"a.spacy, document x7: odd {number}" for number in range(3)]


def saved(path, *docs):
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    report = Report()
    return list(READERS["spacy"](path, report=report)), report


def ida(**groups):
    doc = spacy.blank("en")("Ida lives in Lima")
    doc.ents = [Span(doc, 0, 1, label="person"), Span(doc, 3, 4, label="place")]
    for key, label in groups.items():
        doc.spans[key] = [Span(doc, 0, 1, label=label)]
    return doc


def test_tokens_without_entity_annotation_are_counted(tmp_path):
    doc = spacy.blank("en")("Ida lives in Lima")
    doc.set_ents([Span(doc, 0, 1, label="person")], default="missing")
    (record, _), report = saved(tmp_path / "a.spacy", doc, ida())
    assert record.entities == [EntityRecord(0, 3, "person")]
    assert report.lost == {"missing entity annotation of some tokens, read as O": 1}
    report = Report()
    WRITERS["jsonl"]([doc], tmp_path / "a.jsonl", report=report)
    assert report.lost == {"missing entity annotation of some tokens, read as O": 1}


def test_entities_beside_the_span_group_are_noted(tmp_path):
    (record,), report = saved(tmp_path / "a.spacy", ida(sc="person"))
    assert record.entities == [EntityRecord(0, 3, "person")]
    assert report.noted == {"entity of doc.ents that is not in the span group 'sc', not read": 1}
    (record,), report = saved(tmp_path / "a.spacy", ida(entities="name"))
    assert record.entities == [EntityRecord(0, 3, "name")]
    assert report.noted == {"entity of doc.ents that is not in the span group 'entities', not read": 2}


def test_the_span_group_is_that_of_the_whole_file(tmp_path):
    records, report = saved(tmp_path / "a.spacy", ida(sc="np"), ida())
    assert [[entity.label for entity in record.entities] for record in records] == [["person", "place"]] * 2
    assert report.noted == {"span group 'sc' that is not read": 1}
    without = spacy.blank("en")("Rain")
    records, report = saved(tmp_path / "a.spacy", ida(sc="np"), ida(sc="np"), without)
    assert [record.entities for record in records] == [[EntityRecord(0, 3, "np")]] * 2 + [None]
    records, report = saved(tmp_path / "a.spacy", ida(sc="np"), ida(entities="person"))
    assert [[entity.label for entity in record.entities] for record in records] == [["person", "place"], ["person"]]
