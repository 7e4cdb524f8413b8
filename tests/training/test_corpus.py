import warnings

import pytest
import spacy
from spacy import util
from spacy.tokens import Doc, Span
from thinc.api import Config

from spacy_mre import make_relation, save_docs
from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.training.corpus import Corpus, make_corpus


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


def make_doc(nlp, words, sent_starts=None):
    return Doc(nlp.vocab, words=words.split(), sent_starts=sent_starts)


def save(tmp_path, *docs, name="docs.spacy"):
    save_docs(docs, tmp_path / name)
    return tmp_path / name


@pytest.fixture
def two_sentences(nlp):
    """Two sentences of four tokens, with a relation inside each and one across."""
    doc = make_doc(
        nlp, "Ada met Bo . Cy lives here .", sent_starts=[True, False, False, False, True, False, False, False]
    )
    set_entities(doc, [(0, 1, "person", 1.0), (2, 3, "person", 1.0), (4, 5, "person", 1.0), (6, 7, "place", 1.0)])
    doc._.relations = [
        make_relation((0, 1), (2, 3), "met"),
        make_relation((4, 5), (6, 7), "lives"),
        make_relation((0, 1), (4, 5), "knows"),
    ]
    doc.cats = {"diary": 1.0}
    return doc


def read(nlp, path, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return list(Corpus(path, **settings)(nlp))


def test_gold_tokens_and_spaces_are_kept(nlp, tmp_path):
    doc = Doc(nlp.vocab, words=["can't", "stop", "."], spaces=[True, False, False])
    (eg,) = read(nlp, save(tmp_path, doc))
    assert (
        [token.text_with_ws for token in eg.predicted]
        == [token.text_with_ws for token in eg.reference]
        == ["can't ", "stop", "."]
    )


def test_tokens_of_the_pipelines_tokenizer(nlp, tmp_path):
    doc = Doc(nlp.vocab, words=["can't", "stop", "."], spaces=[True, False, False])
    (eg,) = read(nlp, save(tmp_path, doc), tokens="tokenizer")
    assert [token.text for token in eg.predicted] == ["ca", "n't", "stop", "."]
    assert [token.text for token in eg.reference] == ["can't", "stop", "."]
    assert eg.predicted.text == eg.reference.text


@pytest.mark.parametrize("tokens", ["gold", "tokenizer"])
def test_the_predicted_document_has_no_annotation(nlp, tmp_path, two_sentences, tokens):
    (eg,) = read(nlp, save(tmp_path, two_sentences), tokens=tokens)
    assert eg.predicted._.relations is None and get_entities(eg.predicted) is None
    assert not eg.predicted.cats and not eg.predicted.has_annotation("SENT_START")
    assert eg.predicted.vocab is eg.reference.vocab is nlp.vocab


def test_relations_entities_and_cats_are_kept(nlp, tmp_path, two_sentences):
    (eg,) = read(nlp, save(tmp_path, two_sentences))
    assert eg.reference._.relations == two_sentences._.relations
    assert get_entities(eg.reference) == get_entities(two_sentences)
    assert eg.reference.cats == {"diary": 1.0}


def test_an_unknown_token_policy_raises_m001(tmp_path):
    with pytest.raises(ValueError, match=r"\[M001\].*tokens"):
        make_corpus(tmp_path, tokens="pieces")


@pytest.mark.parametrize("setting", ["limit", "max_length"])
def test_a_negative_number_raises_m002(tmp_path, setting):
    for make in (make_corpus, Corpus):
        with pytest.raises(ValueError, match=rf"\[M002\].*{setting}"):
            make(tmp_path, **{setting: -1})


def test_a_missing_path_raises_m401():
    with pytest.raises(ValueError, match=r"\[M401\]"):
        make_corpus(None)


@pytest.mark.filterwarnings("ignore:.*W090")
@pytest.mark.parametrize("name", ["", "missing.spacy", "missing"])
def test_a_missing_file_raises_m402(nlp, tmp_path, name):
    with pytest.raises(ValueError, match=r"\[M402\]"):
        list(make_corpus(tmp_path / name)(nlp))


def test_all_files_of_a_folder_are_read(nlp, tmp_path):
    save(tmp_path, make_doc(nlp, "a"), make_doc(nlp, "b"), name="one.spacy")
    save(tmp_path, make_doc(nlp, "c"), name="deep/two.spacy")
    (tmp_path / "note.txt").write_text("not a corpus")
    assert sorted(eg.text for eg in read(nlp, tmp_path)) == ["a ", "b ", "c "]


@pytest.mark.parametrize("limit, read_docs", [(0, 5), (1, 1), (3, 3), (9, 5)])
def test_the_limit_is_the_same_in_every_epoch(nlp, tmp_path, limit, read_docs):
    path = save(tmp_path, *(make_doc(nlp, word) for word in "abcde"))
    corpus = make_corpus(path, limit=limit)
    for _ in range(2):
        assert [eg.text for eg in corpus(nlp)] == [f"{word} " for word in "abcde"[:read_docs]]


def test_span_group_and_ents_complete_each_other(nlp, tmp_path):
    only_ents, only_group, neither = (make_doc(nlp, "a b c") for _ in range(3))
    only_ents.set_ents([Span(only_ents, 0, 1, label="x")])
    only_group.spans["entities"] = [Span(only_group, 0, 2, label="x"), Span(only_group, 1, 2, label="y")]
    first, second, third = (eg.reference for eg in read(nlp, save(tmp_path, only_ents, only_group, neither)))
    assert [(span.start, span.end, span.label_) for span in first.spans["entities"]] == [(0, 1, "x")]
    assert [(ent.start, ent.end, ent.label_) for ent in second.ents] == [(0, 2, "x")]
    assert get_entities(third) is None and "entities" not in third.spans


def test_another_spans_key(nlp, tmp_path):
    doc = make_doc(nlp, "a b c")
    doc.set_ents([Span(doc, 0, 1, label="x")])
    (eg,) = read(nlp, save(tmp_path, doc), spans_key="mine")
    assert list(eg.reference.spans) == ["mine"]


def test_long_documents_are_split_at_sentences_and_losses_are_reported(nlp, tmp_path, two_sentences):
    path = save(tmp_path, two_sentences)
    with pytest.warns(UserWarning, match=r"\[W401\].*1 relations across sentences") as caught:
        first, second = Corpus(path, max_length=5)(nlp)
    assert len(caught) == 1 and "Ada met Bo" in str(caught[0].message)
    assert (first.text, second.text) == ("Ada met Bo . ", "Cy lives here . ")
    assert first.reference._.relations == [make_relation((0, 1), (2, 3), "met")]
    assert second.reference._.relations == [make_relation((0, 1), (2, 3), "lives")]
    assert [span[:3] for span in get_entities(second.reference) or ()] == [(0, 1, "person"), (2, 3, "place")]
    assert second.reference.cats == {"diary": 1.0}


def test_short_documents_are_not_split(nlp, tmp_path, two_sentences):
    for max_length in (0, 8, 100):
        assert len(read(nlp, save(tmp_path, two_sentences), max_length=max_length)) == 1


def test_splitting_without_loss_does_not_warn(nlp, tmp_path, two_sentences):
    two_sentences._.relations = two_sentences._.relations[:2]
    assert len(read(nlp, save(tmp_path, two_sentences), max_length=5)) == 2


def test_entities_across_sentences_are_reported(nlp, tmp_path, two_sentences):
    set_entities(two_sentences, [(2, 6, "event", 1.0), (0, 1, "person", 1.0)])
    two_sentences._.relations = None
    with pytest.warns(UserWarning, match=r"\[W401\].*1 entities across sentences"):
        first, second = Corpus(save(tmp_path, two_sentences), max_length=5)(nlp)
    assert [get_entities(eg.reference) for eg in (first, second)] == [[(0, 1, "person", 1.0)], []]
    assert [[ent.text for ent in eg.reference.ents] for eg in (first, second)] == [["Ada"], []]
    assert first.reference._.relations is None


def test_entities_across_sentences_are_reported_without_a_span_group(nlp, tmp_path):
    doc = make_doc(
        nlp, "Ada met Bo . Cy lives here .", sent_starts=[True, False, False, False, True, False, False, False]
    )
    doc.set_ents([Span(doc, 0, 1, label="person"), Span(doc, 2, 6, label="event")])
    with pytest.warns(UserWarning, match=r"\[W401\].*1 entities across sentences"):
        first, second = Corpus(save(tmp_path, doc), max_length=5)(nlp)
    assert [get_entities(eg.reference) for eg in (first, second)] == [[(0, 1, "person", 1.0)], []]


def test_a_long_document_without_sentences_is_kept_whole_and_reported(nlp, tmp_path):
    doc = make_doc(nlp, "a b c d e f")
    with pytest.warns(UserWarning, match=r"\[W401\].*without sentences"):
        (eg,) = Corpus(save(tmp_path, doc), max_length=3)(nlp)
    assert len(eg.reference) == 6


def test_it_can_be_made_from_a_config(tmp_path, nlp):
    path = save(tmp_path, make_doc(nlp, "a"), make_doc(nlp, "b"))
    config = Config().from_str(f'[corpus]\n@readers = "spacy_mre.Corpus.v1"\npath = "{path}"\nlimit = 1\n')
    corpus = util.registry.resolve(config)["corpus"]
    assert type(corpus) is Corpus and [eg.text for eg in corpus(nlp)] == ["a "]


def test_entities_of_one_task_are_not_gold_of_another(tmp_path, nlp):
    doc = nlp.make_doc("the rooms are quiet")
    set_entities(doc, [(3, 4, "positive", 1.0)], key="SCPOS:Adj")
    assert doc.ents
    save_docs([doc], tmp_path / "reviews.spacy")
    (eg,) = Corpus(tmp_path / "reviews.spacy")(nlp)
    assert list(eg.reference.spans) == ["SCPOS:Adj"]
    (eg,) = Corpus(tmp_path / "reviews.spacy", spans_key="SCPOS:Adj")(nlp)
    assert [span.label_ for span in eg.reference.spans["SCPOS:Adj"]] == ["positive"]
