import gc

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.util import minibatch

from spacy_mre.scale.texts import Fault, find_fault, read_texts
from tests.scale.components import make_pipeline

NLP = spacy.blank("en")
WORDS = ["Ida", "Tom", "FAIL", "lives", "in", "Lima", "."]


class Spy:
    """A component that notes the lengths of the texts in each batch."""

    def __init__(self):
        self.batches = []

    def __call__(self, doc):
        self.batches.append([len(doc)])
        return doc

    def pipe(self, docs, batch_size):
        for batch in minibatch(docs, batch_size):
            self.batches.append([len(doc) for doc in batch])
            yield from batch


class Dropping:
    """A component that loses some texts of several, and none of one."""

    def __call__(self, doc):
        return doc

    def pipe(self, docs, batch_size):
        return (doc for doc in docs if "lost" not in doc.text)


class FailingInBatch:
    """A component that fails on several texts only, as one that needs too much memory does."""

    def __call__(self, doc):
        return doc

    def pipe(self, docs, batch_size):
        docs = list(docs)
        if len(docs) > 1:
            raise MemoryError("too much")
        yield from docs


def pipeline(component):
    nlp = spacy.blank("en")
    spacy.Language.factory("test_texts_given", func=lambda nlp, name: component)
    nlp.add_pipe("test_texts_given")
    return nlp


def text_of(index, doc):
    return index, doc.text


def words_of(_, doc):
    return [token.text for token in doc]


@pytest.mark.parametrize("batch_tokens", [1, 7, 10_000])
def test_results_are_in_the_order_of_the_texts(batch_tokens):
    texts = [f"Text number {i} of many ." for i in range(20)]
    assert list(read_texts(NLP, texts, text_of, batch_tokens=batch_tokens)) == list(enumerate(texts))


@pytest.mark.parametrize(
    "text, reason",
    [
        (None, "the text is missing"),
        (7, "the text is not a string, but int"),
        (["Ida"], "the text is not a string, but list"),
        (b"Ida", "the text is not UTF-8"),
        ("Lima \ud83d", "character 6 is half of a surrogate pair"),
        ("Ida" * 4, "the text has 12 characters, more than the pipeline's max_length of 11"),
    ],
)
def test_what_is_no_text(text, reason):
    nlp = spacy.blank("en")
    nlp.max_length = 11
    found = list(read_texts(nlp, ["Ida lives", text, "Tom lives"], words_of))
    assert found == [["Ida", "lives"], Fault(reason), ["Tom", "lives"]]
    assert find_fault(text, 11) == reason


def test_what_is_a_text():
    texts = ["", " \n\t", "\x00", "𠮷", "x" * 11]
    assert [find_fault(text, 11) for text in texts] == [""] * 5
    assert list(read_texts(NLP, texts, lambda index, doc: doc.text)) == texts


@pytest.mark.parametrize("batch_tokens", [1, 6, 10_000])
def test_a_text_that_fails_stops_no_other(batch_tokens):
    nlp, intact = make_pipeline("fail"), make_pipeline()
    texts = ["Ida lives in Lima", "FAIL in Oslo", "Tom lives in Oslo", "Ida and FAIL", "Zoë"]

    def ents(_, doc):
        return [(ent.text, ent.label_) for ent in doc.ents]

    found = list(read_texts(nlp, texts, ents, batch_tokens=batch_tokens))
    expected = list(read_texts(intact, texts, ents))
    assert found[1] == Fault("ValueError: cannot read FAIL in Oslo")
    assert found[3] == Fault("ValueError: cannot read Ida and FAIL")
    assert [found[i] for i in (0, 2, 4)] == [expected[i] for i in (0, 2, 4)]
    assert expected[0] == [("Ida", "person"), ("Lima", "place")]


def test_a_text_that_the_tokenizer_cannot_split():
    nlp = spacy.blank("en")
    tokenize = nlp.make_doc

    def make_doc(text):
        if "bad" in text:
            raise RuntimeError("no\ntokens")
        return tokenize(text)

    nlp.make_doc = make_doc
    assert list(read_texts(nlp, ["a", "bad", "b"], words_of)) == [["a"], Fault("RuntimeError: no tokens"), ["b"]]


def test_texts_that_a_component_loses_are_analysed_alone():
    texts = ["one", "lost two", "three", "lost four"]
    assert list(read_texts(pipeline(Dropping()), texts, text_of)) == list(enumerate(texts))


def test_a_batch_that_fails_as_a_whole():
    texts = ["one", "two", "three"]
    assert list(read_texts(pipeline(FailingInBatch()), texts, text_of)) == list(enumerate(texts))


def test_an_error_in_what_reads_the_documents():
    def read(index, doc):
        if index == 1:
            raise KeyError("x" * 1000)
        return doc.text

    first, fault, last = read_texts(NLP, ["a", "b", "c"], read)
    assert (first, last) == ("a", "c")
    assert fault.reason == f"KeyError: '{'x' * 1000}"[:300]


def test_an_interruption_is_no_fault():
    def read(index, doc):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(read_texts(NLP, ["a"], read))


def test_a_batch_ends_with_the_text_that_reaches_the_number_of_tokens():
    spy = Spy()
    texts = ["a a a", "a a", "a a a a a a a a a", "a", None, "a a"]
    found = read_texts(pipeline(spy), texts, words_of, batch_tokens=7)
    next(found)
    assert spy.batches == [[3, 2]]  # no more is read than is asked for
    list(found)
    assert spy.batches == [[3, 2], [9], [1, 2]]


@pytest.mark.parametrize(
    "batch_size, expected",
    [(1, [1] * 9), (2, [3, 3, 3]), (4, [5, 4]), (7, [9]), (100, [9]), (None, [9]), (0, [9])],
    ids=str,
)
def test_components_get_batches_of_about_the_size_in_the_config(batch_size, expected):
    spy = Spy()
    nlp = pipeline(spy)
    nlp.batch_size = batch_size
    list(read_texts(nlp, ["a"] * 9, words_of))
    assert [len(batch) for batch in spy.batches] == expected


def test_texts_without_tokens_end_a_batch_too():
    spy = Spy()
    list(read_texts(pipeline(spy), [""] * 10, words_of, batch_tokens=4))
    assert [len(batch) for batch in spy.batches] == [4, 4, 2]


def test_no_string_is_kept():
    nlp = make_pipeline()
    texts = [f"Ida lives in newtown{i} with unheard{i}" for i in range(300)]
    list(read_texts(nlp, texts[:1], words_of))
    before = len(nlp.vocab.strings), sum(1 for _ in nlp.vocab)
    found = list(read_texts(nlp, texts, words_of, batch_tokens=100))
    assert found[299][3] == "newtown299"
    assert (len(nlp.vocab.strings), sum(1 for _ in nlp.vocab)) == before


def test_no_document_is_kept():
    list(read_texts(NLP, ["a b"] * 50, words_of, batch_tokens=10))
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, spacy.tokens.Doc) and one.vocab is NLP.vocab]


def test_inside_a_memory_zone_of_the_caller():
    nlp = make_pipeline()
    texts = ["Ida lives in Lima", "brandnewword"] * 5
    before = len(nlp.vocab.strings)
    with nlp.memory_zone():
        found = list(read_texts(nlp, texts, words_of, batch_tokens=3))
        assert nlp.vocab.in_memory_zone
    assert found == [["Ida", "lives", "in", "Lima"], ["brandnewword"]] * 5
    assert len(nlp.vocab.strings) == before


def test_a_caller_may_stop_in_the_middle_and_use_the_pipeline_meanwhile():
    nlp = make_pipeline()
    found = read_texts(nlp, ["a b c"] * 9, words_of, batch_tokens=3)
    next(found)
    assert not nlp.vocab.in_memory_zone
    assert [token.text for token in nlp("unseenword here")] == ["unseenword", "here"]
    with nlp.memory_zone():
        nlp("other word")
    assert next(found) == ["a", "b", "c"]


def test_no_texts():
    assert list(read_texts(NLP, [], words_of)) == []


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.one_of(st.none(), st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)), max_size=12),
    st.integers(1, 60),
)
def test_the_size_of_batches_changes_no_result(nlp, texts, batch_tokens):
    def read(index, doc):
        return index, [(ent.text, ent.label_) for ent in doc.ents], doc._.relations, dict(doc.cats)

    found = list(read_texts(nlp, texts, read, batch_tokens=batch_tokens))
    alone = [next(read_texts(nlp, [text], lambda _, doc, i=i: read(i, doc))) for i, text in enumerate(texts)]
    assert found == alone
    assert [isinstance(one, Fault) for one in found] == [text is None or "FAIL" in text for text in texts]
