"""Streams: in order, while reading, with bad lines, and limits."""

import json
from http.client import HTTPConnection

import pytest

from spacy_mre.serving.streams import AHEAD
from tests.serving.running import ask, wait_until

IDA = {"entities": [{"start": 0, "end": 3, "label": "person", "text": "Ida", "score": 1.0}]}


class Open:
    """A stream that is written and read by hand."""

    def __init__(self, running, query="?select=entities"):
        self.connection = HTTPConnection("127.0.0.1", running.port, timeout=20)
        self.connection.putrequest("POST", "/stream" + query)
        self.connection.putheader("Transfer-Encoding", "chunked")
        self.connection.endheaders()
        self.response = self.connection.getresponse()
        assert self.response.status == 200

    def send(self, data):
        self.connection.send(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self):
        self.connection.send(b"0\r\n\r\n")

    def read(self):
        line = self.response.readline()
        return json.loads(line) if line else None


@pytest.fixture(scope="module")
def server(make_fast_nlp, start_module):
    return start_module(make_fast_nlp(), max_bytes=2000)


def lines_of(content):
    return [json.loads(line) for line in content.decode().splitlines()]


def test_lines_are_answered_while_others_arrive(server):
    stream = Open(server)
    stream.send(b'{"text": "Ida"}\n{"te')
    assert stream.read() == IDA
    stream.send(b'xt": "Ida", "id": [1, "a"]}\n')
    assert stream.read() == {"id": [1, "a"], **IDA}
    stream.send(b'{"id": null, "text": "Ida", "other": 1}')
    stream.end()
    assert stream.read() == {"id": None, **IDA}
    assert stream.read() is None
    assert stream.response.headers["content-type"] == "application/x-ndjson"


def test_bad_lines(server):
    lines = [
        b'{"text": "Ida"}\r',
        b"",
        b'{"id": 3}',
        b'["text"]',
        b'{"id": 5, "text": 5}',
        b'{"text": "\xff"}',
        b"x" * 2001,
        b'{"id": 1e999, "text": "Ida"}',
        b'{"id": 9, "text": "\\ud83d"}',
        b'{"id": 10, "text": "fail"}',
        b'{"id": "\\ud83d", "text": "Ida"}',
    ]
    status, _, content = ask(server, "POST", "/stream?select=entities", b"\n".join(lines) + b"\n")
    assert status == 200
    expected = "expected an object with a string 'text'"
    assert lines_of(content) == [
        IDA,
        {"line": 2, "error": "not valid JSON: Expecting value, character 1"},
        {"id": 3, "line": 3, "error": expected},
        {"line": 4, "error": expected},
        {"id": 5, "line": 5, "error": expected},
        {"line": 6, "error": "byte 11 is not UTF-8"},
        {"line": 7, "error": "the line has more than 2,000 bytes"},
        {"line": 8, "error": "the id has a number that is out of range"},
        {"id": 9, "line": 9, "error": "character 1 is half of a surrogate pair"},
        {"id": 10, "line": 10, "error": "ValueError: this text fails"},
        {"id": "\ud83d", **IDA},
    ]


def test_many_lines_in_order(server):
    texts = [{"id": number, "text": "Ida " * (number % 7)} for number in range(400)]
    found = list(server.client().stream(iter(texts), select=["entities"]))
    assert [(each["id"], len(each["entities"])) for each in found] == [(n, n % 7) for n in range(400)]


def test_the_query(server):
    body = '{"text": "😀 Ida"}\n'.encode()
    _, _, content = ask(server, "POST", "/stream?select=entities,cats&offsets=utf16&model=demo", body)
    assert lines_of(content) == [{"entities": [{**IDA["entities"][0], "start": 3, "end": 6}], "cats": None}]
    for query, reason in [
        ("select=all", "select.0: Input should be 'entities', 'relations' or 'cats'"),
        ("model=x", 'model: there is no "x"; there are: demo'),
        ("text=Ida", "text: Extra inputs are not permitted"),
    ]:
        assert ask(server, "POST", f"/stream?{query}", body)[::2] == (422, {"error": reason})
    assert ask(server, "POST", "/stream", b"")[::2] == (200, b"")


def test_few_lines_are_read_ahead(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp)
    nlp.spy.open.clear()
    stream = Open(running)
    stream.send(b'{"text": "Ida"}\n')
    assert nlp.spy.begun.acquire(timeout=20)
    stream.send(b'{"text": "Ida"}\n' * 300)
    stream.end()
    wait_until(lambda: len(running.waiting) == AHEAD - 1)
    nlp.spy.open.set()
    assert [stream.read() for _ in range(302)] == [IDA] * 301 + [None]
    assert max(map(len, nlp.spy.batches)) <= AHEAD


def test_a_full_queue_makes_a_stream_wait(start, make_fast_nlp):
    running = start(make_fast_nlp(), queue=3)
    assert list(running.client().stream(["Ida"] * 50, select=["entities"])) == [IDA] * 50


def test_a_client_that_goes_drops_its_lines(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp)
    nlp.spy.open.clear()
    stream = Open(running)
    stream.send(b'{"text": "first"}\n')
    assert nlp.spy.begun.acquire(timeout=20)
    stream.send(b'{"text": "Ida"}\n' * 3)
    wait_until(lambda: len(running.waiting) == 3)
    stream.response.close()
    stream.connection.close()
    wait_until(lambda: len(running.waiting) == 0 and running.service.active == 0)
    nlp.spy.open.set()
    running.client().analyse("last")
    assert nlp.spy.batches == [["first"], ["last"]]


def test_the_time_limit_of_a_line(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp, timeout=0.3)
    nlp.spy.open.clear()
    stream = Open(running)
    stream.send(b'{"id": 1, "text": "first"}\n')
    assert stream.read() == {"id": 1, "line": 1, "error": "not answered within 0.3 seconds"}
    stream.send(b'{"id": 2, "text": "Ida"}\n')
    assert stream.read()["line"] == 2
    nlp.spy.open.set()
    stream.send(b'{"id": 3, "text": "Ida"}\n')
    assert stream.read() == {"id": 3, **IDA}
    stream.connection.close()
    assert nlp.spy.batches[-1] == ["Ida"] and len(nlp.spy.batches) == 2


def test_few_bytes_are_read_ahead(start, make_fast_nlp, monkeypatch):
    monkeypatch.setattr("spacy_mre.serving.streams.BYTES", 100)
    nlp = make_fast_nlp()
    running = start(nlp, max_bytes=100)
    nlp.spy.open.clear()
    stream = Open(running)
    line = b'{"text": "Ida"}\n'
    stream.send(line)
    assert nlp.spy.begun.acquire(timeout=20)
    stream.send(line * 20)
    stream.end()
    wait_until(lambda: len(running.waiting) == 5)  # six lines of 15 bytes
    nlp.spy.open.set()
    assert [stream.read() for _ in range(22)] == [IDA] * 21 + [None]
    assert max(map(len, nlp.spy.batches)) <= 6
