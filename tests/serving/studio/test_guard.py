"""Who may ask, and what a browser is told."""

import logging
import socket

import pytest

from spacy_mre.serving.studio.guard import POLICY, is_own
from tests.serving.running import ask, wait_until
from tests.serving.studio.finder import FOUND, TEXT

TOKEN = "s3cret-token"
PATHS = ("/", "/static/index.html", "/studio/state", "/studio/items", "/nowhere")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "", "[", "192.168.0.9"]
)
def test_a_foreign_host(begin, host):
    studio = begin(TEXT)
    for path in PATHS:
        status, _, answer = ask(studio.running, "GET", path, headers={"Host": host.format(port=studio.running.port)})
        assert (status, answer) == (403, {"error": "the request does not come from the page of this studio"})


def test_own_hosts(begin):
    studio = begin(TEXT)
    for host in ("127.0.0.1", "localhost", "127.0.0.1:9999", "[::1]:80"):  # another port, as through a tunnel
        assert ask(studio.running, "GET", "/studio/next", headers={"Host": host})[0] == 200


def test_a_request_without_a_host(begin):
    with socket.create_connection(("127.0.0.1", begin(TEXT).running.port), timeout=20) as connection:
        connection.sendall(b"GET /studio/next HTTP/1.0\r\n\r\n")
        assert b" 403 " in connection.recv(1000).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "http://localhost:{port}", ""]
)
def test_a_foreign_origin(begin, origin):
    studio = begin(TEXT)
    item = studio.item()
    headers = {"Origin": origin.format(port=studio.running.port)}
    body = {"version": 0, "decision": "save", "analysis": FOUND}
    assert studio.ask("POST", f"items/{item['key']}", body, headers)[0] == 403
    assert studio.ask("GET", "state", headers=headers)[0] == 403
    assert studio.item() == item and studio.lines() == []


def test_the_own_origin(begin):
    studio = begin(TEXT)
    headers = {"Origin": f"http://127.0.0.1:{studio.running.port}"}
    assert studio.ask("POST", "order", {"order": "uncertain"}, headers)[0] == 200


@pytest.mark.parametrize(
    "host, asked, is_allowed",
    [
        ("0.0.0.0", "studio.example:8000", True),  # the token decides
        ("192.0.2.1", "192.0.2.1:8000", True),
        ("192.0.2.1", "127.0.0.1:8000", False),
        ("192.0.2.1", "evil.example", False),
        ("::1", "[::1]:8000", True),
        ("localhost", "127.0.0.1", True),
    ],
)
def test_hosts_of_other_addresses(host, asked, is_allowed):
    assert is_own({"headers": [(b"host", asked.encode())]}, host) == is_allowed
    assert not is_own({"headers": [(b"host", asked.encode()), (b"origin", b"http://evil.example")]}, host)
    assert not is_own({"headers": [(b"host", asked.encode())] * 2}, host)


def test_headers_of_every_answer(begin):
    studio = begin(TEXT, token=TOKEN)
    answers = [ask(studio.running, "GET", path) for path in PATHS]
    answers.append(ask(studio.running, "GET", "/studio/next", headers={"Authorization": f"Bearer {TOKEN}"}))
    answers.append(ask(studio.running, "POST", "/", headers={"Host": "evil.example"}))
    assert [status for status, _, _ in answers] == [200, 200, 401, 401, 404, 200, 403]
    for _, headers, _ in answers:
        assert headers["content-security-policy"] == POLICY
        assert "unsafe" not in POLICY and "default-src 'none'" in POLICY and "frame-ancestors 'none'" in POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("given", [None, "", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_without_the_token(begin, given):
    studio = begin(TEXT, token=TOKEN)
    headers = {} if given is None else {"Authorization": given}
    for method, path in (("GET", "state"), ("GET", "items"), ("GET", "export?form=jsonl"), ("POST", "order")):
        assert studio.ask(method, path, None, headers) == (
            401,
            {"error": "give the token: Authorization: Bearer TOKEN"},
        )


def test_another_method(begin):
    studio = begin(TEXT)
    status, headers, answer = ask(studio.running, "DELETE", "/studio/state")
    assert (status, headers["allow"], answer) == (405, "GET", {"error": "Method Not Allowed"})


def test_with_the_token(begin):
    studio = begin(TEXT, token=TOKEN)
    assert studio.ask("GET", "state", headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200


def test_a_client_that_goes_away_is_no_error(begin, caplog):
    studio = begin(TEXT)
    key = studio.item()["key"]
    head = f"POST /studio/items/{key} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n"
    with caplog.at_level(logging.DEBUG):
        with socket.create_connection(("127.0.0.1", studio.running.port), timeout=20) as connection:
            connection.sendall(head.encode() + b'{"version": 0')
            wait_until(lambda: studio.running.service.active)
        wait_until(lambda: not studio.running.service.active)
    assert "internal error" not in caplog.text
    assert studio.lines() == []


def test_the_log_has_no_texts(begin, caplog, monkeypatch):
    studio = begin("confidential Ida")
    with caplog.at_level(logging.DEBUG):
        studio.decide(studio.item(), "skip")
        studio.listed(text="confidential")
        monkeypatch.setattr(studio.desk, "next", fail)
        assert studio.ask("GET", "next") == (500, {"error": "internal error"})
    assert "internal error: KeyError at" in caplog.text and "test_guard.py" in caplog.text
    assert "confidential" not in caplog.text


def fail(after):
    raise KeyError("confidential")
