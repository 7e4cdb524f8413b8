"""TLS for a stream, whose two directions are two threads."""

import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from threading import Lock
from typing import Any


class SharedSocket(ssl.SSLSocket):
    """A socket on which one thread can send while another receives.

    The state of a connection in OpenSSL must not be used by two threads at once. So they take turns, and none waits
    for the network while it has its turn.
    """

    _turn: AbstractContextManager[Any] | None = None
    _patience: float | None = None

    def share(self) -> None:
        """Let two threads use the socket from now on."""
        self._patience = self.gettimeout()
        self.settimeout(0.0)
        self._turn = Lock()

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Receive bytes, as `socket.recv_into`."""
        return self._take_turns(partial(super().recv_into, buffer, nbytes, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        """Send bytes, as `socket.send`."""
        return self._take_turns(partial(super().send, data, flags))

    def shutdown(self, how: int) -> None:
        """Close the connection, as `socket.shutdown`."""
        if self._turn is None:
            super().shutdown(how)
            return
        with self._turn:
            super().shutdown(how)

    def _take_turns(self, call: Callable[[], int]) -> int:
        if self._turn is None:
            return call()
        while True:
            try:
                with self._turn:
                    return call()
            except ssl.SSLWantReadError:
                event = EVENT_READ
            except ssl.SSLWantWriteError:
                event = EVENT_WRITE
            self._wait(event)

    def _wait(self, event: int) -> None:
        with DefaultSelector() as selector:
            try:
                selector.register(self, event)
            except ValueError:
                raise OSError("the connection is closed") from None
            if not selector.select(self._patience):
                raise TimeoutError("timed out")


def make_context() -> ssl.SSLContext:
    """RETURNS (ssl.SSLContext): The settings of a client that checks certificates. Its sockets are `SharedSocket`."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = SharedSocket
    return context
