import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span, SpanGroup
from spacy.vocab import Vocab

from spacy_mre.annotations.entities import (
    EntitySpan,
    complete_entities,
    flat_subset,
    get_entities,
    is_partly_annotated,
    set_entities,
)
from spacy_mre.annotations.storage import load_docs, save_docs

WORDS = ["a", "b", "c", "d", "e", "f"]


@pytest.fixture
def doc():
    return Doc(Vocab(), words=WORDS)


def ents(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def group(doc, key="entities"):
    return [(span.start, span.end, span.label_) for span in doc.spans[key]]


def attrs_match_spans(doc, key="entities"):
    attrs = doc.spans[key].attrs
    return len(attrs["scores"]) == len(attrs["sources"]) == len(doc.spans[key])


def test_group_contains_all_entities_and_ents_the_flat_best_scored_subset(doc):
    written = set_entities(doc, [(0, 3, "org", 0.6), (1, 2, "place", 0.9), (4, 5, "person", 0.5)])
    assert group(doc) == [(0, 3, "org"), (1, 2, "place"), (4, 5, "person")]
    assert ents(doc) == [(1, 2, "place"), (4, 5, "person")]
    assert written == get_entities(doc) == [(0, 3, "org", 0.6), (1, 2, "place", 0.9), (4, 5, "person", 0.5)]


def test_group_is_sorted_by_start_then_longest_first_with_matching_scores(doc):
    set_entities(doc, [(2, 3, "x", 0.1), (0, 1, "x", 0.2), (0, 4, "x", 0.3), (2, 5, "x", 0.4)])
    assert group(doc) == [(0, 4, "x"), (0, 1, "x"), (2, 5, "x"), (2, 3, "x")]
    assert doc.spans["entities"].attrs["scores"] == [0.3, 0.2, 0.4, 0.1]
    assert attrs_match_spans(doc)


def test_scores_are_plain_floats(doc):
    numpy = pytest.importorskip("numpy")
    set_entities(doc, [(0, 1, "x", numpy.float32(0.5))])
    assert type(doc.spans["entities"].attrs["scores"][0]) is float


def test_source_replaces_its_own_spans_and_keeps_others(doc):
    set_entities(doc, [(0, 1, "gold", 1.0)])
    set_entities(doc, [(1, 2, "mine", 0.5), (2, 3, "mine", 0.6)], source="one")
    set_entities(doc, [(3, 4, "theirs", 0.7)], source="two")
    set_entities(doc, [(4, 5, "mine", 0.8)], source="one")
    assert get_entities(doc) == [(0, 1, "gold", 1.0), (3, 4, "theirs", 0.7), (4, 5, "mine", 0.8)]
    assert doc.spans["entities"].attrs["sources"] == ["", "two", "one"]
    assert ents(doc) == [(0, 1, "gold"), (3, 4, "theirs"), (4, 5, "mine")]
    set_entities(doc, [], source="two")
    assert group(doc) == [(0, 1, "gold"), (4, 5, "mine")]
    assert attrs_match_spans(doc)


def test_ids_and_attributes_of_other_spans_are_kept(doc):
    spans = [Span(doc, 4, 5, label="town", kb_id="Q7", span_id="town-7"), Span(doc, 0, 1, label="name", span_id="n")]
    attrs = {"notes": ["seen", "new"], "weights": numpy.array([0.5, 0.25]), "made": "by hand"}
    doc.spans["entities"] = SpanGroup(doc, name="entities", attrs=attrs, spans=spans)
    # The second one is found too, with a lower score.
    set_entities(doc, [(2, 3, "mine", 0.8), (0, 1, "name", 0.6)], source="one")
    for _ in range(2):
        assert group(doc) == [(0, 1, "name"), (2, 3, "mine"), (4, 5, "town")]
        assert [(span.id_, span.kb_id_) for span in doc.spans["entities"]] == [("n", ""), ("", ""), ("town-7", "Q7")]
        kept = doc.spans["entities"].attrs
        assert (kept["notes"], kept["weights"], kept["made"]) == (["new", None, "seen"], [0.25, None, 0.5], "by hand")
        assert (kept["sources"], kept["scores"]) == (["", "one", ""], [1.0, 0.8, 1.0])
        set_entities(doc, [(2, 3, "mine", 0.8)], source="one")


def test_ids_of_a_ruler_are_kept():
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("span_ruler", config={"spans_key": "entities"})
    ruler.add_patterns([{"label": "town", "pattern": "Lima", "id": "town-7"}])
    doc = nlp("Ida lives in Lima")
    set_entities(doc, [(0, 1, "person", 0.9), (3, 4, "place", 0.8)], source="one")
    found = [(span.text, span.label_, span.id_) for span in doc.spans["entities"]]
    assert found == [("Ida", "person", ""), ("Lima", "place", ""), ("Lima", "town", "town-7")]


def test_a_span_gets_its_id_without_white_space():
    doc = Doc(Vocab(), words=["a", " ", "b"], spaces=[True, False, False])
    doc.spans["entities"] = [Span(doc, 0, 2, label="x", span_id="first")]
    set_entities(doc, [(2, 3, "y", 0.5)], source="one")
    assert [(span.start, span.end, span.id_) for span in doc.spans["entities"]] == [(0, 1, "first"), (2, 3, "")]


def test_documents_that_are_annotated_in_part(doc):
    assert not is_partly_annotated(doc) and not is_partly_annotated(Doc(Vocab()))
    doc.set_ents([Span(doc, 1, 2, label="x")], default="missing")
    assert is_partly_annotated(doc)
    complete_entities(doc)  # as the corpus reader does
    assert group(doc) == [(1, 2, "x")] and is_partly_annotated(doc)
    set_entities(doc, [(1, 2, "x"), (3, 4, "y")], set_ents=False)
    assert not is_partly_annotated(doc) and is_partly_annotated(doc, "others")
    doc.set_ents([Span(doc, 1, 2, label="x")])
    assert not is_partly_annotated(doc)
    doc.set_ents([], blocked=[doc[0:1]], default="outside")
    assert not is_partly_annotated(doc)


def test_writing_twice_changes_nothing(doc):
    for _ in range(2):
        set_entities(doc, [(0, 3, "x", 0.5), (1, 2, "y", 0.5)], source="one")
    assert get_entities(doc) == [(0, 3, "x", 0.5), (1, 2, "y", 0.5)]
    assert attrs_match_spans(doc)


def test_best_scored_of_equal_spans_is_kept(doc):
    set_entities(doc, [(0, 1, "x", 0.3), (0, 1, "x", 0.9), (0, 1, "x", 0.5), (0, 1, "y", 0.1)])
    assert get_entities(doc) == [(0, 1, "x", 0.9), (0, 1, "y", 0.1)]


def test_better_scored_span_of_another_source_replaces_an_equal_one(doc):
    set_entities(doc, [(0, 1, "x", 0.3)], source="one")
    set_entities(doc, [(0, 1, "x", 0.9)], source="two")
    assert (get_entities(doc), doc.spans["entities"].attrs["sources"]) == ([(0, 1, "x", 0.9)], ["two"])


def test_predicted_spans_that_begin_or_end_with_white_space_are_dropped():
    doc = Doc(Vocab(), words=["\n", "a", " ", "b", "\n"], spaces=[False, True, False, False, False])
    set_entities(
        doc, [(0, 2, "x", 1.0), (1, 3, "x", 1.0), (2, 3, "x", 1.0), (3, 5, "x", 1.0), (1, 4, "x", 0.5)], source="y"
    )
    assert get_entities(doc) == [(1, 4, "x", 0.5)]
    assert attrs_match_spans(doc)


@pytest.mark.parametrize(
    "spans, winner",
    [
        ([(0, 2, "x", 0.5), (1, 3, "x", 0.6)], (1, 3, "x")),
        ([(1, 3, "x", 0.5), (0, 2, "x", 0.5)], (0, 2, "x")),
        ([(0, 1, "x", 0.5), (0, 3, "x", 0.5)], (0, 3, "x")),
        ([(0, 2, "x", 0.5), (1, 5, "x", 0.5)], (0, 2, "x")),
    ],
    ids=["score", "start", "length", "start before length"],
)
def test_ties_are_broken_by_score_then_start_then_length(doc, spans, winner):
    for given in (spans, spans[::-1]):
        set_entities(doc, given)
        assert ents(doc) == [winner]


def test_flat_subset_has_no_overlaps_and_is_maximal():
    spans = [
        EntitySpan(start, end, "x", ((start * 7 + end * 3) % 5) / 5)
        for start in range(6)
        for end in range(start + 1, 7)
    ]
    chosen = flat_subset(spans)
    taken = [token for span in chosen for token in range(span.start, span.end)]
    assert len(taken) == len(set(taken))
    assert all(set(range(span.start, span.end)) & set(taken) for span in spans)
    assert chosen == sorted(chosen)


def test_ents_are_unchanged_without_set_ents(doc):
    doc.set_ents([Span(doc, 0, 1, label="kept")])
    set_entities(doc, [(2, 3, "x", 1.0)], set_ents=False)
    assert ents(doc) == [(0, 1, "kept")]


def test_another_key_is_another_group(doc):
    set_entities(doc, [(0, 1, "x", 1.0)])
    set_entities(doc, [(2, 3, "y", 1.0)], key="other", set_ents=False)
    assert (group(doc), group(doc, "other")) == ([(0, 1, "x")], [(2, 3, "y")])
    assert get_entities(doc, "other") == [(2, 3, "y", 1.0)]


def test_absent_is_not_empty(doc):
    assert get_entities(doc) is None
    assert "entities" not in doc.spans
    doc.set_ents([])
    assert get_entities(doc) == []
    other = Doc(Vocab(), words=WORDS)
    other.spans["entities"] = []
    assert get_entities(other) == []


def test_doc_ents_are_read_if_there_is_no_group(doc):
    doc.set_ents([Span(doc, 0, 2, label="x")])
    assert get_entities(doc) == [(0, 2, "x", 1.0)]


def test_absent_and_empty_survive_saving(tmp_path):
    docs = [Doc(Vocab(), words=WORDS) for _ in range(3)]
    set_entities(docs[1], [])
    set_entities(docs[2], [(0, 2, "x", 0.5), (0, 1, "y", 0.25)], source="one")
    save_docs(docs, tmp_path / "docs.spacy")
    loaded = list(load_docs(tmp_path / "docs.spacy"))
    assert [get_entities(doc) for doc in loaded] == [None, [], [(0, 2, "x", 0.5), (0, 1, "y", 0.25)]]
    set_entities(loaded[2], [(3, 4, "z", 1.0)], source="one")
    assert group(loaded[2]) == [(3, 4, "z")]


def test_group_without_scores_has_score_1(doc):
    doc.spans["entities"] = [Span(doc, 0, 1, label="x")]
    assert get_entities(doc) == [(0, 1, "x", 1.0)]


def test_scores_and_sources_of_a_changed_group_are_ignored(doc):
    set_entities(doc, [(0, 1, "x", 0.5), (1, 2, "x", 0.25)], source="one")
    doc.spans["entities"].append(Span(doc, 2, 3, label="y"))
    assert get_entities(doc) == [(0, 1, "x", 1.0), (1, 2, "x", 1.0), (2, 3, "y", 1.0)]
    # The sources are unknown too, so no span is replaced.
    set_entities(doc, [(4, 5, "x", 0.5)], source="one")
    assert group(doc) == [(0, 1, "x"), (1, 2, "x"), (2, 3, "y"), (4, 5, "x")]
    assert attrs_match_spans(doc)


def test_complete_entities_sets_the_group_from_ents(doc):
    doc.set_ents([Span(doc, 0, 2, label="x"), Span(doc, 3, 4, label="y")])
    complete_entities(doc)
    assert group(doc) == ents(doc) == [(0, 2, "x"), (3, 4, "y")]
    assert attrs_match_spans(doc)


def test_complete_entities_sets_ents_from_the_group(doc):
    scores = {"scores": [0.5, 0.9]}
    spans = [Span(doc, 0, 3, label="x"), Span(doc, 1, 2, label="y")]
    doc.spans["entities"] = SpanGroup(doc, name="entities", attrs=scores, spans=spans)
    complete_entities(doc)
    assert ents(doc) == [(1, 2, "y")]
    assert group(doc) == [(0, 3, "x"), (1, 2, "y")]


def test_complete_entities_changes_nothing_if_both_or_neither_are_set(doc):
    complete_entities(doc)
    assert get_entities(doc) is None and not doc.has_annotation("ENT_IOB")
    doc.set_ents([Span(doc, 0, 1, label="x")])
    doc.spans["entities"] = [Span(doc, 2, 3, label="y")]
    complete_entities(doc)
    assert (ents(doc), group(doc)) == ([(0, 1, "x")], [(2, 3, "y")])


def test_complete_entities_sets_empty_from_empty(doc):
    doc.spans["entities"] = []
    complete_entities(doc)
    assert doc.has_annotation("ENT_IOB") and not doc.ents
    other = Doc(Vocab(), words=WORDS)
    other.set_ents([])
    complete_entities(other)
    assert get_entities(other) == [] and "entities" in other.spans


def test_entities_that_another_component_wrote_to_ents_are_kept():
    doc = spacy.blank("en").make_doc("Ida met Bo Lund in Lima")
    doc.ents = [Span(doc, 2, 4, label="PERSON")]
    for _ in range(2):
        set_entities(doc, [(0, 1, "person", 0.9), (3, 4, "person", 0.9), (5, 6, "place", 0.8)], source="spert_mt")
        assert [(ent.text, ent.label_) for ent in doc.ents] == [
            ("Ida", "person"),
            ("Bo Lund", "PERSON"),
            ("Lima", "place"),
        ]
    set_entities(doc, [(5, 6, "place", 0.8)], source="spert_mt")
    assert [ent.text for ent in doc.ents] == ["Bo Lund", "Lima"]
    assert len(doc.spans["entities"]) == 1


def test_two_span_groups_share_the_ents():
    doc = spacy.blank("en").make_doc("Ida met Bo in Lima")
    set_entities(doc, [(0, 1, "person", 0.9)], key="people", source="one")
    set_entities(doc, [(4, 5, "place", 0.9)], key="places", source="two")
    assert [ent.text for ent in doc.ents] == ["Ida", "Lima"]
    set_entities(doc, [], key="people", source="one")
    assert [ent.text for ent in doc.ents] == ["Lima"]


# Beside other components: doc.ents


@pytest.mark.parametrize("later", [[], [(4, 5, "place", 0.9)]], ids=["nothing", "another"])
def test_an_entity_that_another_component_found_too_stays_when_ours_goes(doc, later):
    doc.set_ents([Span(doc, 0, 2, label="person", kb_id="Q1", span_id="7")])
    set_entities(doc, [(0, 2, "person", 0.9)], source="one")
    set_entities(doc, later, source="one")
    assert [(ent.label_, ent.kb_id_, ent.ent_id_) for ent in doc.ents][:1] == [("person", "Q1", "7")]
    assert len(doc.ents) == 1 + len(later)


def test_what_another_component_added_to_our_entity_stays_when_others_write(doc):
    set_entities(doc, [(0, 2, "person", 0.9)], source="one")
    doc.set_ents([Span(doc, 0, 2, label="person", kb_id="Q1")])
    set_entities(doc, [(0, 2, "person", 0.95), (3, 4, "place", 0.9)], source="two")
    assert [(ent.label_, ent.kb_id_) for ent in doc.ents] == [("person", "Q1"), ("place", "")]


def test_the_earlier_component_has_the_tokens(doc):
    for second_key in ("entities", "other"):
        set_entities(doc, [(0, 2, "x", 0.3)], source="one")
        set_entities(doc, [(1, 4, "y", 0.9), (4, 5, "y", 0.5)], key=second_key, source="two")
        assert ents(doc) == [(0, 2, "x"), (4, 5, "y")]


def test_entities_that_were_removed_from_ents_do_not_come_back(doc):
    set_entities(doc, [(0, 2, "x", 0.9)], source="one")
    doc.set_ents([])
    set_entities(doc, [(3, 4, "y", 0.9)], source="two")
    assert (ents(doc), group(doc)) == ([(3, 4, "y")], [(0, 2, "x"), (3, 4, "y")])


def test_blocked_tokens_stay_blocked(doc):
    doc.set_ents([], blocked=[doc[1:2], doc[5:6]])
    for _ in range(2):
        set_entities(doc, [(0, 2, "x", 0.9), (3, 4, "y", 0.9)], source="one")
        assert ents(doc) == [(3, 4, "y")] and group(doc) == [(0, 2, "x"), (3, 4, "y")]
        assert [token.ent_iob_ for token in doc] == ["O", "B", "O", "B", "O", "B"]


def test_one_component_writes_the_ents_and_another_the_group_only(doc):
    set_entities(doc, [(0, 2, "x", 0.9)], source="one", set_ents=False)
    set_entities(doc, [(0, 2, "x", 0.5)], source="two")
    assert (ents(doc), doc.spans["entities"].attrs["sources"]) == ([(0, 2, "x")], ["one"])
    set_entities(doc, [], source="two")
    assert (ents(doc), group(doc)) == ([], [(0, 2, "x")])


def test_whose_ents_they_are_survives_saving(doc, tmp_path):
    doc.set_ents([Span(doc, 0, 2, label="x")])
    set_entities(doc, [(0, 2, "x", 0.9), (3, 4, "x", 0.9)], source="one")
    save_docs([doc], tmp_path / "docs.spacy")
    (loaded,) = load_docs(tmp_path / "docs.spacy")
    set_entities(loaded, [], source="one")
    assert (ents(loaded), group(loaded)) == ([(0, 2, "x")], [])


def retokenize(doc):
    """One token less before the entities."""
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])


@pytest.mark.parametrize("source", ["", "one"])
def test_entities_can_be_written_again_after_retokenization(doc, source):
    """Also to `doc.ents`, where the former ones have moved."""
    set_entities(doc, [(2, 4, "x", 1.0), (4, 5, "y", 1.0)], source=source)
    retokenize(doc)
    with pytest.raises(ValueError, match=r"\[M110\]"):
        get_entities(doc)
    set_entities(doc, [(1, 3, "z", 1.0), (2, 3, "x", 0.5)], source=source)
    assert (group(doc), ents(doc)) == ([(1, 3, "z"), (2, 3, "x")], [(1, 3, "z")])
    assert doc.spans["entities"].attrs["in_ents"] == [source, None]


@pytest.mark.parametrize("source", ["", "spert_mt"])
def test_entities_at_the_end_can_be_written_again_after_retokenization(doc, source):
    """The document has not as many tokens any more as before."""
    end = len(doc)
    set_entities(doc, [(2, 4, "w", 1.0), (end - 1, end, "x", 1.0)], source=source)
    retokenize(doc)
    set_entities(doc, [(end - 2, end - 1, "y", 1.0)], source=source)
    assert group(doc) == ents(doc) == [(end - 2, end - 1, "y")]
    assert doc.spans["entities"].attrs["in_ents"] == [source]


def test_kept_entities_must_have_their_tokens(doc):
    """The error names a remedy, which works."""
    set_entities(doc, [(2, 4, "x", 0.5)], source="two")
    set_entities(doc, [(4, 5, "x", 0.9)], source="one")
    retokenize(doc)
    with pytest.raises(ValueError, match=r"\[M110\].*or delete doc\.spans\['entities'\] and write"):
        set_entities(doc, [(1, 3, "z", 1.0)], source="one")
    del doc.spans["entities"]
    set_entities(doc, [(1, 3, "z", 1.0)], source="one")
    assert group(doc) == [(1, 3, "z")]


def test_a_span_without_tokens_is_refused_as_what_it_is(doc):
    doc.spans["entities"] = SpanGroup(doc, spans=[Span(doc, 1, 1, label="town")])
    with pytest.raises(ValueError, match=r"M111.*'town', start and end 1"):
        get_entities(doc)


def test_doc_without_tokens():
    """spaCy says of one that it has annotation."""
    doc = Doc(Vocab())
    assert get_entities(doc) is None
    complete_entities(doc)
    assert "entities" not in doc.spans
    set_entities(doc, [])
    assert get_entities(doc) == []
