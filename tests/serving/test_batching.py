"""Texts of several requests are analysed together, in turn, in memory that does not grow."""

import json
import re

import pytest

from spacy_mre.serving import batching
from tests.serving.running import ask, hold, in_thread, wait_until


@pytest.fixture
def nlp(make_fast_nlp):
    return make_fast_nlp()


def test_what_arrives_meanwhile_is_one_batch(start, nlp):
    running = start(nlp)
    futures = [hold(running, nlp)]
    for number in range(10):
        futures.append(in_thread(ask, running, "POST", "/analyse", {"text": f"{number} Ida"}))
    wait_until(lambda: len(running.waiting) == 10)
    nlp.spy.open.set()
    answers = [future.result(20)[2]["results"][0]["entities"] for future in futures]
    assert [[each["start"] for each in found] for found in answers] == [[], *[[2]] * 10]
    assert [len(batch) for batch in nlp.spy.batches] == [1, 10]
    assert set(nlp.spy.batches[1]) == {f"{number} Ida" for number in range(10)}
    # The text that warms up is no request.
    assert running.count("spacy_mre_batch_texts_count", model="demo") == 2
    assert running.count("spacy_mre_batch_texts_sum", model="demo") == 11
    assert running.count("spacy_mre_batch_texts_bucket", model="demo", le="1.0") == 1


def test_a_large_request_does_not_hold_up_a_small_one(start, nlp):
    running = start(nlp, batch_tokens=20)
    held = hold(running, nlp)
    large = in_thread(ask, running, "POST", "/analyse", {"texts": [f"large {number}" for number in range(60)]})
    wait_until(lambda: len(running.waiting) == 60)
    small = in_thread(ask, running, "POST", "/analyse", {"text": "small"})
    wait_until(lambda: len(running.waiting) == 61)
    nlp.spy.open.set()
    assert [each.result(20)[0] for each in (held, small, large)] == [200, 200, 200]
    assert nlp.spy.batches[1][:3] == ["large 0", "small", "large 1"]
    # Two tokens each, and one that is counted between texts.
    assert max(map(len, nlp.spy.batches)) == 7
    assert [text for batch in nlp.spy.batches for text in batch if "large" in text] == [f"large {n}" for n in range(60)]


def test_an_error_outside_of_the_texts(start, nlp, monkeypatch, caplog):
    running = start(nlp)

    def fail(*_, **__):
        raise MemoryError("secret")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(batching, "read_texts", lambda nlp, texts, *_, **__: fail(list(texts)))
        assert running.client().analyse(["a", "b"]) == [{"error": "the pipeline failed: MemoryError"}] * 2
    assert "MemoryError" in caplog.text and "secret" not in caplog.text
    assert "entities" in running.client().analyse("a")[0]
    assert running.count("spacy_mre_texts_total", model="demo", outcome="error") == 2


@pytest.mark.parametrize("kept", [0, 40])
def test_memory_does_not_grow(start, nlp, monkeypatch, kept):
    """Only the first words are kept."""
    monkeypatch.setattr(batching, "KEPT_STRINGS", kept)
    running = start(nlp)
    client = running.client()
    before = len(nlp.vocab.strings)
    added = []
    for number in range(30):
        client.analyse([f"Word{number}a word{number}b", f"word{number}c"])
        client.analyse("")  # now the batch before has ended
        added.append(len(nlp.vocab.strings) - before)
    # The last text that is kept can have several strings: words, lower case, shapes, prefixes and suffixes.
    assert kept <= added[-1] <= kept + 10 * bool(kept)
    assert added[15:] == added[15:16] * 15


def test_the_words_that_are_kept_need_no_zone(start, nlp):
    running = start(nlp)
    running.client().analyse(["Ida paints", "fail again"])
    running.client().analyse("")
    assert "paints" in nlp.vocab.strings and "again" not in nlp.vocab.strings


def test_a_pipeline_that_cannot_analyse_the_first_text(start, make_fast_nlp, monkeypatch):
    monkeypatch.setattr(batching, "WARM_UP", "fail")
    running = start(make_fast_nlp(), ready=False)
    running.thread.join(20)
    assert not running.thread.is_alive() and not running.service.is_ready
    expected = r"M757.*demo cannot analyse the first text, 'fail': ValueError: this text fails"
    assert re.search(expected, str(running.service.find_error()))


def test_a_pipeline_that_cannot_be_loaded(start, nlp):
    def load():
        raise ValueError("[E050] no such model")

    running = start(nlp, ready=False, more={"broken": load})
    running.thread.join(20)
    assert not running.thread.is_alive()
    assert "E050" in str(running.service.find_error())


def test_a_text_that_cannot_be_analysed_does_not_wait(start, make_fast_nlp):
    nlp = make_fast_nlp()
    nlp.max_length = 20
    running = start(nlp)
    first = hold(running, nlp)
    reason = "the text has 21 characters, more than the pipeline's max_length of 20"
    answer = in_thread(ask, running, "POST", "/analyse", {"texts": ["a" * 21, None]})
    assert answer.result(20)[2]["results"] == [{"error": reason}, {"error": "the text is missing"}]
    _, _, lines = in_thread(ask, running, "POST", "/stream", {"text": "a" * 21}).result(20)
    assert json.loads(lines) == {"line": 1, "error": reason}
    assert running.count("spacy_mre_texts_total", model="demo", outcome="error") == 3
    nlp.spy.open.set()
    assert first.result(20)[0] == 200
