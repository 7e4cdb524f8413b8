"""Engines: a server, a file, what is kept and what is spent."""

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from spacy_mre.corpora import CorpusError
from spacy_mre.corpora.translation.cache import CachedEngine
from spacy_mre.corpora.translation.engine import Answer, NoAnswer
from spacy_mre.corpora.translation.http_engine import HttpEngine, _pause, _retry_after
from spacy_mre.corpora.translation.replay_engine import ReplayEngine, write_prompts
from spacy_mre.corpora.translation.spending import BudgetSpent, Spending, count_tokens
from tests.corpora.translation.loopback import KEY, Loopback, running


def ask(text):
    return [{"role": "system", "content": "Translate."}, {"role": "user", "content": text}]


@pytest.fixture
def serve():
    """Start a server, and make an engine that asks it. Waits are listed, not waited."""
    stack = []

    def start(faults=None, *, unknown=(), timeout=5.0, attempts=4):
        context = running(Loopback(str.upper, faults, unknown=unknown))
        server = context.__enter__()
        stack.append(context)
        waits = []
        engine = HttpEngine(server.url, "m", key=KEY, timeout=timeout, attempts=attempts, wait=waits.append)
        return server, engine, waits

    yield start
    for context in stack:
        context.__exit__(None, None, None)


# A server


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
    server, engine, waits = serve({"*": ["429 insufficient_quota"]})
    with pytest.raises(ValueError, match=r"M272.* answered 429: insufficient_quota"):
        engine.answer(ask("lima"))
    assert len(server.requests) == 1 and not waits


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


# What is kept


class Upper:
    """An engine that counts what it is asked."""

    def __init__(self, name="upper"):
        self.name = name
        self.asked = []

    def answer(self, messages):
        self.asked.append(messages[-1]["content"])
        if self.asked[-1] == "?":
            raise NoAnswer("why")
        return Answer(self.asked[-1].upper(), is_truncated=self.asked[-1] == "long")


def test_nothing_is_asked_twice(tmp_path):
    engine = Upper()
    for _ in range(2):
        with CachedEngine(engine, tmp_path / "new" / "answers.sqlite") as cached:
            assert [cached.answer(ask(text)).text for text in ("a", "long", "a")] == ["A", "LONG", "A"]
            assert cached.answer(ask("long")).is_truncated
            with pytest.raises(NoAnswer):
                cached.answer(ask("?"))
    assert engine.asked == ["a", "long", "?", "?"]
    assert (cached.calls, cached.hits) == (0, 4)


def test_another_model_or_prompt_is_asked(tmp_path):
    path = tmp_path / "answers.sqlite"
    other, engine = Upper("other"), Upper()
    for one in (engine, other):
        with CachedEngine(one, path) as cached:
            cached.answer(ask("a"))
    with CachedEngine(engine, path) as cached:
        cached.answer([{"role": "system", "content": "Translate well."}, *ask("a")[1:]])
    assert other.asked == ["a"] and engine.asked == ["a", "a"]


def test_threads_share_a_cache(tmp_path):
    with CachedEngine(Upper(), tmp_path / "answers.sqlite") as cached, ThreadPoolExecutor(8) as pool:
        texts = [f"t{number % 50}" for number in range(400)]
        assert list(pool.map(lambda text: cached.answer(ask(text)).text, texts)) == [text.upper() for text in texts]
        assert cached.calls + cached.hits == 400
    with sqlite3.connect(tmp_path / "answers.sqlite") as file:
        assert file.execute("SELECT count(*) FROM answers").fetchone() == (50,)


@pytest.mark.parametrize("content", [b"no database" * 100, b""])
def test_something_else_is_no_cache(tmp_path, content):
    path = tmp_path / "answers.sqlite"
    path.write_bytes(content)
    if not content:
        with sqlite3.connect(path) as file:
            file.execute("CREATE TABLE answers (other TEXT)")
        file.close()
    with pytest.raises(ValueError, match=r"M274.*answers\.sqlite"):
        CachedEngine(Upper(), path)


# What is spent


def test_a_budget_ends():
    class Counting(Upper):
        def answer(self, messages):
            return Answer("x", prompt_tokens=100, completion_tokens=10)

    spending = Spending(Counting(), budget=5.0, price_in=10_000.0, price_out=100_000.0)  # 2 for an answer
    for _ in range(3):
        spending.answer(ask("a"))
    with pytest.raises(BudgetSpent):
        spending.answer(ask("a"))
    assert spending.cost == pytest.approx(6.0)
    assert spending.describe() == "300 tokens read and 30 written, for 6.00"


def test_tokens_are_estimated():
    assert count_tokens(ask("仙台")) == 4 + 3 + 4 + 2  # "Translate." has ten letters
    spending = Spending(Upper())
    spending.answer(ask("仙台"))
    assert spending.describe() == "13 tokens read and 2 written"


def test_threads_are_counted():
    spending = Spending(Upper())
    threads = [threading.Thread(target=lambda: [spending.answer(ask("ab")) for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spending.completion_tokens == 1600


# A file


def test_replay(tmp_path):
    path = tmp_path / "prompts.jsonl"
    write_prompts([ask("a"), ask("b"), ask("a")], path)
    assert path.read_text().count('"prompt": ') == 2
    engine = ReplayEngine(path)
    with pytest.raises(NoAnswer):
        engine.answer(ask("a"))
    path.write_text('{"prompt": "a", "answer": "A"}\n{"prompt": "b", "answer": null}\n')
    engine = ReplayEngine(path)
    assert engine.answer(ask("a")) == Answer("A") and engine.name == "prompts.jsonl"
    path.write_text('{"prompt": "a", "answer": "A"}\n{"prompt": "a", "answer": "B"}\n')
    with pytest.raises(CorpusError, match=r"line 2.*another answer"):
        ReplayEngine(path)


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
    with pytest.raises(NoAnswer, match="something else than a chat completion"):
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
    assert _retry_after("nan") is None and _retry_after("1e999") == 600.0
