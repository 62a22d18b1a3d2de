"""The outermost layer: every request enters and every answer leaves through it."""

from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
#{% if cookiecutter.frontend == "html" %}
from starlette.requests import HTTPConnection, Request
#{% else %}
from starlette.requests import HTTPConnection
#{% endif %}
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import security_log, texts
from app.services import Services
from app.web.answers import error_response
from app.web.forwarding import Forwarding
from app.web.headers import SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY
#{% if cookiecutter.frontend == "html" %}
from app.web.links import is_followed_link, open_once_more
#{% endif %}
from app.web.origin import refusal
from app.web.visit import Visit, sender_of


class Edge:
    """Refuses what another site caused, and puts the headers on every answer.

    It is outside of the framework's own layers, whose 413 and 500 would miss them otherwise.
    """

    def __init__(self, app: ASGIApp, services: Services) -> None:
        settings = services.settings
        self._app = app
        self._services = services
        self._is_production = settings.production
        self._max_body_bytes = settings.max_body_bytes
        self._counting_app = RequestBodyLimitMiddleware(app, settings.max_body_bytes)
        self._forwarding = Forwarding()
        #{% if cookiecutter.frontend == "html" %}
        self._is_strict = settings.session_samesite == "strict"
        #{% endif %}
        self._trusted_origins = frozenset(settings.trusted_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._forwarding.check(scope)
        sender = sender_of(scope)
        security_log.address.set(sender)
        visit = Visit(scope["headers"], sender, self._services)
        scope["app.visit"] = visit
        encrypted = self._is_production and scope["scheme"] == "https"

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
                visit.write_headers(headers)
                present = {name for name, _ in headers}
                headers += [header for header in SECURITY_HEADERS if header[0] not in present]
                if encrypted:
                    headers.append(STRICT_TRANSPORT_SECURITY)
                message["headers"] = headers
            await send(message)

        # Counting costs as much as all else here, so it is for bodies alone.
        size = _announced_size(scope)
        app = self._app if size == 0 else self._counting_app
        answer = self._answer(scope, size) or app
        await answer(scope, receive, send_with_headers)

    def _answer(self, scope: Scope, size: int | None) -> Response | None:
        """Return the answer to what must not reach the app."""
        reason = refusal(
            # A socket is a way to change things, though its handshake is a GET.
            method=scope["method"] if scope["type"] == "http" else "CONNECT",
            # The Origin of a page that opens a socket is spelled with the scheme of the page.
            scheme=scope["scheme"].replace("ws", "http"),
            headers=Headers(raw=scope["headers"]),
            trusted_origins=self._trusted_origins,
        )
        if reason:
            security_log.event("malicious_cors", warning=True, reason=reason)
            detail = texts.REFUSED.format(reason)
            return error_response(HTTPConnection(scope), 403, detail)
        if size and size > self._max_body_bytes:
            return error_response(HTTPConnection(scope), 413, texts.TOO_LARGE)
        #{% if cookiecutter.frontend == "html" %}
        if self._is_strict and scope["type"] == "http":
            request = Request(scope)
            if is_followed_link(request):
                return open_once_more(request)
        #{% endif %}
        return None


def _announced_size(scope: Scope) -> int | None:
    """Return how many bytes of body a request announces, or None when it does not say.

    RFC 9112, 6.3: without either of the two headers there is none. HTTP/2 wants neither.
    """
    size = 0 if scope.get("http_version", "1.1").startswith("1.") else None
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            # Twenty digits say enough, and cost no time to read.
            return int(value[:20])
        if name == b"transfer-encoding":
            size = None
    return size
