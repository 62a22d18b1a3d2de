"""Production speaks https only."""

from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.types import Receive, Scope, Send


class HttpsOnlyMiddleware(HTTPSRedirectMiddleware):
    """Redirects plain http, but for the health checks that a container makes of itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection (ASGI)."""
        if scope.get("path", "").startswith("/health/"):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
