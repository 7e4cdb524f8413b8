"""Streams over HTTPS, through a proxy, as in front of a server."""

import asyncio
import shutil
import sqlite3
import ssl
import subprocess
import threading
from contextlib import suppress

import pytest

from spacy_mre.serving.client import Client
from tests.serving.running import in_forks, in_thread, wait_until

NAMES = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """Starts a proxy with a certificate that clients trust."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    subprocess.run([*new, "-keyout", key, "-out", certificate, *NAMES], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def pass_on(source, target):
        with suppress(OSError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        target.close()

    def begin(running):
        async def serve(reader, writer):
            behind, before = await asyncio.open_connection("127.0.0.1", running.port)
            await asyncio.gather(pass_on(reader, before), pass_on(behind, writer))

        made = asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        server = asyncio.run_coroutine_threadsafe(made, loop).result(20)
        return Client(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=20)

    yield begin
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)


def test_both_directions_at_once(start, make_fast_nlp, secure, monkeypatch):
    """More bytes than the server and the connection hold, in both directions."""
    monkeypatch.setattr("spacy_mre.serving.streams.BYTES", 10_000)
    client = secure(start(make_fast_nlp(), max_bytes=10_000))
    assert client.analyse("Ida")[0]["entities"][0]["text"] == "Ida"
    found = list(client.stream(["Ida " * 2_000] * 100, select=["entities"]))
    assert [len(answer["entities"]) for answer in found] == [2_000] * 100
    texts = [f"Ida {i}" for i in range(2_000)]
    found = list(client.stream({"text": text, "id": i} for i, text in enumerate(texts)))
    assert [answer["id"] for answer in found] == list(range(2_000))


def test_an_answer_does_not_wait_for_the_next_text(start, make_fast_nlp, secure):
    go_on = threading.Event()

    def texts():
        yield "Ida"
        assert go_on.wait(20)
        yield "Lima"

    running = start(make_fast_nlp())
    stream = secure(running).stream(texts())
    assert in_thread(next, stream).result(20)["entities"][0]["text"] == "Ida"
    go_on.set()
    assert [found["entities"][0]["text"] for found in stream] == ["Lima"]
    wait_until(lambda: running.service.active == 0)


def test_forked_processes(start, make_fast_nlp, secure):
    client = secure(start(make_fast_nlp()))

    def find(text):
        return client.analyse(text)[0]["entities"][0]["text"]

    assert find("Ida") == "Ida"
    kept = client._of_thread.kept[1].sock
    assert in_forks(lambda number: [find("Lima"), find("Ida")], 3) == [["Lima", "Ida"]] * 3
    assert find("Lima") == "Lima" and client._of_thread.kept[1].sock is kept


def test_a_source_of_one_thread(start, make_fast_nlp):
    client = start(make_fast_nlp()).client()
    for anywhere in (False, True):
        database = sqlite3.connect(":memory:", check_same_thread=not anywhere)
        rows = database.execute("SELECT 'Ida' UNION ALL SELECT 'Lima'")
        stream = client.stream(text for (text,) in rows)
        if anywhere:
            assert [found["entities"][0]["text"] for found in stream] == ["Ida", "Lima"]
        else:
            with pytest.raises(sqlite3.ProgrammingError, match="thread"):
                list(stream)
        database.close()


def test_a_closed_stream_has_no_thread(start, make_fast_nlp):
    def texts():
        while True:
            yield "Ida"

    stream = start(make_fast_nlp()).client().stream(texts())
    next(stream)
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "texts of a stream"]
