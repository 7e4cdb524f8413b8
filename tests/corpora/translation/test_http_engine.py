"""The engine over HTTP: what it sends, what it waits for, and when it stops."""

import json
import logging

import pytest

from spacy_mre.corpora.translation.engine import Answer, NoAnswer
from spacy_mre.corpora.translation.http_client import MAX_FAILED, _pause, _retry_after
from spacy_mre.corpora.translation.http_engine import HttpEngine
from tests.corpora.translation.loopback import KEY, Loopback, running


def ask(text):
    return [{"role": "system", "content": "Translate."}, {"role": "user", "content": text}]


@pytest.fixture
def serve():
    """Start a server, and make an engine that asks it. Waits are listed, not waited."""
    stack = []

    def start(faults=None, *, unknown=(), timeout=5.0, attempts=4, retry_after="0"):
        context = running(Loopback(str.upper, faults, unknown=unknown, retry_after=retry_after))
        server = context.__enter__()
        stack.append(context)
        waits = []
        engine = HttpEngine(server.url, "m", key=KEY, timeout=timeout, attempts=attempts, wait=waits.append)
        return server, engine, waits

    yield start
    for context in stack:
        context.__exit__(None, None, None)


def test_an_answer(serve):
    server, engine, _ = serve()
    assert engine.answer(ask("lima")) == Answer("LIMA", prompt_tokens=10, completion_tokens=5)
    (request,) = server.requests
    assert request["model"] == "m" and request["temperature"] == 0 and request["messages"] == ask("lima")
    assert request["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "unknown", [["response_format"], ["max_tokens"], ["temperature", "max_tokens", "response_format"]]
)
def test_options_that_the_server_does_not_take_are_left_out_after_the_first_time(serve, unknown):
    server, engine, _ = serve(unknown=unknown)
    assert [engine.answer(ask(text)).text for text in ("a", "b")] == ["A", "B"]
    *refused, first, second = server.requests
    assert len(refused) == len(unknown) and set(first) == set(second) and not set(first) & set(unknown)
    assert ("max_completion_tokens" in first) == ("max_tokens" in unknown)


@pytest.mark.parametrize(
    "fault, seconds", [("429", 0.0), ("500", None), ("503", None), ("time-out", None), ("closed", None)]
)
def test_asked_again(serve, fault, seconds):
    server, engine, waits = serve({"lima": [fault] * 2}, timeout=0.3)
    assert engine.answer(ask("lima")).text == "LIMA"
    assert engine.retries == {"connection" if fault == "closed" else fault: 2}
    assert len(waits) == 2 and (seconds is None or waits == [seconds] * 2)
    assert len(server.requests) == 3


@pytest.mark.parametrize("fault", ["429", "500", "time-out"])
def test_not_forever(serve, fault):
    server, engine, waits = serve({"lima": [fault] * 9}, timeout=0.3)
    with pytest.raises(NoAnswer, match=f"{fault}, 4 times"):
        engine.answer(ask("lima"))
    assert len(server.requests) == 4 and len(waits) == 3
    assert engine.answer(ask("oslo")).text == "OSLO"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_model_ends_all(serve, status):
    server, engine, waits = serve({"*": [str(status)]})
    with pytest.raises(ValueError, match=rf"M272.* answered {status}: fault {status}") as error:
        engine.answer(ask("lima"))
    assert KEY not in str(error.value) and len(server.requests) == 1 and not waits


def test_an_account_without_credit_ends_all(serve):
    error = {"message": "You exceeded your current quota.", "type": "insufficient_quota", "code": "insufficient_quota"}
    server, engine, waits = serve({"*": [("429", error)]})
    with pytest.raises(ValueError, match=r"M272.* answered 429: You exceeded your current quota"):
        engine.answer(ask("lima"))
    assert len(server.requests) == 1 and not waits


def test_a_busy_server_that_speaks_of_quotas_is_asked_again(serve):
    _, engine, waits = serve({"*": [("429", {"message": "Not insufficient_quota: a limit per minute"})]})
    assert engine.answer(ask("lima")).text == "LIMA" and waits == [0.0]


def test_a_wait_of_a_day_ends_all(serve):
    server, engine, waits = serve({"*": ["429"]}, retry_after="86400")
    with pytest.raises(ValueError, match=r"M272.* answered 429: fault 429 \(it wants 86,400 seconds\)"):
        engine.answer(ask("lima"))
    assert len(server.requests) == 1 and not waits


@pytest.mark.parametrize("fault", ["500", "closed", "nonsense", "418"])
def test_ten_prompts_without_an_answer_end_all(serve, fault):
    server, engine, _ = serve({"*": [fault] * 99}, attempts=2)
    for _ in range(MAX_FAILED - 1):
        with pytest.raises(NoAnswer):
            engine.answer(ask("lima"))
    with pytest.raises(ValueError, match=r"M276.* has not answered 10 prompts in turn"):
        engine.answer(ask("lima"))
    assert len(server.requests) == MAX_FAILED * (2 if fault in ("500", "closed") else 1)


def test_an_answer_between_them_goes_on(serve):
    _, engine, _ = serve({"lima": ["500"] * 99}, attempts=1)
    for text in [*["lima"] * (MAX_FAILED - 1), "oslo"] * 3:
        if text == "oslo":
            assert engine.answer(ask(text)).text == "OSLO"
        else:
            with pytest.raises(NoAnswer):
                engine.answer(ask(text))


def test_prompts_that_are_rejected_do_not_end_what_has_answered(serve):
    _, engine, _ = serve({"lima": ["400 too long"] * 99})
    assert engine.answer(ask("oslo")).text == "OSLO"
    for _ in range(MAX_FAILED + 1):
        with pytest.raises(NoAnswer, match="400: too long"):
            engine.answer(ask("lima"))


@pytest.mark.parametrize(
    "status, error",
    [
        ("400", {"code": "content_filter", "message": "no"}),
        ("403", {"code": 403, "message": "no", "metadata": {"flagged_input": "lima"}}),
    ],
)
def test_a_filter_that_answers_with_an_error_refuses(serve, status, error):
    _, engine, _ = serve({"lima": [(status, error)] * 2}, unknown=["response_format"])
    assert engine.answer(ask("lima")) == Answer("", is_refused=True)
    assert engine.answer(ask("oslo")).text == "OSLO"


@pytest.mark.parametrize(
    "content, text",
    [
        ("<think>\nLima?\n</think>\n\nリマ", "リマ"),
        ("Lima?\n</think>\n\nリマ", "リマ"),
        ("a </think> b", "a </think> b"),
        ('{"translation": "a\\n</think>"}', "a\n</think>"),
        ('```json\n{"translation": "リマ"}\n```', "リマ"),
        ("```\nリマ\n```\n", "リマ"),
        ("リマ <think>", "リマ <think>"),
        ([{"type": "text", "text": "リ"}, {"type": "text", "text": "マ"}], "リマ"),
        (None, ""),
    ],
)
def test_the_text_in_a_message(respond, content, text):
    body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
    assert respond(200, body).answer(ask("Lima")).text == text


def test_the_limit_of_tokens(serve):
    server, _, _ = serve(unknown=["max_tokens"])
    HttpEngine(server.url, "m", max_tokens=200).answer(ask("lima"))
    assert server.requests[0]["max_tokens"] == server.requests[-1]["max_completion_tokens"] == 200


@pytest.mark.parametrize(
    "address",
    [
        "http://me:{}@localhost:8000/v1",
        "http://me:1#{}@localhost/v1",
        "http://me:1/{}@localhost/v1",
        "https://localhost/v1?key={}",
        "https://localhost/v1?to=a@b&key={}",
        "me:{}@localhost:8000/v1",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_shown(address, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ValueError, match=r"M271.*--key-env") as error:
        HttpEngine(address.format("hunter2"), "m")
    assert "hunter2" not in str(error.value) + caplog.text and error.value.__cause__ is None


def test_the_key_is_in_no_log(serve, caplog):
    caplog.set_level(logging.DEBUG)
    _, engine, _ = serve({"lima": ["500", "429"]})
    engine.answer(ask("lima"))
    assert "chat/completions" in caplog.text and KEY not in caplog.text


def test_a_server_that_is_not_there():
    with running(Loopback(str.upper)) as server:
        url = server.url
    with pytest.raises(ValueError, match="M273"):
        HttpEngine(url, "m").answer(ask("lima"))
    with pytest.raises(ValueError, match="M271"):
        HttpEngine("localhost:8000", "m")


def test_a_prompt_that_the_server_does_not_take(serve):
    _, engine, _ = serve({"lima": ["400", "400"]})
    with pytest.raises(NoAnswer, match="400: fault 400"):
        engine.answer(ask("lima"))
    assert engine.answer(ask("oslo")).text == "OSLO"


def test_something_else(serve):
    _, engine, _ = serve({"lima": ["nonsense"]})
    with pytest.raises(NoAnswer, match="something else"):
        engine.answer(ask("lima"))


def test_truncated_and_refused(serve):
    _, engine, _ = serve({"limalima": ["truncated"], "oslo": ["refused"]}, unknown=["response_format"])
    assert engine.answer(ask("limalima")) == Answer("LIMA", is_truncated=True, prompt_tokens=10, completion_tokens=5)
    answer = engine.answer(ask("oslo"))
    assert answer.is_refused and answer.text == "I cannot do that."


def test_waits():
    assert _retry_after("7") == 7.0 and _retry_after("-1") == 0.0 and _retry_after("soon") is None
    assert _retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert all(0.5 * 2**attempt <= _pause(attempt) <= 2**attempt for attempt in range(5))
    assert 30 <= _pause(50) <= 60


@pytest.fixture
def respond(monkeypatch):
    """Make an engine whose server always gives the same response."""
    import httpx

    client = httpx.Client

    def make(status, content, **headers):
        transport = httpx.MockTransport(lambda request: httpx.Response(status, content=content, headers=headers))
        monkeypatch.setattr(httpx, "Client", lambda **options: client(transport=transport, **options))
        return HttpEngine("http://localhost/v1", "m", key=KEY, attempts=2, wait=lambda seconds: None)

    return make


@pytest.mark.parametrize(
    "content",
    [
        b"<html>busy</html>",
        b"[" * 200_000,
        b'{"choices": [null]}',
        b'{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 1e999}}',
    ],
)
def test_garbage_is_no_answer(respond, content):
    with pytest.raises(NoAnswer, match="something else than a completion"):
        respond(200, content).answer(ask("lima"))


def test_half_of_a_surrogate_pair_is_replaced(respond):
    inner = json.dumps({"translation": "Lima \ud83d"})
    content = json.dumps({"choices": [{"message": {"content": inner}}]}).encode()
    assert respond(200, content).answer(ask("lima")).text == "Lima \ufffd"


def test_the_key_is_not_in_the_reason_of_the_server(respond):
    content = json.dumps({"error": {"message": f"{'x' * 190} wrong: {KEY}"}}).encode()
    with pytest.raises(NoAnswer) as no_answer:
        respond(418, content).answer(ask("lima"))
    assert str(no_answer.value) == f"418: {'x' * 190} wrong: **"
    with pytest.raises(ValueError, match=r"M272.*answered 401: no \*\*\*\. Nothing"):
        respond(401, f"no {KEY}".encode()).answer(ask("lima"))


def test_a_response_that_cannot_be_unpacked_is_asked_for_again(monkeypatch):
    import httpx

    def fail(client, url, **options):
        raise httpx.DecodingError("incorrect header check")

    monkeypatch.setattr(httpx.Client, "post", fail)
    with pytest.raises(NoAnswer, match="connection, 3 times"):
        HttpEngine("http://localhost/v1", "m", attempts=3, wait=lambda seconds: None).answer(ask("lima"))


def test_the_key_of_a_file_has_a_line_break(serve):
    server, _, _ = serve()
    assert HttpEngine(server.url, "m", key=f"{KEY}\n").answer(ask("lima")).text == "LIMA"
    assert server.requests[-1]["authorization"] == f"Bearer {KEY}"
    for key in ("a\nb", "\u9375"):
        with pytest.raises(ValueError, match="M275") as error:
            HttpEngine(server.url, "m", key=key)
        assert key not in str(error.value)


def test_a_time_to_wait_that_is_no_number():
    assert _retry_after("nan") is None and _retry_after("1e999") == float("inf")
