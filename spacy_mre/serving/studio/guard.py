"""What holds for all requests to a studio: who may ask, and what the page may load."""

from starlette.types import Scope

from ..guard import NO_TOKEN, Guard, has_token, is_own

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The page itself has nothing secret, and a browser cannot send a token with it.
GUARDED = "/studio/"


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
