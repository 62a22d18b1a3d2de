"""Maps errors to responses."""

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.routing import iter_route_contexts
from fastapi.utils import is_body_allowed_for_status_code
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Scope

from app.errors import AppError, StoreUnavailable
from app.models import User
from app.sessions.session import SessionEnded
#{% if cookiecutter.totp or cookiecutter.passkeys %}
from app.users.factors import StrongerFactorRequired
#{% endif %}
from app.web.headers import SECURITY_HEADERS
from app.web.request_session import RawHeaders, RequestSession, get_request_session
from app.web.websocket import close_unauthorised

LOGGER = logging.getLogger("app")

FAILED = "Something went wrong. Try again later."

ErrorResponse = Callable[..., Response]


def json_error(
    _: HTTPConnection, status: int, detail: object, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error as JSON. detail: a sentence, or a list of what is wrong."""
    if not is_body_allowed_for_status_code(status):
        # The server would drop the connection, which a proxy may share among many people.
        return Response(status_code=status, headers=headers)
    return JSONResponse({"detail": detail}, status, headers)


def validation_detail(error: AppError) -> list[dict[str, object]]:
    """Return an error in the format of FastAPI's own validation errors."""
    return [{"type": "value_error", "loc": ["body"], "msg": str(error)}]


def headers_of(connection: HTTPConnection, error: HTTPException) -> Mapping[str, str]:
    """Return the headers of an error: a 401 says how to sign in, here if not elsewhere."""
    headers = Headers(error.headers or {})
    if error.status_code == 401 and "WWW-Authenticate" not in headers:
        return {**headers, **get_request_session(connection).challenge}
    return headers


def without_input(errors: object) -> object:
    """Return validation errors without what was sent.

    It may be a password, or text that JSON cannot hold.
    """
    match errors:
        case list() | tuple():
            return [without_input(each) for each in errors]
        case dict():
            return {key: errors[key] for key in ("type", "loc", "msg") if key in errors}
    return errors


def add_error_handlers(app: FastAPI, error_response: ErrorResponse) -> None:
    """Handle every exception of the app. error_response: like ``json_error``."""

    @app.exception_handler(AppError)
    async def app_error(connection: HTTPConnection, error: AppError) -> ASGIApp:
        if isinstance(error, StoreUnavailable):
            LOGGER.error("A store is out of reach: %s", error.reason)
        if isinstance(error, SessionEnded):
            request_session = get_request_session(connection)
            request_session.session = request_session.user = None
        if connection.scope["type"] == "websocket" and error.status == 401:
            return close_unauthorised
        detail: object = validation_detail(error) if error.status == 422 else str(error)
        return error_response(connection, error.status, detail, headers_of(connection, error))

    #{% if cookiecutter.totp or cookiecutter.passkeys %}
    @app.exception_handler(StrongerFactorRequired)
    async def stronger_factor(request: Request, error: StrongerFactorRequired) -> Response:
        # What a front end needs to know to ask for it.
        content = {"detail": str(error), "second_factor": error.kinds}
        return JSONResponse(content, error.status, headers_of(request, error))

    #{% endif %}
    @app.exception_handler(PoolTimeoutError)
    async def no_free_connection(request: Request, error: PoolTimeoutError) -> ASGIApp:
        return await app_error(request, StoreUnavailable(str(error)))

    @app.exception_handler(IntegrityError)
    async def integrity_error(request: Request, error: IntegrityError) -> ASGIApp:
        # An account may be deleted while a request of its own is under way.
        if await _user_is_deleted(get_request_session(request)):
            return await app_error(request, SessionEnded())
        raise error

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        headers = headers_of(request, error)
        return error_response(request, error.status_code, error.detail, headers)

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(WebSocketRequestValidationError)
    async def invalid_request(
        connection: HTTPConnection,
        error: RequestValidationError | WebSocketRequestValidationError,
    ) -> Response:
        return error_response(connection, 422, without_input(error.errors()))

    @app.exception_handler(Exception)
    async def unexpected_error(request: Request, _: Exception) -> Response:
        if "request_session" not in request.scope.get("state", {}):
            # A middleware has failed that is outside of SecurityMiddleware.
            response = json_error(request, 500, FAILED)
            response.raw_headers.extend(SECURITY_HEADERS)
            return response
        # The server logs the traceback, maybe without the id that the response shows.
        LOGGER.error("%s %s has failed.", request.method, request.url.path)
        return error_response(request, 500, FAILED)


async def _user_is_deleted(request_session: RequestSession) -> bool:
    """Whether the user of a request has been deleted since they were read."""
    if request_session.user is None:
        return False
    same = select(User.id).where(User.id == request_session.user.id)
    return await request_session.services.database.fetch_one(same) is None


def declares_head(scope: Scope) -> bool:
    """Whether the route that a HEAD request leads to has declared that method itself."""
    for match, methods in routes_of_path(scope):
        if match is Match.FULL or "GET" in methods:
            return "HEAD" in methods
    return False


def with_allow(headers: Iterable[tuple[bytes, bytes]], scope: Scope) -> RawHeaders:
    """Return the headers of a 405 with the methods that its path has (RFC 9110, 15.5.6).

    The framework names those of one route, though several may share a path. What a route names that
    responds so itself stays.
    """
    headers, found = [*headers], [*routes_of_path(scope)]
    methods = {each for match, some in found if match is Match.PARTIAL for each in some}
    is_route = any(match is Match.FULL for match, _ in found)
    if not methods or (is_route and b"allow" in dict(headers)):
        return headers
    named = ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
    return [*(each for each in headers if each[0] != b"allow"), (b"allow", named.encode())]


def routes_of_path(scope: Scope) -> Iterator[tuple[Match, set[str]]]:
    """Yield the routes of a path, in the order in which they are tried.

    That is whether each has the method as well, and its methods. Apps that are mounted are looked
    into.
    """
    return _routes_of_path(scope["app"].routes, scope)


def _routes_of_path(routes: Sequence[BaseRoute], scope: Scope) -> Iterator[tuple[Match, set[str]]]:
    for route in iter_route_contexts(routes):
        match, inner_scope = route.matches(scope)
        inner = getattr(route.original_route, "routes", None)
        if match is Match.FULL and _are_routes(inner):
            yield from _routes_of_path(inner, {**scope, **inner_scope})
            # What it does not have is not looked for elsewhere.
            return
        if match is not Match.NONE:
            yield match, set(route.methods or ())


def _are_routes(found: Any) -> TypeGuard[list[BaseRoute]]:
    """Whether there are routes, of this framework: an app of another one may be mounted."""
    return isinstance(found, list) and found != [] and all(isinstance(r, BaseRoute) for r in found)


async def respond_to(error: BaseException, scope: Scope) -> Response:
    """Return what the app's handler says: of an HTTPException, or else that for any error."""
    if scope["type"] == "websocket":
        # A handler for any error is for requests alone.
        known = error if isinstance(error, HTTPException) else HTTPException(500, FAILED)
        return json_error(HTTPConnection(scope), known.status_code, known.detail, known.headers)
    request = Request(scope)
    handlers = request.app.exception_handlers
    [*_, handler] = [handlers[kind] for kind in handlers if kind in (500, Exception)]
    if isinstance(error, HTTPException):
        kinds = (getattr(error, "status_code", None), *type(error).__mro__)
        handler = next(handlers[kind] for kind in kinds if kind in handlers)
    response: Response
    try:
        if inspect.iscoroutinefunction(handler):
            response = await handler(request, error)
        else:
            response = await run_in_threadpool(handler, request, error)
    except Exception:
        LOGGER.exception("The handler of an error has failed.")
        response = json_error(request, 500, FAILED)
    # It is sent outside of the middleware for CORS.
    origin = request.headers.get("origin", "")
    if origin in get_request_session(request).services.settings.trusted_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers.add_vary_header("Origin")
    return response
