"""A client for the server. It needs no extra of the package."""

import json
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR
from threading import local
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from ..errors import Errors
from .feeding import Feeder
from .tls import SharedSocket, make_context

# What a header can contain: a proxy may want other tokens than the server has.
SENDABLE = re.compile("[!-~]+")
# The server is busy, or not ready yet.
BUSY = (429, 503)
# Lines of a stream without an answer yet. Fewer than the server reads ahead, so that neither waits for the other.
AHEAD = 64
Analysis = dict[str, Any]
Offsets = Literal["characters", "utf16"]


class ServingError(ValueError):
    """The server gave no answer, or an error.

    status (int): The status code; 0 if there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Asks a server for analyses. Several threads can use one, and so can processes: forked ones, and others
    with a pickled copy, which contains the token.

    url (str): Where the server is, "http://127.0.0.1:8000" for example.
    token (Optional[str]): The token of the server. Default: None.
    timeout (float): Seconds to wait for an answer. Default: 60.
    patience (float): Seconds for which a request is sent again while the server is busy or not ready. Default: 60.
    RAISES (ValueError): If the address is none, or no header can contain the token.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 60.0, patience: float = 60.0) -> None:
        is_secure, self._host, self._port, self._path = _split(url)
        if token and not SENDABLE.fullmatch(token):
            raise ValueError(Errors.M752)
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.patience = patience
        self._tls = make_context() if is_secure else None
        self._of_thread = local()
        self._token = token
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __reduce__(self) -> tuple[Callable[..., "Client"], tuple[str, str | None]]:
        """A copy has connections of its own."""
        return partial(type(self), timeout=self.timeout, patience=self.patience), (self.url, self._token)

    def analyse(
        self,
        texts: str | Sequence[str],
        model: str | None = None,
        select: Collection[str] | None = None,
        *,
        offsets: Offsets = "characters",
    ) -> list[Analysis]:
        """Analyse texts.

        texts (str | Sequence[str]): The texts, or a single one.
        model (Optional[str]): The name of the pipeline. Default: the first one of the server.
        select (Optional[Collection[str]]): Which of "entities", "relations" and "cats" to answer. Default: all.
        offsets (Literal): Whether offsets count "characters" or "utf16" code units. Default: "characters".
        RETURNS (list[dict[str, Any]]): The analysis of each text, in order; with an "error" if it has none.
        RAISES (ServingError): If the server gives no answer, or an error.
        """
        body: dict[str, Any] = {"texts": [texts] if isinstance(texts, str) else list(texts), "offsets": offsets}
        if model is not None:
            body["model"] = model
        if select is not None:
            body["select"] = list(select)
        results = self._ask("POST", "/analyse", json.dumps(body).encode("ascii")).get("results")
        if not isinstance(results, list) or len(results) != len(body["texts"]):
            raise _not_of_server(self.url)
        return results

    def labels(self) -> dict[str, dict[str, list[str]]]:
        """Ask what the pipelines can find.

        RETURNS (dict[str, dict[str, list[str]]]): The labels of "entities", "relations" and "cats" of each pipeline.
        RAISES (ServingError): If the server gives no answer, or an error.
        """
        return self._ask("GET", "/labels")

    def stream(
        self,
        texts: Iterable[str | Mapping[str, Any]],
        model: str | None = None,
        select: Collection[str] | None = None,
        *,
        offsets: Offsets = "characters",
    ) -> Iterator[Analysis]:
        """Analyse any number of texts over one connection. The next texts are read in a thread while others are
        analysed, so an answer does not wait for the text after it.

        texts (Iterable[str | Mapping[str, Any]]): Texts, or dicts with a "text" and an "id". They are iterated in the
            other thread: what belongs to one thread, as a cursor of sqlite3 does, has to be a list, or to be opened
            with `check_same_thread=False`. If the stream is closed while it waits for a text, that text is still read.
            An error of theirs is raised after the answers to the texts before it.
        model (Optional[str]): The name of the pipeline. Default: the first one of the server.
        select (Optional[Collection[str]]): Which of "entities", "relations" and "cats" to answer. Default: all.
        offsets (Literal): Whether offsets count "characters" or "utf16" code units. Default: "characters".
        YIELDS (dict[str, Any]): The analysis of each text with its "id", in order; with an "error" if it has none.
        RAISES (ServingError): If the server gives no answer, or an error, or ends before all texts are analysed.
        """
        query = {"offsets": offsets, "model": model, "select": None if select is None else ",".join(select)}
        path = "/stream?" + urlencode({name: value for name, value in query.items() if value is not None})
        connection, response = self._open_stream(path)
        try:
            yield from _exchange(self.url, connection, response, texts)
        finally:
            connection.close()

    def _open_stream(self, path: str) -> tuple[HTTPConnection, HTTPResponse]:
        # The server answers the head before the body, so a stream that is refused has read no texts yet.
        def send() -> tuple[HTTPConnection, HTTPResponse, bytes]:
            connection = self._connection()
            connection.putrequest("POST", self._path + path)
            headers = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked", **self._headers}
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return connection, response, b"" if response.status == 200 else response.read()

        connection, response, _ = self._repeat(send)
        return connection, response

    def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        headers = {**self._headers, **({} if body is None else {"Content-Type": "application/json"})}

        def send() -> tuple[HTTPConnection, HTTPResponse, bytes]:
            connection, is_new = self._kept()
            try:
                # A server can refuse a body before it has read it. Its reason is there to read.
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, self._path + path, body, headers)
                response = connection.getresponse()
                return connection, response, response.read()
            except (OSError, HTTPException) as err:
                connection.close()
                del self._of_thread.kept
                # The server closes connections that were not used for some seconds.
                if is_new or isinstance(err, TimeoutError):
                    raise
                return send()

        return _read_object(self.url, self._repeat(send)[2])

    def _kept(self) -> tuple[HTTPConnection, bool]:
        """The connection that this thread keeps, and whether it is new."""
        # With the process, because one that was forked would read the answers to others.
        kept: tuple[int, HTTPConnection] | None = getattr(self._of_thread, "kept", None)
        if kept is not None:
            owner, connection = kept
            if owner == os.getpid():
                return connection, False
            connection.close()  # here only: it stays open for the process that opened it
        connection = self._connection()
        self._of_thread.kept = os.getpid(), connection
        return connection, True

    def _connection(self) -> HTTPConnection:
        if self._tls is None:
            return HTTPConnection(self._host, self._port, timeout=self.timeout)
        return HTTPSConnection(self._host, self._port, timeout=self.timeout, context=self._tls)

    def _repeat(self, send: Callable[[], tuple[HTTPConnection, HTTPResponse, bytes]]) -> Any:
        """Send a request until the server is not busy."""
        end = time.monotonic() + self.patience
        while True:
            try:
                connection, response, body = send()
            except (OSError, HTTPException) as err:
                raise _no_answer(self.url, str(err) or type(err).__name__) from None
            if response.status == 200:
                return connection, response, body
            pause = _pause(response)
            if response.status not in BUSY or time.monotonic() + pause > end:
                reason = _reason(body) or response.reason
                message = Errors.M761.format(url=self.url, status=response.status, reason=reason)
                raise ServingError(message, response.status)
            time.sleep(pause)


def _split(url: str) -> tuple[bool, str, int | None, str]:
    """Whether an address has TLS, and its host, port and path."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.path.isascii():
            parts.hostname.encode("idna")  # as it is looked up
            return parts.scheme == "https", parts.hostname, parts.port, parts.path.rstrip("/")
    except ValueError:
        pass
    raise ValueError(Errors.M760.format(url=url, reason="it is not an address such as http://127.0.0.1:8000"))


def _no_answer(url: str, reason: str) -> ServingError:
    return ServingError(Errors.M760.format(url=url, reason=reason))


def _not_of_server(url: str) -> ServingError:
    """The error for an answer of something else, such as the page of a proxy that asks for a password."""
    return _no_answer(url, "what came is not an answer of the server")


def _read_object(url: str, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _not_of_server(url)
    return found


def _pause(response: HTTPResponse) -> float:
    given = response.getheader("Retry-After", "")
    return float(given) if given.isdecimal() else 1.0


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _exchange(
    url: str, connection: HTTPConnection, response: HTTPResponse, texts: Iterable[str | Mapping[str, Any]]
) -> Iterator[Analysis]:
    """Send lines, and read answers as soon as they are there."""
    received, owner = 0, os.getpid()
    connection.auto_open = 0  # a line must not open another connection
    if isinstance(connection.sock, SharedSocket):
        connection.sock.share()
    feeder = Feeder(texts, connection.send, AHEAD)
    feeder.start()
    try:
        while feeder.wait():
            found = _read_line(url, response, received)
            received += 1
            feeder.count_answer()
            yield found
        if feeder.error is not None:
            raise feeder.error
        if feeder.is_cut:
            _read_line(url, response, received)  # what was answered in place of answers
            raise ServingError(Errors.M762.format(count=received))
    finally:
        if os.getpid() == owner:  # a process that was forked meanwhile must not end the stream
            feeder.stop()
            if connection.sock is not None:
                with suppress(OSError):  # the thread may be sending
                    connection.sock.shutdown(SHUT_RDWR)
            feeder.end()


def _read_line(url: str, response: HTTPResponse, received: int) -> Analysis:
    begin = line = b""
    with suppress(OSError, HTTPException):
        begin = response.read(1)  # by itself: the connection may break off within the line
        line = begin + response.readline()
    if begin not in (b"", b"{"):
        raise _not_of_server(url)
    if not line.endswith(b"\n"):
        raise ServingError(Errors.M762.format(count=received))
    found = _read_object(url, line)
    if found.get("stopped"):  # no answer, but where to go on
        raise ServingError(Errors.M762.format(count=received))
    return found
