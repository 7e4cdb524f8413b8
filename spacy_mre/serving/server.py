"""Run the server."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from ..errors import Errors
from ..scale.pipelines import check_int8, load_pipeline
from .app import make_app
from .names import name_pipelines
from .service import Service
from .settings import Settings

# Seconds for the last bytes of answers and the last batches, after which the process ends.
LAST = 5


def serve(
    models: Iterable[str],
    settings: Settings,
    *,
    threads: int = 0,
    int8: bool = False,
    on_listen: Callable[[str, list[str]], None] = lambda url, names: None,
) -> None:
    """Serve pipelines until the process is told to stop (SIGTERM or SIGINT).

    models (Iterable[str]): See `name_pipelines`.
    settings (Settings): See there.
    threads (int): Threads of torch for each pipeline. Default: 0 (the processors, shared among the pipelines).
    int8 (bool): Run transformers in int8; pipelines without one run as they are. Default: False.
    on_listen (Callable[[str, list[str]], None]): Called with the URL and the names when the server listens. Default:
        nothing is called.
    RAISES (ValueError): If a pipeline cannot be loaded, none has a transformer for int8, or the server cannot listen.
    """
    named = name_pipelines(models)
    if int8:
        check_int8(named.values())
    loaders = {name: partial(load_pipeline, model, int8=int8) for name, model in named.items()}
    service = Service(loaders, settings, threads=threads)
    listener = listen(settings.host, settings.port)
    on_listen(url_of(listener), list(named))
    server = Server(service)
    asyncio.run(server.serve(sockets=[listener]))
    service.join(server.seconds_left)
    error = service.find_error()
    if error is not None:
        raise error


class Server(uvicorn.Server):
    """Uvicorn's server, which answers the requests that it has before it stops. New ones get 503 meanwhile.

    service (Service): The pipelines.
    app (Optional[ASGIApp]): The application. Default: that of `make_app`.
    """

    def __init__(self, service: Service, app: ASGIApp | None = None) -> None:
        # Lines of its own access log have the whole URL, which can contain anything.
        settings: dict[str, Any] = {"access_log": False, "log_config": None, "server_header": False}
        # Websockets would pass by the token.
        settings |= {"ws": "none", "lifespan": "on", "timeout_graceful_shutdown": LAST}
        config = uvicorn.Config(app or make_app(service), **settings)
        super().__init__(config)
        self.service = service
        self._deadline = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop. A second signal stops at once."""
        self.should_exit = self.force_exit = self.service.is_stopping
        self.stop()

    def stop(self) -> None:
        """Take no more requests, and end when those that wait are answered."""
        if not self.service.is_stopping:
            self.service.is_stopping = True
            self._deadline = time.monotonic() + self.service.settings.timeout

    @property
    def seconds_left(self) -> float:
        """RETURNS (float): How long the last batches may take, now that all connections are closed. The end is the same
        for all pipelines: `LAST` seconds after the time limit of the requests, or at once after a second signal."""
        return 0.0 if self.force_exit else min(max(self._deadline + LAST - time.monotonic(), 0.0), LAST)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second.

        RETURNS (bool): Whether to end.
        """
        if self.service.is_stopping:
            self.service.stopped.set()
            self.should_exit |= not self.service.active or time.monotonic() > self._deadline
        if self.service.find_error() is not None:
            self.should_exit = True
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket of a server.

    host (str): The address.
    port (int): The port; 0 for any that is free.
    RETURNS (socket.socket): The socket.
    RAISES (ValueError): If the address is not one of this machine, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as err:
        raise ValueError(Errors.M755.format(host=host, port=port, reason=err.strerror)) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """RETURNS (str): The URL under which a server is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
