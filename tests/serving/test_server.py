"""Listening and stopping."""

import time
from types import SimpleNamespace

import pytest

from spacy_mre.serving import batching
from spacy_mre.serving.server import LAST, listen, url_of
from tests.serving.running import ask, hold, in_thread, wait_until
from tests.serving.test_streams import IDA, Open


def test_a_port_that_is_taken():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert url_of(first) == f"http://127.0.0.1:{port}"
        with pytest.raises(ValueError, match=f"M755.*{port}.*in use"):
            listen("127.0.0.1", port)
    with pytest.raises(ValueError, match=r"M755.*192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_the_url_of_ipv6():
    listener = SimpleNamespace(getsockname=lambda: ("::1", 80, 0, 0))
    assert url_of(listener) == "http://[::1]:80"


@pytest.fixture
def stopping(start, make_fast_nlp):
    """A server that stops while it has a text in a batch, a text that waits, and a stream."""
    nlp = make_fast_nlp()
    running = start(nlp)
    running.nlp = nlp
    running.stream = Open(running)
    running.stream.send(b'{"text": "Ida"}\n')
    assert running.stream.read() == IDA
    assert nlp.spy.begun.acquire(timeout=20)
    running.futures = [hold(running, nlp, "Ida begun")]
    running.futures.append(in_thread(ask, running, "POST", "/analyse", {"text": "Ida waits"}))
    wait_until(lambda: len(running.waiting) == 1)
    running.stream.send(b'{"text": "Ida"}\n')
    wait_until(lambda: len(running.waiting) == 2)
    running.server.stop()
    return running


def test_what_was_accepted_is_answered(stopping):
    for method, path, body in [("POST", "/analyse", {"text": "a"}), ("POST", "/stream", b""), ("GET", "/labels", None)]:
        status, headers, answer = ask(stopping, method, path, body)
        assert (status, headers["retry-after"], answer) == (503, "1", {"error": "the server is stopping"})
    assert ask(stopping, "GET", "/ready")[0] == 503
    assert ask(stopping, "GET", "/health")[0] == 200
    wait_until(lambda: stopping.service.stopped.is_set())
    stopping.nlp.spy.open.set()
    for future in stopping.futures:
        status, _, answer = future.result(20)
        assert (status, len(answer["results"][0]["entities"])) == (200, 1)
    assert stopping.stream.read() == IDA
    assert stopping.stream.read() == {
        "stopped": True,
        "line": 3,
        "error": "the server is stopping; this line and those after it are not analysed",
    }
    assert stopping.stream.read() is None
    stopping.thread.join(20)
    assert not stopping.thread.is_alive()
    stopping.service.join(20)
    assert not any(pipeline.is_alive() for pipeline in stopping.service.pipelines.values())
    with pytest.raises(OSError):
        ask(stopping, "GET", "/health")


def test_it_does_not_wait_for_ever(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp, timeout=0.5)
    future = hold(running, nlp, "a")
    running.server.stop()
    running.thread.join(20)
    assert not running.thread.is_alive()
    assert future.result(20)[0] == 503
    nlp.spy.open.set()


def test_a_second_signal_stops_at_once(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp)
    future = hold(running, nlp, "a")
    running.server.handle_exit(15, None)
    wait_until(lambda: running.service.stopped.is_set())
    assert not running.server.should_exit
    running.server.handle_exit(15, None)
    running.thread.join(10)
    assert not running.thread.is_alive()
    assert future.exception(20) is not None or future.result()[0] == 500
    nlp.spy.open.set()


def test_no_websockets(start, make_fast_nlp):
    running = start(make_fast_nlp(), token="abc")
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"}
    assert ask(running, "GET", "/labels", headers=headers)[0] == 401


def test_the_last_batches_of_all_pipelines_have_one_end(start, make_fast_nlp, monkeypatch):
    nlp = make_fast_nlp()
    running = start(nlp, more={"other": lambda: nlp, "third": lambda: nlp})
    asked = []
    monkeypatch.setattr(batching.Batcher, "join", lambda self, seconds: asked.append(seconds) or time.sleep(seconds))
    running.service.join(0.2)
    assert 0.1 < asked[0] <= 0.2 and asked[1:] == [0.0, 0.0]


def test_how_long_the_last_batches_may_take(start, make_fast_nlp, monkeypatch):
    server = start(make_fast_nlp(), timeout=30.0).server
    assert server.seconds_left == LAST  # a pipeline could not be loaded
    now = 1000.0
    monkeypatch.setattr("spacy_mre.serving.server.time", SimpleNamespace(monotonic=lambda: now))
    server.stop()
    found = []
    for after in (1.0, 30.0, 32.0, 40.0):
        now = 1000.0 + after
        found.append(server.seconds_left)
    assert found == [5.0, 5.0, 3.0, 0.0]
    now = 1001.0
    server.force_exit = True
    assert server.seconds_left == 0.0
