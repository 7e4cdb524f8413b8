"""What holds for all requests: the token, headers, counts, and a line in the log without any text."""

import hmac
import logging
from time import perf_counter
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answers import to_json
from .service import Gone, Service
from .settings import is_loopback

OPEN = ("/health", "/ready")
PATHS = (*OPEN, "/analyse", "/stream", "/labels", "/metrics", "/openapi.json")
# What nginx calls a request whose client has closed the connection.
CLIENT_GONE = 499
EVERYWHERE = ("0.0.0.0", "::")
FOREIGN = (
    403,
    "without a token, requests of pages of other sites, and to another Host, are refused; set a token, or let a proxy "
    "leave Host as it is",
)
NO_TOKEN = 401, "give the token: Authorization: Bearer TOKEN"
log = logging.getLogger("spacy_mre.serving")


class Guard:
    """Middleware around an application.

    app (ASGIApp): The application.
    service (Service): Has the token, the metrics, and the number of active requests.
    """

    headers: tuple[tuple[bytes, bytes], ...] = (
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    )

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, started = CLIENT_GONE, perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *self.headers]}
            await send(message)

        self.service.active += 1
        try:
            refusal = self.refuse(scope)
            if refusal is None:
                await self.app(scope, receive, watched)
            else:
                await send_error(watched, *refusal)
        except Gone:
            status = CLIENT_GONE
        except Exception as err:
            # Without the message, which can quote a text.
            log.error("internal error: %s at %s", type(err).__name__, place_of(err))
            if status == CLIENT_GONE:
                await send_error(watched, 500, "internal error")
            else:
                status = 500
        finally:
            self.record(scope, status, perf_counter() - started)
            self.service.active -= 1

    def refuse(self, scope: Scope) -> tuple[int, str] | None:
        """Decide whether a request is answered.

        scope (Scope): The request.
        RETURNS (Optional[tuple[int, str]]): The status code and the reason if it is not.
        """
        settings = self.service.settings
        if scope["path"] in OPEN:
            return None
        if settings.token is None and not is_own(scope, settings.host):
            self.service.metrics.rejected.labels("origin").inc()
            return FOREIGN
        if has_token(scope, settings.token):
            return None
        self.service.metrics.rejected.labels("token").inc()
        return NO_TOKEN

    def record(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that was answered, and write a line about it.

        scope (Scope): The request.
        status (int): The status code.
        seconds (float): How long it took.
        """
        # Any other path can have anything in it.
        path = scope["path"] if scope["path"] in PATHS else "other"
        self.service.metrics.requests.labels(path, str(status)).inc()
        self.service.metrics.seconds.labels(path).observe(seconds)
        level = logging.DEBUG if path in OPEN or path == "/metrics" else logging.INFO
        log.log(level, "%s %s %d %.0f ms", scope["method"] if path != "other" else "-", path, status, seconds * 1000)


def has_token(scope: Scope, token: str | None) -> bool:
    """Whether a request may be answered.

    scope (Scope): The request.
    token (Optional[str]): What clients must send; None for nothing.
    RETURNS (bool): True if it has the token, or none is wanted.
    """
    if token is None:
        return True
    given = dict(scope["headers"]).get(b"authorization", b"")
    scheme, _, value = given.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(value.strip(), token.encode("ascii"))


def is_own(scope: Scope, host: str) -> bool:
    """Whether a request was made for this server, by a page of this server or by a program.

    A page of another site can make a browser ask under a name of its own, which it lets point to this machine (DNS
    rebinding), or ask directly; then Host or Origin is foreign.

    scope (Scope): The request.
    host (str): The address that the server listens on. One that stands for all addresses goes by any name: then the
        token decides.
    RETURNS (bool): True if Host is the address, and Origin, if there is one, is the same.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1:
        return False
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    own = [b"http://" + hosts[0], b"https://" + hosts[0]]
    if any(origin not in own for origin in origins):
        return False
    try:
        name = urlsplit(b"//" + hosts[0]).hostname or b""
    except ValueError:
        return False
    asked = name.decode("ascii", "replace")
    return host in EVERYWHERE or asked == host or (is_loopback(host) and is_loopback(asked))


async def send_error(send: Send, status: int, reason: str) -> None:
    """Answer with an error.

    send (Send): Sends a message to the client.
    status (int): The status code.
    reason (str): For people.
    """
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": to_json({"error": reason})})


def place_of(err: Exception) -> str:
    """RETURNS (str): The file and line where an error was raised."""
    place = err.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return "" if place is None else f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}"
