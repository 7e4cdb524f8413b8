import json

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span, SpanGroup
from spacy.vocab import Vocab

from spacy_mre import from_json, load_docs, make_relation, merge_docs, save_docs, span_as_doc, to_json
from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import get_relations, relation_sources, set_relations
from spacy_mre.annotations.storage import without_annotations


def make_doc(words="Old Aoba lies by Lake Mizu .", spaces=None, vocab=None):
    return Doc(vocab or Vocab(), words=words.split(), spaces=spaces)


@pytest.fixture
def doc():
    doc = make_doc()
    set_entities(doc, [(0, 2, "town", 0.9), (1, 2, "name", 0.4), (4, 6, "water", 0.8)], source="one")
    doc.cats = {"travel": 1.0, "news": 0.0}
    doc.user_data["id"] = "7"
    set_relations(
        doc, [make_relation((0, 2), (4, 6), "near", score=0.5), make_relation((1, 2), (0, 2), "of", head_label="name")]
    )
    return doc


VOCAB = Vocab()

words = st.text(st.sampled_from("ab青葉é😀'"), min_size=1, max_size=4)


@st.composite
def annotated_docs(draw):
    n = draw(st.integers(1, 8))
    tokens = [draw(words | st.just("\n")) if i % 2 else draw(words) for i in range(n)]
    # spaCy's from_json reads several white space tokens as one, because its tokenizers create one.
    doc = Doc(VOCAB, words=tokens, spaces=[draw(st.booleans()) and not token.isspace() for token in tokens])
    span = st.integers(0, n - 1).flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 1, n)))
    label = st.sampled_from(["person", "場所"])
    score = st.floats(0, 1)
    if draw(st.booleans()):
        spans = draw(st.lists(st.tuples(span, label, score), max_size=6))
        set_entities(
            doc, [(*place, name, value) for place, name, value in spans], source=draw(st.sampled_from(["", "one"]))
        )
    if draw(st.booleans()):
        relations = draw(st.lists(st.tuples(span, span, label, score), max_size=5))
        made = [make_relation(head, tail, name, tail_label="x", score=value) for head, tail, name, value in relations]
        set_relations(doc, made[:2])
        set_relations(doc, made[2:], source="one")
    if draw(st.booleans()):
        doc.cats = {"good": draw(score)}
    return doc


def everything(doc):
    group = doc.spans.get("entities")
    return {
        "tokens": [(token.text, token.whitespace_) for token in doc],
        "entities": get_entities(doc),
        "attrs": None if group is None else {name: list(values) for name, values in group.attrs.items()},
        "ents": [(ent.start, ent.end, ent.label_, ent.kb_id_, ent.id_) for ent in doc.ents],
        "states": [token.ent_iob_ for token in doc],
        "relations": get_relations(doc),
        "relation sources": relation_sources(doc),
        "cats": doc.cats,
    }


@settings(max_examples=60, deadline=None, derandomize=True)
@given(annotated_docs())
def test_json_keeps_everything(doc):
    data = json.loads(json.dumps(to_json(doc)))
    assert everything(from_json(data)) == everything(doc)
    assert to_json(from_json(data)) == data


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(annotated_docs(), max_size=4))
def test_files_keep_everything(tmp_path_factory, docs):
    path = tmp_path_factory.mktemp("docs") / "some.spacy"
    assert save_docs(docs, path) == len(docs)
    assert [everything(doc) for doc in load_docs(path)] == [everything(doc) for doc in docs]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(annotated_docs(), annotated_docs())
def test_parts_of_a_merged_document_equal_the_documents(first, second):
    merged = merge_docs([first, second])
    for doc, part in ((first, span_as_doc(merged[: len(first)])), (second, span_as_doc(merged[len(first) :]))):
        if get_relations(first) is not None and get_relations(second) is not None:
            assert get_relations(part) == get_relations(doc)
            assert relation_sources(part) == relation_sources(doc)
        else:
            assert get_relations(merged) is None
        if "entities" in first.spans and "entities" in second.spans:
            assert get_entities(part) == get_entities(doc)
            assert part.spans["entities"].attrs == doc.spans["entities"].attrs
        else:
            assert "entities" not in merged.spans


@pytest.mark.parametrize(
    "copied",
    [
        lambda doc: from_json(to_json(doc), doc.vocab),
        lambda doc: span_as_doc(doc[:]),
        lambda doc: merge_docs([doc]),
        lambda doc: merge_docs([doc, doc]),
    ],
)
def test_a_component_replaces_its_relations_in_a_copy(doc, copied):
    set_relations(doc, [make_relation((2, 3), (4, 6), "found", score=0.5)], source="spert_mt")
    copy = copied(doc)
    set_relations(copy, [], source="spert_mt")
    assert {relation["label"] for relation in get_relations(copy)} == {"near", "of"}


def test_save_docs_creates_the_folder_and_returns_the_count(tmp_path, doc):
    assert save_docs(iter([doc, doc]), tmp_path / "new" / "deep" / "docs.spacy") == 2
    assert [loaded.user_data["id"] for loaded in load_docs(str(tmp_path / "new" / "deep" / "docs.spacy"))] == ["7", "7"]


def test_save_docs_leaves_out_activations_and_does_not_change_the_doc(tmp_path, doc):
    activations = object()  # cannot be stored: saving it would fail
    doc.user_data["._.", "trf_data", None, None] = activations
    user_data, before = doc.user_data, dict(doc.user_data)
    save_docs([doc], tmp_path / "docs.spacy")
    assert doc.user_data is user_data
    assert doc.user_data == before and doc.user_data["._.", "trf_data", None, None] is activations
    (loaded,) = load_docs(tmp_path / "docs.spacy")
    assert ("._.", "trf_data", None, None) not in loaded.user_data
    assert loaded.user_data["id"] == "7"
    assert loaded._.relations == doc._.relations


def test_doc_is_unchanged_if_saving_fails(tmp_path, doc):
    doc.user_data["bad"] = object()
    doc.user_data["._.", "trf_data", None, None] = 1
    with pytest.raises(TypeError):
        save_docs([doc], tmp_path / "docs.spacy")
    assert doc.user_data["._.", "trf_data", None, None] == 1


def test_load_docs_uses_the_vocabulary(tmp_path, doc):
    save_docs([doc], tmp_path / "docs.spacy")
    vocab = Vocab()
    (loaded,) = load_docs(tmp_path / "docs.spacy", vocab)
    assert loaded.vocab is vocab
    assert from_json(to_json(doc), vocab).vocab is vocab


def test_part_keeps_annotations_inside_it(doc):
    part = span_as_doc(doc[1:6])
    assert part.text == "Aoba lies by Lake Mizu "
    assert get_entities(part) == [(0, 1, "name", 0.4), (3, 5, "water", 0.8)]
    assert part.spans["entities"].attrs["sources"] == ["one", "one"]
    assert get_relations(part) == []  # each has an argument outside
    assert part.cats == doc.cats
    whole = span_as_doc(doc[0:6])
    assert get_relations(whole) == get_relations(doc)
    moved = make_doc("x x Old Aoba")
    set_relations(moved, [make_relation((2, 3), (3, 4), "r", score=0.5)])
    assert get_relations(span_as_doc(moved[2:4])) == [make_relation((0, 1), (1, 2), "r", score=0.5)]


def test_part_and_merged_document_keep_ids_and_attributes_of_spans():
    doc = make_doc("a b c d")
    spans = [Span(doc, 0, 1, label="x", span_id="one"), Span(doc, 2, 3, label="y", kb_id="Q2", span_id="two")]
    attrs = {"scores": numpy.array([0.5, 0.25]), "notes": ["first", "second"], "made": "by hand"}
    doc.spans["more"] = SpanGroup(doc, name="more", attrs=attrs, spans=spans)
    part = span_as_doc(doc[1:4])
    assert [(span.start, span.id_, span.kb_id_) for span in part.spans["more"]] == [(1, "two", "Q2")]
    assert part.spans["more"].attrs == {"scores": [0.25], "notes": ["second"], "made": "by hand"}
    merged = merge_docs([doc, doc])
    assert [(span.start, span.id_) for span in merged.spans["more"]] == [(0, "one"), (2, "two"), (4, "one"), (6, "two")]
    assert merged.spans["more"].attrs == {"scores": [0.5, 0.25] * 2, "notes": ["first", "second"] * 2}


def test_part_of_a_document_without_annotation_has_none():
    assert get_relations(span_as_doc(make_doc()[0:2])) is None
    assert get_entities(span_as_doc(make_doc()[0:2])) is None


def test_part_does_not_share_annotations_with_the_document(doc):
    part = span_as_doc(doc[0:6])
    part._.relations[0]["head"][1] = 1
    part.cats["travel"] = 0.0
    part.spans["entities"].attrs["scores"][0] = 0.0
    assert doc._.relations[0]["head"] == [0, 2]
    assert doc.cats["travel"] == 1.0
    assert get_entities(doc)[0].score == 0.9


def test_merged_documents(doc, recwarn):
    other = make_doc("Bo saw Ada", vocab=doc.vocab)
    set_entities(other, [(0, 1, "person", 0.7), (2, 3, "person", 0.6)], source="two")
    set_relations(other, [make_relation((0, 1), (2, 3), "saw", score=0.25)])
    merged = merge_docs([doc, other])
    assert [span.text for span in merged.spans["entities"]] == ["Old Aoba", "Aoba", "Lake Mizu", "Bo", "Ada"]
    assert merged.spans["entities"].attrs == {
        "scores": [0.9, 0.4, 0.8, 0.7, 0.6],
        "sources": ["one"] * 3 + ["two"] * 2,
        "in_ents": ["one", None, "one", "two", "two"],
    }
    assert [(head.text, label, tail.text, score) for head, label, tail, score in merged._.triples] == [
        ("Old Aoba", "near", "Lake Mizu", 0.5),
        ("Aoba", "of", "Old Aoba", 1.0),
        ("Bo", "saw", "Ada", 0.25),
    ]
    assert merged.cats == {}  # they are different
    assert not recwarn.list


def test_merged_tensors_are_kept_if_they_can_be_joined(doc):
    wide, narrow, bare, cleaned, empty = (make_doc(words, vocab=doc.vocab) for words in ("a b", "c", "d", "e", ""))
    wide.tensor, narrow.tensor = numpy.ones((2, 4), dtype="f"), numpy.ones((1, 3), dtype="f")
    cleaned.tensor = None
    assert merge_docs([wide, empty, wide]).tensor.shape == (4, 4)
    for other in (narrow, bare, cleaned):
        for docs in ([wide, other], [other, wide], [other, other]):
            expected = (2, 3) if docs == [narrow, narrow] else (0,)
            assert merge_docs(docs).tensor.shape == expected


def test_merged_cats_are_kept_if_all_are_equal(doc):
    assert merge_docs([doc, doc]).cats == doc.cats


def test_merged_relations_are_absent_if_any_are(doc):
    assert get_relations(merge_docs([doc, make_doc("Bo", vocab=doc.vocab)])) is None
    assert merge_docs([]) is None


def test_merged_entities_are_absent_if_any_are(doc):
    """Otherwise the words of a text without gold would count as words outside of entities."""
    without = make_doc("Bo", vocab=doc.vocab)
    merged = merge_docs([doc, without])
    assert "entities" not in merged.spans and not merged.has_annotation("ENT_IOB")
    assert get_entities(merged) is None
    set_entities(without, [])
    assert len(get_entities(merge_docs([doc, without]))) == 3


def test_without_annotations(doc):
    copied = without_annotations(doc)
    assert [(token.text, token.whitespace_) for token in copied] == [(token.text, token.whitespace_) for token in doc]
    assert get_entities(copied) is None and get_relations(copied) is None and copied.cats == {}
    assert not copied.has_annotation("SENT_START")


def test_merging_does_not_change_the_documents(doc):
    before = everything(doc), dict(doc.user_data)
    merge_docs([doc, doc])
    assert (everything(doc), doc.user_data) == before


def test_ents_across_the_boundary_of_a_part_are_dropped_not_truncated():
    doc = make_doc()
    doc.set_ents([Span(doc, 0, 2, label="town"), Span(doc, 4, 6, label="water")])
    assert [ent.text for ent in span_as_doc(doc[1:7]).ents] == ["Lake Mizu"]
    assert [ent.text for ent in span_as_doc(doc[0:5]).ents] == ["Old Aoba"]
    assert span_as_doc(doc[2:4]).has_annotation("ENT_IOB")


def test_a_part_of_a_cleaned_document():
    """`doc_cleaner` sets the tensor to None, which Span.as_doc refuses."""
    nlp = spacy.blank("en")
    nlp.add_pipe("doc_cleaner")
    doc = nlp("Ida lives in Lima")
    assert doc.tensor is None
    assert span_as_doc(doc[2:4]).text == "in Lima"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["東京です。", "大阪です。", "雨だ"], "東京です。大阪です。雨だ"),
        (["Ada", "Bo"], "Ada Bo"),
        (["東京です。", "Ada", "Bo ", "雨。", "", "雪。"], "東京です。 Ada Bo 雨。 雪。"),
        (["", "雪。"], "雪。"),
    ],
)
def test_merged_texts_have_blanks_where_the_script_has_them(texts, expected):
    nlp = spacy.blank("ja")
    docs = [nlp(text) for text in texts]
    for doc in docs:
        set_entities(doc, [(0, 1, "x")] if len(doc) else [])
    merged = merge_docs(docs)
    assert merged.text.strip() == expected
    assert [span.text for span in merged.spans["entities"]] == [doc[0].text for doc in docs if len(doc)]
