"""Gold with white space at its ends is gold: it is trimmed, trained on and scored."""

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre import make_relation, save_docs
from spacy_mre.annotations.alignment import align_gold
from spacy_mre.annotations.entities import get_entities, set_entities, trim
from spacy_mre.annotations.relations import KEY, set_relations
from spacy_mre.annotations.white_space import trim_annotations
from spacy_mre.evaluation.scorers import score_joint
from spacy_mre.training.corpus import Corpus

WORDS = ["\n", "Anna", "Bell", "\n", "sings", "in", "Lima", " ", "\u3000"]
SPACES = [False, True, False, False, True, True, False, False, False]


@pytest.fixture
def nlp():
    return spacy.blank("en")


def annotated(nlp, where):
    """ "Anna Bell" and "Lima" with white space at their ends, in doc.ents or in the span group."""
    doc = Doc(nlp.vocab, words=WORDS, spaces=SPACES)
    spans = [Span(doc, 0, 4, label="person"), Span(doc, 6, 9, label="place")]
    if where == "ents":
        doc.ents = spans
    else:
        doc.spans["entities"] = SpanGroup(doc, spans=spans)
    doc.user_data[KEY] = [make_relation((0, 4), (6, 9), "sings_in")]
    return doc


@pytest.mark.parametrize("tokens", ["gold", "tokenizer"])
@pytest.mark.parametrize("where", ["ents", "spans"])
def test_the_reader_trims_gold_and_removes_none(where, tokens, nlp, tmp_path):
    save_docs([annotated(nlp, where)], tmp_path / "gold.spacy")
    (example,) = Corpus(tmp_path / "gold.spacy", tokens=tokens)(nlp)
    assert [ent.text for ent in example.reference.ents] == [span.text for span in example.reference.spans["entities"]]
    assert [(ent.start, ent.end, ent.label_) for ent in example.reference.ents] == [(1, 3, "person"), (6, 7, "place")]
    assert [(r["head"], r["tail"]) for r in example.reference._.relations] == [([1, 3], [6, 7])]
    gold = align_gold(example)
    assert [example.predicted[entity.start : entity.end].text for entity in gold.entities] == ["Anna Bell", "Lima"]
    assert gold.n_entities == 2 and gold.relations == [(0, 1, "sings_in")] and not gold.lost.counts


@pytest.mark.parametrize("where", ["ents", "spans"])
def test_gold_that_was_not_read_by_the_corpus_reader_is_trimmed_too(where, nlp):
    doc = annotated(nlp, where)
    gold = align_gold(Example(Doc(nlp.vocab, words=WORDS, spaces=SPACES), doc))
    assert [entity.offsets for entity in gold.entities] == [(1, 3), (6, 7)]
    assert gold.relations == [(0, 1, "sings_in")]


def test_gold_of_white_space_only_is_kept_and_counted(nlp, tmp_path):
    doc = Doc(nlp.vocab, words=["Anna", "\n"], spaces=[False, False])
    doc.ents = [Span(doc, 1, 2, label="person")]
    save_docs([doc], tmp_path / "gold.spacy")
    (example,) = Corpus(tmp_path / "gold.spacy")(nlp)
    assert [ent.text for ent in example.reference.ents] == ["\n"]
    assert align_gold(example).lost.counts == {"entity of white space only": 1}
    assert score_joint([example])["spans_entities_r"] == 0


def test_missed_gold_with_white_space_counts_as_missed(nlp, tmp_path):
    save_docs([annotated(nlp, "ents")], tmp_path / "gold.spacy")
    (example,) = Corpus(tmp_path / "gold.spacy")(nlp)
    set_entities(example.predicted, [(1, 3, "person", 1.0)], source="x")
    set_relations(example.predicted, [], source="x")
    scores = score_joint([example])
    assert (scores["spans_entities_p"], scores["spans_entities_r"], scores["rel_r"]) == (1.0, 0.5, 0.0)
    assert (scores["ents_p"], scores["ents_r"]) == (1.0, 0.5)


def test_gold_set_in_python_is_trimmed(nlp):
    doc = Doc(nlp.vocab, words=WORDS)
    spans = [(0, 3, "person", 0.5), (1, 4, "person", 0.75), (3, 4, "place", 1.0), (7, 9, "place", 1.0)]
    trimmed = [(1, 3, "person", 0.75), (3, 4, "place", 1.0), (7, 9, "place", 1.0)]
    assert set_entities(doc, spans) == trimmed
    assert set_entities(doc, spans, source="x") == trimmed


def test_attributes_of_trimmed_spans_are_kept(nlp):
    doc = Doc(nlp.vocab, words=WORDS)
    doc.spans["entities"] = SpanGroup(
        doc, spans=[Span(doc, 0, 4, label="person", kb_id="Q1", span_id="7")], attrs={"scores": [0.5]}
    )
    trim_annotations(doc)
    (span,) = doc.spans["entities"]
    assert (span.start, span.end, span.label_, span.kb_id_, span.id_) == (1, 3, "person", "Q1", "7")
    assert get_entities(doc) == [(1, 3, "person", 0.5)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a", " ", "\n", "\u3000"]), min_size=1, max_size=8), st.data())
def test_trim_agrees_with_strip(words, data):
    doc = Doc(Vocab(), words=words, spaces=[False] * len(words))
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    first, last = trim(doc, (start, end))
    text = "".join(words[start:end])
    assert doc[first:last].text == (text.strip() or text)


def test_trimming_keeps_what_is_unknown_or_blocked(nlp):
    """Unknown tokens became tokens without an entity."""
    doc = Doc(nlp.vocab, words=WORDS, spaces=SPACES)
    person = Span(doc, 1, 4, label="person")
    doc.set_ents([person], missing=[doc[0:1], doc[8:9]], blocked=[doc[4:5]])
    trim_annotations(doc)
    assert [(ent.start, ent.end) for ent in doc.ents] == [(1, 3)]
    assert doc.to_array("ENT_IOB").tolist() == [0, 3, 1, 2, 3, 2, 2, 2, 0]
