"""The outermost layer: every request enters and every answer leaves through it."""

from starlette.datastructures import Headers
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
        self._app = app
        self._services = services
        self._is_production = services.settings.production
        self._max_body_bytes = services.settings.max_body_bytes
        self._forwarding = Forwarding()
        #{% if cookiecutter.frontend == "html" %}
        self._is_strict = services.settings.session_samesite == "strict"
        #{% endif %}
        self._trusted_origins = frozenset(services.settings.trusted_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._forwarding.check(scope)
        visit = Visit(scope, self._services)
        scope["app.visit"] = visit
        security_log.address.set(sender_of(scope))
        encrypted = self._is_production and scope["scheme"] == "https"

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
                present = {name for name, _ in headers}
                headers += [header for header in SECURITY_HEADERS if header[0] not in present]
                if encrypted:
                    headers.append(STRICT_TRANSPORT_SECURITY)
                visit.write_headers(headers)
                message["headers"] = headers
            await send(message)

        answer = self._answer(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """Return the answer to what must not reach the app."""
        reason = refusal(
            # A socket is a way to change things, though its handshake is a GET.
            method=scope["method"] if scope["type"] == "http" else "CONNECT",
            # The Origin of a page that opens a socket is spelled with the scheme of the page.
            scheme=scope["scheme"].replace("ws", "http"),
            headers=Headers(scope=scope),
            trusted_origins=self._trusted_origins,
        )
        if reason:
            security_log.event("malicious_cors", warning=True, reason=reason)
            detail = texts.REFUSED.format(reason)
            return error_response(HTTPConnection(scope), 403, detail)
        if self._is_too_large(scope):
            return error_response(HTTPConnection(scope), 413, texts.TOO_LARGE)
        #{% if cookiecutter.frontend == "html" %}
        if self._is_strict and scope["type"] == "http":
            request = Request(scope)
            if is_followed_link(request):
                return open_once_more(request)
        #{% endif %}
        return None

    def _is_too_large(self, scope: Scope) -> bool:
        """Whether a request announces a body over the limit. The framework counts what comes."""
        for name, value in scope["headers"]:
            if name == b"content-length":
                # Twenty digits say enough, and cost no time to read.
                return value.isdigit() and int(value[:20]) > self._max_body_bytes
        return False
