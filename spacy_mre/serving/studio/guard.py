"""What holds for all requests to a studio: who may ask, and what the page may load."""

from urllib.parse import urlsplit

from starlette.types import Scope

from ..guard import NO_TOKEN, Guard, has_token
from ..settings import is_loopback

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The page itself has nothing secret, and a browser cannot send a token with it.
GUARDED = "/studio/"
EVERYWHERE = ("0.0.0.0", "::")


class StudioGuard(Guard):
    """Middleware around a studio."""

    headers = (
        *Guard.headers,
        (b"content-security-policy", POLICY.encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
    )

    def refuse(self, scope: Scope) -> tuple[int, str] | None:
        """See `Guard.refuse`."""
        settings = self.service.settings
        if not is_own(scope, settings.host):
            return 403, "the request does not come from the page of this studio"
        return NO_TOKEN if scope["path"].startswith(GUARDED) and not has_token(scope, settings.token) else None

    def record(self, scope: Scope, status: int, seconds: float) -> None:
        """Nobody measures a studio."""


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
