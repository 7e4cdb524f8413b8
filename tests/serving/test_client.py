"""The client: retries, errors, and long streams."""

import copy
import io
import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spacy_mre.serving.client import Client, ServingError, _read_line
from tests.serving.running import in_forks, in_thread, wait_until


@pytest.fixture
def answering():
    """Starts a server that gives some answers: status, headers and body; None closes the connection."""
    servers = []

    def begin(*answers):
        left = list(answers)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                answer = left.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                # What is not read resets the connection, sometimes before the client has read the answer.
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.close_connection = True  # the lines of a stream are not read
                self.do_GET()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/", left

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


BUSY = (429, {"Retry-After": "0"}, b'{"error": "busy"}')
FINE = (200, {}, b'{"a": {}}')


def test_busy_servers_are_asked_again(answering):
    url, left = answering(BUSY, (503, {"Retry-After": "0"}, b""), FINE, FINE)
    assert Client(url).labels() == {"a": {}}
    assert left == [FINE]


@pytest.mark.parametrize(
    "answer, status, reason",
    [
        ((429, {"Retry-After": "9"}, b'{"error": "busy"}'), 429, "busy"),
        ((503, {}, b"<html>"), 503, "Service Unavailable"),
        ((500, {}, b'{"error": "internal error"}'), 500, "internal error"),
        ((404, {}, b"[]"), 404, "Not Found"),
    ],
)
def test_errors_are_told(answering, answer, status, reason):
    url, left = answering(answer, FINE)
    with pytest.raises(ServingError, match=f"M761.*{status}: {reason}") as error:
        Client(url, patience=0.5).labels()
    assert (error.value.status, left) == (status, [FINE])


def test_a_connection_that_the_server_closed_is_opened_again(answering):
    url, left = answering(FINE, None, FINE, None)
    client = Client(url)
    assert client.labels() == client.labels() == {"a": {}}
    with pytest.raises(ServingError, match=r"M760.*did not answer") as error:
        Client(url).labels()
    assert (error.value.status, left) == (0, [])


PAGE = b"<html>\n<body>Please log in</body>\n</html>"


@pytest.mark.parametrize(
    "body", [PAGE, PAGE.replace(b"\n", b""), b'["results"]\n', b"{}}\n", b"\xff\n", b"[" * 100_000 + b"\n"]
)
@pytest.mark.parametrize("headers", [{}, {"Connection": "close"}])
def test_an_answer_of_something_else(answering, headers, body):
    """Such as a proxy that wants a password, and answers with the status 200."""
    url, left = answering(*[(200, headers, body)] * 3)
    client = Client(url)
    for ask in (client.labels, lambda: client.analyse("Ida"), lambda: list(client.stream(["Ida"]))):
        with pytest.raises(ServingError, match=r"M760.*not an answer of the server") as error:
            ask()
        assert error.value.status == 0
    assert left == []


class BrokenOff(io.RawIOBase):
    """A few bytes, then the connection is reset."""

    def __init__(self, content):
        self.left = [content]

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.left:
            raise ConnectionResetError
        content = self.left.pop()
        buffer[: len(content)] = content
        return len(content)


@pytest.mark.parametrize("content, number", [(b"<html>", "M760"), (b"[[[[", "M760"), (b'{"id":', "M762")])
def test_a_line_of_a_stream_that_breaks_off(content, number):
    with pytest.raises(ServingError, match=number):
        _read_line("http://127.0.0.1", io.BufferedReader(BrokenOff(content)), 0)


@pytest.mark.parametrize("body", [b"{}", b'{"results": {}}', b'{"results": [{}]}', b'{"results": [{}, {}, {}]}'])
def test_answers_to_other_texts(answering, body):
    with pytest.raises(ServingError, match=r"M760.*not an answer of the server"):
        Client(answering((200, {}, body))[0]).analyse(["Ida", "Tom"])


def test_a_proxy_may_want_other_tokens_than_the_server(answering):
    Client(answering((200, {}, b'{"results": []}'))[0], "1|p@ss!").analyse([])


@pytest.mark.parametrize("token", ["abc\n", "a b", "トークン", "é"])
def test_a_token_that_no_server_has(token):
    with pytest.raises(ValueError, match="M752") as error:
        Client("http://127.0.0.1:8000", token)
    assert token not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://a",
        "http://",
        "/analyse",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://a:port",
        "http://[::1",
        "http://a..b",
        "http://127.0.0.1:8000/パス",
    ],
)
def test_what_is_no_address(url):
    with pytest.raises(ValueError, match=r"M760"):
        Client(url)


def test_no_server():
    client = Client("http://127.0.0.1:9")
    for ask in (client.labels, lambda: list(client.stream(["a"]))):
        with pytest.raises(ServingError, match=r"M760.*127\.0\.0\.1:9.*refused"):
            ask()


def test_no_answer_in_time(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp)
    nlp.spy.open.clear()
    with pytest.raises(ServingError, match=r"M760.*timed out"):
        running.client(timeout=0.3).analyse("a")
    nlp.spy.open.set()
    assert running.client().analyse("a")[0]["entities"] == []


def test_a_full_server_is_asked_again(start, make_fast_nlp):
    nlp = make_fast_nlp()
    running = start(nlp, queue=1)
    nlp.spy.open.clear()
    futures = [in_thread(running.client().analyse, "first")]
    assert nlp.spy.begun.acquire(timeout=20)
    futures += [in_thread(running.client().analyse, "Ida") for _ in range(2)]
    wait_until(lambda: running.count("spacy_mre_rejected_total", reason="full") == 1)
    nlp.spy.open.set()
    assert [len(future.result(20)[0]["entities"]) for future in futures] == [0, 1, 1]


def test_texts_selection_and_offsets(start, make_fast_nlp):
    client = start(make_fast_nlp()).client()
    (found,) = client.analyse("😀 Ida", "demo", {"entities"}, offsets="utf16")
    assert found == {"entities": [{"start": 3, "end": 6, "label": "person", "text": "Ida", "score": 1.0}]}
    assert client.analyse(()) == []
    assert list(client.stream([{"text": "😀 Ida", "id": "a"}], "demo", ["entities"], offsets="utf16")) == [
        {"id": "a", **found}
    ]
    with pytest.raises(ServingError, match=r"M761.*422.*select"):
        client.analyse("a", select=["all"])


def test_a_body_that_is_too_large(start, make_fast_nlp):
    client = start(make_fast_nlp(), max_bytes=1000).client()
    for size in (2000, 20_000_000):  # the second is refused before it is sent whole
        with pytest.raises(ServingError, match=r"M761.*413.*more than 1,000 bytes"):
            client.analyse("a" * size)
    assert len(client.analyse("Ida")) == 1


def test_a_stream_is_lazy(start, make_fast_nlp):
    """Texts are read when their turn comes, and answers are given before the texts end."""
    client = start(make_fast_nlp()).client()
    read = []

    def texts():
        for number in range(1000):
            read.append(number)
            yield {"id": number, "text": "Ida " * 50}

    stream = client.stream(texts())
    assert [next(stream)["id"] for _ in range(3)] == [0, 1, 2]
    assert len(read) <= 70
    stream.close()


def test_a_server_that_stops_in_a_stream(start, make_fast_nlp):
    """The line that tells so is no answer: the text after the last answer is not analysed."""
    running = start(make_fast_nlp())

    def texts():
        for number in range(1000):
            if number == 100:
                running.server.stop()
                wait_until(running.service.stopped.is_set)
            yield {"id": number, "text": "Ida"}

    found = []
    with pytest.raises(ServingError, match="M762") as error:
        for answer in running.client().stream(texts()):
            found.append(answer)
    assert [answer["id"] for answer in found] == list(range(len(found)))
    assert not [answer for answer in found if "error" in answer]
    assert f"after {len(found)} answers" in str(error.value)


def test_a_stream_that_ends_too_early(answering):
    url, _ = answering((200, {"Content-Length": "8", "Connection": "close"}, b'{"a": 1}'), (200, {}, b'{"a": 1}\n'))
    with pytest.raises(ServingError, match=r"M762.*after 0 answers"):
        list(Client(url).stream(["a"]))
    stream = Client(url).stream(["a", "b"])
    assert next(stream) == {"a": 1}
    with pytest.raises(ServingError, match=r"M762.*after 1 answers"):
        next(stream)


def test_an_answer_does_not_wait_for_the_next_text(start, make_fast_nlp):
    """A source that has no more text yet, such as a log that is followed."""
    go_on = threading.Event()

    def texts():
        yield "Ida"
        assert go_on.wait(20)
        yield "Lima"

    stream = start(make_fast_nlp()).client().stream(texts())
    answer = in_thread(next, stream).result(20)
    assert answer["entities"][0]["text"] == "Ida" and not go_on.is_set()
    go_on.set()
    assert [found["entities"][0]["text"] for found in stream] == ["Lima"]


def test_an_error_of_the_texts_comes_after_the_answers(start, make_fast_nlp):
    def texts():
        yield from ["Ida"] * 3
        raise KeyError("the source is gone")

    found = []
    with pytest.raises(KeyError, match="the source is gone"):
        for answer in start(make_fast_nlp()).client().stream(texts()):
            found.append(answer)
    assert len(found) == 3
    with pytest.raises(TypeError):
        list(start(make_fast_nlp()).client().stream([{"text": "Ida", "id": object()}]))


def test_a_stream_that_is_closed_reads_no_more_texts(start, make_fast_nlp):
    running, read = start(make_fast_nlp()), []

    def texts():
        for number in range(100_000):
            read.append(number)
            yield "Ida"

    stream = running.client().stream(texts())
    next(stream)
    stream.close()
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "texts of a stream"])
    assert len(read) < 200
    wait_until(lambda: running.service.active == 0)


def test_long_texts_of_a_stream(start, make_fast_nlp, monkeypatch):
    """More bytes than the server reads ahead, while its answers fill the connection."""
    monkeypatch.setattr("spacy_mre.serving.streams.BYTES", 10_000)
    client = start(make_fast_nlp(), max_bytes=10_000).client()
    found = list(client.stream(["Ida " * 2_000] * 40, select=["entities"]))
    assert [len(answer["entities"]) for answer in found] == [2_000] * 40


def find_names(client, texts):
    """RETURNS (list[str]): The name that is found in each text, which are asked one by one."""
    return [client.analyse(text)[0]["entities"][0]["text"] for text in texts]


def test_a_pickled_client_asks_with_the_same_settings(answering):
    url, left = answering(FINE, FINE)
    client = Client(url, "secret", timeout=7, patience=3)
    assert client.labels() == {"a": {}}
    for copied in (pickle.loads(pickle.dumps(client)), copy.deepcopy(client)):
        assert (copied.url, copied.timeout, copied.patience) == (client.url, 7, 3)
        assert copied._headers == client._headers == {"Authorization": "Bearer secret"}
    assert copied.labels() == {"a": {}} and not left
    assert pickle.loads(pickle.dumps(Client(url)))._headers == {}


def test_forked_processes_have_their_own_connections(start, make_fast_nlp):
    """A process that reads from the connection of another one gets the answer to the other's text."""
    client = start(make_fast_nlp()).client()
    wanted = [["Ida", "Lima"][number % 2 :] + ["Ida", "Lima"] * 3 for number in range(4)]
    assert find_names(client, ["Ida"]) == ["Ida"]
    kept = client._of_thread.kept[1].sock
    assert sorted(in_forks(lambda number: find_names(client, wanted[number]), 4)) == sorted(wanted)
    # The connection of the parent is as it was.
    assert find_names(client, ["Lima", "Ida"]) == ["Lima", "Ida"]
    assert client._of_thread.kept[1].sock is kept


def test_a_forked_process_does_not_end_a_stream(start, make_fast_nlp):
    stream = start(make_fast_nlp()).client().stream(["Ida", "Lima"] * 100)
    assert next(stream)["entities"][0]["text"] == "Ida"
    assert in_forks(lambda number: stream.close(), 2) == [None, None]
    assert [found["entities"][0]["text"] for found in stream] == (["Lima", "Ida"] * 100)[:199]
