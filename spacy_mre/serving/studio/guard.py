"""What holds for all requests to a studio: who may ask, what the page may load, and a log without any text."""

import logging
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..guard import has_token, place_of, send_error
from ..service import Service
from ..settings import is_loopback

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
# The page itself has nothing secret, and a browser cannot send a token with it.
GUARDED = "/studio/"
EVERYWHERE = ("0.0.0.0", "::")
log = logging.getLogger("spacy_mre.serving")


class Guard:
    """Middleware around a studio.

    app (ASGIApp): The application.
    service (Service): Has the address, the token, and the number of active requests.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        self.service.active += 1
        settings = self.service.settings
        try:
            if not is_own(scope, settings.host):
                await send_error(watched, 403, "the request does not come from the page of this studio")
            elif scope["path"].startswith(GUARDED) and not has_token(scope, settings.token):
                await send_error(watched, 401, "give the token: Authorization: Bearer TOKEN")
            else:
                await self.app(scope, receive, watched)
        except Exception as err:
            # Without the message, which can quote a text.
            log.error("internal error: %s at %s", type(err).__name__, place_of(err))
            if not has_begun:
                await send_error(watched, 500, "internal error")
        finally:
            self.service.active -= 1


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
