"""Which hosts and schemes are answered.

Health checks are answered to anybody: a container or a load balancer calls an address, over plain
http, and what they are told is the same for all.
"""

from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings

HEALTH = "/health/"


class TransportMiddleware:
    """Refuses Host headers that the settings do not name and, in production, plain http."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = frozenset(host.encode() for host in settings.allowed_hosts)
        self._schemes = {"https", "wss"} if settings.production else {"http", "ws", "https", "wss"}
        self._checking_app = TrustedHostMiddleware(
            HTTPSRedirectMiddleware(app) if settings.production else app,
            allowed_hosts=settings.allowed_hosts,
            www_redirect=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection (ASGI)."""
        answer = self._app if self._is_plainly_right(scope) else self._checking_app
        await answer(scope, receive, send)

    def _is_plainly_right(self, scope: Scope) -> bool:
        """Whether nothing is left to check: neither a port, nor a pattern, nor the scheme."""
        if scope["type"] == "lifespan" or scope["path"].startswith(HEALTH):
            return True
        host = next((value for name, value in scope["headers"] if name == b"host"), None)
        return host in self._hosts and scope["scheme"] in self._schemes
