"""Memory zones, and threads that share a vocabulary."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import spacy

from spacy_mre.scale import zones
from spacy_mre.scale.texts import read_texts
from spacy_mre.scale.zones import memory_zone


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def submit():
    """Runs a function in another thread."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def test_strings_are_freed(nlp):
    with memory_zone(nlp):
        nlp("unheardof")
        assert "unheardof" in nlp.vocab.strings
    assert "unheardof" not in nlp.vocab.strings and not nlp.vocab.in_memory_zone


def test_the_zone_of_the_caller_is_used(nlp):
    with nlp.memory_zone():
        with memory_zone(nlp):
            nlp("unheardof")
        assert "unheardof" in nlp.vocab.strings and nlp.vocab.in_memory_zone
    assert "unheardof" not in nlp.vocab.strings


def test_an_error_ends_the_turn(nlp):
    with pytest.raises(KeyError), memory_zone(nlp):
        raise KeyError
    assert not nlp.vocab.in_memory_zone and not zones._turns


@pytest.mark.parametrize("is_shared", [True, False])
def test_threads_wait_for_each_other_if_they_share_the_vocabulary(nlp, submit, is_shared):
    other = spacy.blank("en", vocab=nlp.vocab) if is_shared else spacy.blank("en")
    entered = threading.Event()

    def enter():
        with memory_zone(other):
            entered.set()

    with memory_zone(nlp):
        future = submit(enter)
        assert entered.wait(0.2 if is_shared else 20) != is_shared
    future.result(20)
    assert entered.is_set() and not zones._turns


def test_texts_of_two_threads(nlp, submit):
    """The second thread would lose its strings, if it used the zone of the first."""
    inside, go_on = threading.Event(), threading.Event()

    @spacy.Language.component("test_zones_hold")
    def hold(doc):
        if doc.text == "first":
            inside.set()
            assert go_on.wait(20)
        return doc

    nlp.add_pipe("test_zones_hold")

    def words_of(texts):
        return list(read_texts(nlp, texts, lambda _, doc: [token.text for token in doc], batch_tokens=3))

    first = submit(words_of, ["first"])
    assert inside.wait(20)
    texts = [f"unheard{number} of" for number in range(200)]
    second = submit(words_of, texts)
    go_on.set()
    assert first.result(20) == [["first"]]
    assert second.result(20) == [text.split() for text in texts]
    assert not nlp.vocab.in_memory_zone and "unheard199" not in nlp.vocab.strings
