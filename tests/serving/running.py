"""A component that records batches, and servers on real sockets in a thread."""

import asyncio
import json
import multiprocessing
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from http.client import HTTPConnection

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spacy_mre.serving.client import Client
from spacy_mre.serving.server import Server, listen, url_of

PATTERNS = [{"label": "person", "pattern": "Ida"}, {"label": "place", "pattern": "Lima"}]


class Spy:
    """A component that records the texts of each batch, and can hold a batch back.

    batches (list[list[str]]): The texts of each batch that has begun.
    """

    def __init__(self):
        self.batches = []
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Semaphore(0)

    def __call__(self, doc):
        return next(self.pipe([doc]))

    def pipe(self, docs, batch_size=0):
        docs = list(docs)
        self.batches.append([doc.text for doc in docs])
        self.begun.release()
        assert self.open.wait(20)
        for doc in docs:
            if "fail" in doc.text:
                raise ValueError("this text fails")
        yield from docs


class Running:
    """A server in a thread.

    url (str): Where it is.
    service (Service): Its pipelines.
    server (Server): The server.
    """

    def __init__(self, service, app=None):
        self.service = service
        self.listener = listen("127.0.0.1", 0)
        self.url = url_of(self.listener)
        self.port = self.listener.getsockname()[1]
        self.server = Server(service, app)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def waiting(self):
        """RETURNS (Waiting): The texts that wait for the first pipeline."""
        return next(iter(self.service.pipelines.values())).waiting

    def settle(self):
        """Wait until all requests are counted, which they are after their last byte."""
        wait_until(lambda: self.service.active == 0)

    def count(self, name, **labels):
        """RETURNS (float): A value of the metrics, read as Prometheus does."""
        text = self.service.metrics.read().decode()
        families = text_string_to_metric_families(text)
        (value,) = [s.value for family in families for s in family.samples if (s.name, s.labels) == (name, labels)]
        return value

    def _run(self):
        asyncio.run(self.server.serve(sockets=[self.listener]))

    def client(self, **settings):
        return Client(self.url, **{"timeout": 20, **settings})


def wait_until(condition, seconds=20):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never held"
        time.sleep(0.005)


def ask(running, method, path, body=None, headers=None):
    """RETURNS (tuple[int, dict, Any]): The status, the headers with small letters, and the JSON of an answer."""
    connection = HTTPConnection("127.0.0.1", running.port, timeout=20)
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # it is refused before it is read
            connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        content = response.read()
        is_json = response.headers["content-type"] == "application/json"
        known = {name.lower(): value for name, value in response.getheaders()}
        return response.status, known, json.loads(content) if is_json else content
    finally:
        connection.close()


def in_thread(function, *arguments, **settings):
    """RETURNS (Future): Of a function that runs in a new thread."""
    future = Future()

    def run():
        try:
            future.set_result(function(*arguments, **settings))
        except BaseException as err:
            future.set_exception(err)

    threading.Thread(target=run, daemon=True).start()
    return future


def in_forks(function, count):
    """Run a function in forked processes, all at once.

    function (Callable): Called with the number of each process.
    count (int): How many.
    RETURNS (list): What they return, or the text of their errors.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("needs processes that are forked")
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(count), context.SimpleQueue()

    def work(number):
        barrier.wait(20)
        try:
            queue.put(function(number))
        except Exception as err:
            queue.put(repr(err))

    processes = [context.Process(target=work, args=(number,), daemon=True) for number in range(count)]
    for process in processes:
        process.start()
    found = [queue.get() for _ in processes]
    for process in processes:
        process.join(20)
    return found


def hold(running, nlp, text="first"):
    """Hold back a batch, until `nlp.spy.open` is set."""
    nlp.spy.open.clear()
    future = in_thread(ask, running, "POST", "/analyse", {"text": text})
    assert nlp.spy.begun.acquire(timeout=20)
    return future
