"""The endpoints: values and status codes."""

import json
import socket

import pytest

from tests.serving.running import ask, hold, in_thread, wait_until

TEXT = "Ida lives in Lima."
IDA = {"start": 0, "end": 3, "label": "person", "text": "Ida", "score": 1.0}
LIMA = {"start": 13, "end": 17, "label": "place", "text": "Lima", "score": 1.0}
FOUND = {"entities": [IDA, LIMA], "relations": None, "cats": None}


@pytest.fixture(scope="module")
def server(make_fast_nlp, start_module):
    return start_module(make_fast_nlp(), max_bytes=5000, queue=20)


def test_a_text(server):
    status, headers, answer = ask(server, "POST", "/analyse", {"text": TEXT})
    assert (status, answer) == (200, {"model": "demo", "results": [FOUND]})
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_texts_in_their_order(server):
    texts = [TEXT, "", "It rained.", "Lima"]
    _, _, answer = ask(server, "POST", "/analyse", {"texts": texts, "select": ["entities"]})
    assert [[e["text"] for e in each["entities"]] for each in answer["results"]] == [["Ida", "Lima"], [], [], ["Lima"]]
    assert all(set(each) == {"entities"} for each in answer["results"])
    assert ask(server, "POST", "/analyse", {"texts": []})[2]["results"] == []


def test_a_text_that_fails_stops_no_other(server):
    texts = [TEXT, None, "\ud83d", 5, "fail", TEXT]
    _, _, answer = ask(server, "POST", "/analyse", {"texts": texts})
    assert answer["results"] == [
        FOUND,
        {"error": "the text is missing"},
        {"error": "character 1 is half of a surrogate pair"},
        {"error": "the text is not a string, but int"},
        {"error": "ValueError: this text fails"},
        FOUND,
    ]


@pytest.mark.parametrize("offsets, start", [("characters", 2), ("utf16", 3)])
def test_offsets(server, offsets, start):
    _, _, answer = ask(server, "POST", "/analyse", {"text": "😀 Ida", "offsets": offsets})
    assert answer["results"][0]["entities"] == [{**IDA, "start": start, "end": start + 3}]


@pytest.mark.parametrize(
    "body, reason",
    [
        ({"text": 5}, "'text' must be a string, and 'texts' a list of strings"),
        ({"text": "a", "texts": []}, "give either 'text' or 'texts'"),
        ({}, "give either 'text' or 'texts'"),
        ({"texts": "a"}, "texts: Input should be a valid list"),
        ({"text": "a", "selct": []}, "selct: Extra inputs are not permitted"),
        ({"text": "a", "select": ["x"]}, "select.0: Input should be 'entities', 'relations' or 'cats'"),
        ({"text": "a", "offsets": "bytes"}, "offsets: Input should be 'characters' or 'utf16'"),
        ({"text": "a", "model": "../demo"}, 'model: there is no "../demo"; there are: demo'),
        (["a"], "expected a JSON object"),
        (b"", "not valid JSON: Expecting value, character 1"),
        (b'{"text": "secret', "not valid JSON: Unterminated string starting at, character 10"),
        (b'{"text": "\xff"}', "byte 11 is not UTF-8"),
        (b'{"text": NaN}', "not valid JSON: a number is out of range"),
        (b"[" * 4000, "not valid JSON: it is nested too deeply"),
    ],
)
def test_a_body_that_is_not_valid(server, body, reason):
    status, _, answer = ask(server, "POST", "/analyse", body)
    assert (status, answer) == (422, {"error": reason})


@pytest.mark.parametrize(
    "method, path, status",
    [("GET", "/", 404), ("GET", "/docs", 404), ("GET", "/analyse", 405), ("GET", "/../../etc/passwd", 404)],
)
def test_what_is_not_there(server, method, path, status):
    found, headers, answer = ask(server, method, path)
    assert (found, headers["cache-control"]) == (status, "no-store")
    assert answer["error"] in ("Not Found", "Method Not Allowed")


def test_a_body_that_is_too_large(server):
    before = server.count("spacy_mre_rejected_total", reason="size")
    for body in (b"x" * 5001, (b"x" * 1000 for _ in range(6))):  # with its length, and in chunks
        status, _, answer = ask(server, "POST", "/analyse", body)
        assert (status, answer) == (413, {"error": "the body has more than 5,000 bytes"})
    assert server.count("spacy_mre_rejected_total", reason="size") == before + 2


def test_a_large_body_is_refused_before_it_arrives(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"POST /analyse HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n{")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_more_texts_than_fit_into_the_queue(server):
    assert ask(server, "POST", "/analyse", {"texts": ["a"] * 20})[0] == 200
    status, _, answer = ask(server, "POST", "/analyse", {"texts": ["a"] * 21})
    assert (status, answer["error"]) == (413, "at most 20 texts fit into a request; it has 21")


def test_health_and_labels(server):
    assert ask(server, "GET", "/health")[::2] == (200, {"status": "ok"})
    assert ask(server, "GET", "/ready")[::2] == (200, {"ready": True})
    labels = {"entities": ["person", "place"], "relations": [], "cats": []}
    assert ask(server, "GET", "/labels")[2] == {"demo": labels}


def test_the_openapi_page(server):
    status, _, answer = ask(server, "GET", "/openapi.json")
    assert status == 200
    assert {"/analyse", "/stream", "/health", "/ready", "/labels", "/metrics"} == set(answer["paths"])
    schema = answer["paths"]["/analyse"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["texts"]["items"] == {"type": "string"}
    assert set(schema["properties"]) == {"text", "texts", "model", "select", "offsets"}
    assert "https://" not in json.dumps(answer)


def test_not_ready_yet(start, make_fast_nlp):
    nlp = make_fast_nlp()
    nlp.spy.open.clear()
    running = start(nlp, ready=False)
    assert nlp.spy.begun.acquire(timeout=20)  # the text that warms up
    assert ask(running, "GET", "/health")[0] == 200
    for method, path, body in [("GET", "/ready", None), ("GET", "/labels", None), ("POST", "/analyse", {"text": "a"})]:
        status, headers, _ = ask(running, method, path, body)
        assert status == 503
    assert headers["retry-after"] == "1"
    assert running.count("spacy_mre_rejected_total", reason="not_ready") == 2
    nlp.spy.open.set()
    wait_until(lambda: ask(running, "GET", "/ready")[0] == 200)


def test_several_pipelines(start, make_fast_nlp):
    more = {"other": lambda: make_fast_nlp(patterns=[{"label": "town", "pattern": "Lima"}])}
    client = start(make_fast_nlp(), more=more).client()
    assert client.labels()["other"]["entities"] == ["town"]
    found = [client.analyse("Lima", model)[0]["entities"][0]["label"] for model in (None, "demo", "other")]
    assert found == ["place", "place", "town"]


def test_a_full_queue(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp, queue=2)
    first = hold(running, nlp)
    second = in_thread(ask, running, "POST", "/analyse", {"texts": ["b", "c"]})
    wait_until(lambda: len(running.waiting) == 2)
    assert running.count("spacy_mre_queue_texts", model="demo") == 2
    status, headers, answer = ask(running, "POST", "/analyse", {"texts": ["d", 5]})
    assert (status, headers["retry-after"], answer) == (429, "1", {"error": "too many texts wait; ask again later"})
    assert running.count("spacy_mre_rejected_total", reason="full") == 1
    # It comes again, so its faulty text is not counted yet.
    assert running.count("spacy_mre_texts_total", model="demo", outcome="error") == 0
    nlp.spy.open.set()
    assert [each.result(20)[0] for each in (first, second)] == [200, 200]
    assert nlp.spy.batches == [["first"], ["b", "c"]]
    assert ask(running, "POST", "/analyse", {"text": "d"})[0] == 200


def test_the_time_limit(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp, timeout=0.5)
    first = hold(running, nlp)
    second = in_thread(ask, running, "POST", "/analyse", {"texts": ["b", "c"]})
    for each in (first, second):
        status, headers, answer = each.result(20)
        assert (status, answer["error"]) == (503, "not answered within 0.5 seconds")
        assert headers["retry-after"] == "1"
    assert len(running.waiting) == 0
    nlp.spy.open.set()
    wait_until(lambda: running.count("spacy_mre_texts_total", model="demo", outcome="ok") == 1)
    assert ask(running, "POST", "/analyse", {"text": "d"})[0] == 200
    assert nlp.spy.batches == [["first"], ["d"]]
    assert running.count("spacy_mre_rejected_total", reason="timeout") == 2


def test_a_body_that_does_not_arrive(start, make_fast_nlp):
    running = start(make_fast_nlp(), timeout=0.3)
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        connection.sendall(b"POST /analyse HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_goes_drops_its_texts(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp)
    first = hold(running, nlp)
    body = json.dumps({"texts": ["a", "b", "c"]}).encode()
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        connection.sendall(
            b"POST /analyse HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        wait_until(lambda: len(running.waiting) == 3)
    wait_until(lambda: len(running.waiting) == 0)
    nlp.spy.open.set()
    assert first.result(20)[0] == 200
    assert nlp.spy.batches == [["first"]]
    running.settle()
    assert running.count("spacy_mre_requests_total", path="/analyse", status="499") == 1
