"""Which hosts and schemes are answered.

Health checks are answered to anybody: a container or a load balancer calls an address, over plain
http, and what they are told is the same for all.
"""

from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Receive, Scope, Send

HEALTH = "/health/"


class KnownHostsMiddleware(TrustedHostMiddleware):
    """Refuses Host headers that the settings do not name."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection (ASGI)."""
        if scope.get("path", "").startswith(HEALTH):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class HttpsOnlyMiddleware(HTTPSRedirectMiddleware):
    """Redirects plain http."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection (ASGI)."""
        if scope.get("path", "").startswith(HEALTH):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
