"""The token, headers, counts and the log."""

import logging

import pytest

from spacy_mre.serving.guard import FOREIGN
from tests.serving.running import ask

TOKEN = "s3cret-token"


@pytest.fixture(scope="module")
def server(make_fast_nlp, start_module):
    return start_module(make_fast_nlp(), token=TOKEN)


@pytest.mark.parametrize(
    "given", [None, "", TOKEN, f"Basic {TOKEN}", "Bearer ", "Bearer s3cret", f"Bearer {TOKEN}x", "Bearer s3cret-tokeñ"]
)
@pytest.mark.parametrize("method, path", [("POST", "/analyse"), ("POST", "/stream"), ("GET", "/metrics")])
def test_without_the_token(server, method, path, given):
    headers = {} if given is None else {"Authorization": given}
    status, found, answer = ask(server, method, path, {"text": "Ida"}, headers)
    assert (status, found["www-authenticate"]) == (401, "Bearer")
    assert answer == {"error": "give the token: Authorization: Bearer TOKEN"}
    assert (found["x-content-type-options"], found["cache-control"]) == ("nosniff", "no-store")


def test_everything_but_health_needs_the_token(server):
    for path in ("/labels", "/openapi.json", "/", "/nowhere", "/health/x"):
        assert ask(server, "GET", path)[0] == 401
    for path in ("/health", "/ready"):
        assert ask(server, "GET", path)[0] == 200


def test_with_the_token(server):
    assert ask(server, "GET", "/labels", headers={"authorization": f"bearer {TOKEN}"})[0] == 200
    assert server.client(token=TOKEN).analyse("Ida")[0]["entities"][0]["text"] == "Ida"
    assert len(list(server.client(token=TOKEN).stream(["Ida"]))) == 1
    with pytest.raises(ValueError, match=r"M761.*401.*give the token"):
        server.client(token="wrong").labels()
    with pytest.raises(ValueError, match=r"M761.*401.*give the token"):
        list(server.client().stream(["Ida"]))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name that points to this machine
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": ""},
    ],
)
def test_without_a_token_pages_of_other_sites_are_refused(start, make_fast_nlp, headers):
    running = start(make_fast_nlp())
    for method, path in (("POST", "/analyse"), ("POST", "/stream"), ("GET", "/labels"), ("GET", "/metrics")):
        status, _, answer = ask(running, method, path, {"text": "Ida"}, headers)
        assert (status, answer) == (403, {"error": FOREIGN[1]}) and "set a token" in FOREIGN[1]
    assert ask(running, "GET", "/health", headers=headers)[0] == 200
    running.settle()
    assert running.count("spacy_mre_rejected_total", reason="origin") == 4


def test_without_a_token_programs_and_own_pages_are_answered(start, make_fast_nlp):
    running = start(make_fast_nlp())
    own = f"http://127.0.0.1:{running.port}"
    for headers in ({}, {"Origin": own}, {"Host": "localhost."}, {"Host": "[::ffff:127.0.0.1]:9999"}):
        assert ask(running, "GET", "/labels", headers=headers)[0] == 200


def test_the_token_decides_alone(server):
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "mre.example", "Origin": "https://app.example"}
    assert ask(server, "GET", "/labels", headers=headers)[0] == 200


def test_metrics(start, make_fast_nlp):
    running = start(make_fast_nlp())
    client = running.client()
    client.analyse(["Ida", "fail"])
    client.analyse("Lima")
    list(client.stream(["Ida"] * 5))
    ask(running, "POST", "/analyse", b"{")
    ask(running, "GET", "/secret/Ida?text=Ida")
    status, headers, content = ask(running, "GET", "/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    running.settle()
    assert b"secret" not in content and b"Ida" not in content
    requests = {"name": "spacy_mre_requests_total", "path": "/analyse"}
    assert running.count(**requests, status="200") == 2
    assert running.count(**requests, status="422") == 1
    assert running.count("spacy_mre_requests_total", path="other", status="404") == 1
    assert running.count("spacy_mre_request_seconds_count", path="/analyse") == 3
    assert running.count("spacy_mre_request_seconds_count", path="/stream") == 1
    assert running.count("spacy_mre_texts_total", model="demo", outcome="ok") == 7
    assert running.count("spacy_mre_texts_total", model="demo", outcome="error") == 1
    assert running.count("spacy_mre_queue_texts", model="demo") == 0
    assert running.count("spacy_mre_rejected_total", reason="full") == 0


def test_the_log_has_no_texts(start, make_fast_nlp, caplog, monkeypatch):
    running = start(make_fast_nlp())
    with caplog.at_level(logging.DEBUG):
        running.client().analyse(["confidential", "confidential fail"])
        list(running.client().stream(["confidential"]))
        for path in ("/analyse?text=confidential", "/confidential"):
            ask(running, "POST", path, b'{"text": "confidential')
        monkeypatch.setattr(running.service, "analyse", fail)
        status, _, answer = ask(running, "POST", "/analyse", {"text": "confidential"})
        running.settle()
    assert (status, answer) == (500, {"error": "internal error"})
    assert "POST /analyse 200" in caplog.text and "- other 404" in caplog.text
    assert "internal error: KeyError at" in caplog.text and "test_guard.py" in caplog.text
    assert "confidential" not in caplog.text
    assert running.count("spacy_mre_requests_total", path="/analyse", status="500") == 1


async def fail(*arguments):
    raise KeyError("confidential")
