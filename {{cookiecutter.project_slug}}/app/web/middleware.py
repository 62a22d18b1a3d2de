"""The outermost layer: every request enters, and every response leaves, through it."""

import asyncio
import logging
import os
import random
import re
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import security_log
from app.origins import MAX_PORT
from app.services import Services
from app.web.csrf import SAFE_METHODS, cross_origin_error
from app.web.errors import ErrorResponse, declares_head, respond_to, with_allow
from app.web.headers import SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY
from app.web.request_body import RequestBody
from app.web.request_session import RawHeaders, RequestSession
from app.web.websocket import SocketMessages

LOGGER = logging.getLogger("app")

# Containers and load balancers call these by IP address and over plain HTTP; the responses are the
# same for everyone.
HEALTH = "/health/"

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:(?P<port>[0-9]{1,5}))?", re.ASCII)
_INSECURE = {"https": "http", "wss": "ws"}


class SecurityMiddleware:
    """Checks origin, host, scheme and size of requests; completes the headers of responses.

    error_response: makes the response for a status and a sentence.
    """

    def __init__(self, app: ASGIApp, services: Services, error_response: ErrorResponse) -> None:
        settings = services.settings
        self._app = app
        self._https_redirect = HTTPSRedirectMiddleware(app)
        self._services = services
        self._error_response = error_response
        self._production = settings.production
        self._hosts = {each for each in settings.allowed_hosts if not each.startswith("*")}
        self._domains = tuple(each[1:] for each in settings.allowed_hosts if each.startswith("*"))
        self._trusted_origins = frozenset(settings.trusted_origins)
        self._max_body_bytes = settings.max_body_bytes
        self._ignores_proxies = "FORWARDED_ALLOW_IPS" not in os.environ
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        is_head = scope["type"] == "http" and scope["method"] == "HEAD"
        # A route may declare it itself.
        if is_head and not declares_head(scope):
            # Responds as GET would, without the content (RFC 9110, 9.3.2).
            scope = {**scope, "method": "GET"}
        # Made here: one that the client sends could be that of another request. It is no secret.
        request_id = f"{random.getrandbits(64):016x}"
        security_log.request_id.set(request_id)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if self._ignores_proxies:
            self._ignore_forwarding(scope, headers)
        ip = client_ip(scope)
        security_log.client_ip.set(ip)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        # An app that is mounted puts itself in its place.
        state["outermost_app"] = scope["app"]
        request_session = RequestSession(scope["headers"], ip, self._services)
        state["request_session"] = request_session
        #{% if cookiecutter.session_backend == "signed-cookie" %}
        if scope["type"] == "websocket":
            # The framework sends no cookie when it accepts one.
            request_session.close_cookie()
        #{% endif %}

        body = RequestBody(scope, headers, receive, self._max_body_bytes)

        async def send_secured(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                if not 200 <= message["status"] < 600:
                    # Some servers drop the connection, others leave the client waiting for more.
                    raise ValueError(f"{message['status']} is not the status of a response.")
                headers = message.get("headers", ())
                if message["status"] == 405:
                    headers = with_allow(headers, _as_entered(scope))
                #{% if cookiecutter.session_backend == "signed-cookie" %}
                if request_session.session:
                    await request_session.session.drop_stale_token()
                #{% endif %}
                message["headers"] = secure_headers(scope, headers)
                if body.is_endless:
                    # Or the server reads on for as long as somebody sends.
                    message["headers"].append((b"connection", b"close"))
                body.is_answered = True
                await send(message)
                if is_head:
                    # At once: there may be no end to the content.
                    await send({"type": "http.response.body"})
            elif is_head:
                # Others have their turn, though nothing is sent.
                await asyncio.sleep(0)
            elif body.is_endless and not message.get("more_body"):
                await send({**message, "more_body": True})
                await body.drain()
                await send({"type": "http.response.body"})
            else:
                await send(message)

        receive_checked, send_checked = body.receive, send_secured
        socket = None
        if scope["type"] == "websocket":
            socket = SocketMessages(scope, receive, send_secured, self._services.clock)
            receive_checked, send_checked = socket.receive, socket.send
        app = self._refusal(scope, headers) or self._app
        try:
            await app(scope, receive_checked, send_checked)
            if socket:
                await socket.end()
        except BaseException as error:
            # The framework's own page, for debugging, needs no headers.
            if body.is_answered or state["outermost_app"].debug or _is_cancelled():
                raise
            # The framework would respond further out, without the headers of this layer, and with
            # 500 to whatever a middleware of yours lets through.
            entered = _as_entered(scope)
            response = await respond_to(error, entered)
            await response(entered, receive, send_checked)
            if not isinstance(error, HTTPException):
                # For the log of the server.
                raise

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> ASGIApp | None:
        """Return what responds to a request that must not reach the app."""
        if scope.get("root_path"):
            # No server tells an app of it earlier than this.
            detail = "This app has to be served at the root of a host, without --root-path."
            LOGGER.error(detail)
            return self._error(scope, 500, detail)
        # A WebSocket can change things, though its handshake is a GET.
        method = scope["method"] if scope["type"] == "http" else "CONNECT"
        if method not in SAFE_METHODS:
            # The Origin of a page that opens a WebSocket has the scheme of the page.
            scheme = scope["scheme"].replace("ws", "http")
            sent = Headers(raw=scope["headers"])
            reason = cross_origin_error(method, scheme, sent, self._trusted_origins)
            if reason:
                security_log.event("malicious_cors", warning=True, reason=reason)
                return self._error(scope, 403, f"This request was refused: {reason}.")
        if b"content-length" in headers and b"transfer-encoding" in headers:
            # A proxy and the server may disagree on where the body ends (RFC 9112, 6.1).
            return self._error(scope, 400, "The length of this request was announced twice.")
        if scope["path"].startswith(HEALTH):
            return None
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._is_allowed(hosts[0].decode("latin-1")):
            return self._error(scope, 400, "This app does not answer to that Host header.")
        if self._production and scope["scheme"] in ("http", "ws"):
            return self._https_redirect
        return None

    def _error(self, scope: Scope, status: int, detail: str) -> Response:
        return self._error_response(HTTPConnection(scope), status, detail)

    def _is_allowed(self, host: str) -> bool:
        if host in self._hosts:
            return True
        parts = _HOST.fullmatch(host.lower())
        # A port that there is not would lead a redirect to the address of this server.
        if parts is None or int(parts["port"] or 0) > MAX_PORT:
            return False
        return parts["name"] in self._hosts or parts["name"].endswith(self._domains)

    def _ignore_forwarding(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Undo what uvicorn has read from forwarding headers without being configured to.

        uvicorn trusts them from this machine unless FORWARDED_ALLOW_IPS says otherwise. Anyone
        who reaches the port through a tunnel or a careless proxy could choose an address, and evade
        the rate limit with each new one (ASVS 5.0 4.1.3).
        """
        is_forwarded = b"x-forwarded-proto" in headers or b"x-forwarded-for" in headers
        # Through a Unix socket, it believes nobody.
        if not is_forwarded or scope.get("client") is None:
            return
        if b"x-forwarded-proto" in headers:
            scope["scheme"] = _INSECURE.get(scope["scheme"], scope["scheme"])
        host, port = scope["client"]
        claimed = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        # Whoever names their own port as well cannot be told from whom uvicorn has believed: their
        # address is nobody's, and no new one with each request.
        own = host.encode("latin-1", "replace")
        # In any spelling of the port that uvicorn takes for one.
        spellings = (own + b":", own + b"]:") if port else (own,)
        if any(spelling in value for value in claimed for spelling in spellings):
            scope["client"] = None if port else ("127.0.0.1", 0)
        if not self._has_warned:
            LOGGER.warning("X-Forwarded-* is ignored: FORWARDED_ALLOW_IPS does not name a proxy.")
            self._has_warned = True


def secure_headers(scope: Scope, headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Return the headers of a response with those of its session and those of every response."""
    secured = list(headers)
    request_session: RequestSession = scope["state"]["request_session"]
    request_session.write_headers(secured)
    present = {name for name, _ in secured}
    secured += [each for each in SECURITY_HEADERS if each[0] not in present]
    if b"x-request-id" not in present:
        secured.append((b"x-request-id", scope["state"]["request_id"].encode()))
    if request_session.services.settings.production and scope["scheme"] in ("https", "wss"):
        secured.append(STRICT_TRANSPORT_SECURITY)
    return secured


def _as_entered(scope: Scope) -> Scope:
    """Return the scope as it has entered: an app that is mounted has put itself into it."""
    return {**scope, "app": scope["state"]["outermost_app"], "root_path": ""}


def _is_cancelled() -> bool:
    """Whether the request is to end, and not only something that it has waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def client_ip(scope: Scope) -> str:
    """Return the address that a request comes from."""
    ip: str = scope["client"][0] if scope.get("client") else "local"
    return ip[:45]
