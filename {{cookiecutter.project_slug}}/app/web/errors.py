"""Which error is answered how."""

import logging

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.websockets import WebSocket

from app import texts
from app.accounts.errors import (
    AccountError,
    NameTaken,
    SignInFailed,
    TooManyFailures,
    WrongPassword,
)
from app.sessions.session import SessionEnded
from app.sessions.values import InvalidValue, TooMuchData
from app.unavailable import Unavailable
from app.web.access import NotFresh, NotSignedIn
from app.web.answers import confirm_first, error_response, sign_in_first
from app.web.sockets import close_unauthorised

LOGGER = logging.getLogger("app")

_STATUS: dict[type[AccountError], int] = {
    SignInFailed: 401,
    WrongPassword: 403,
    NameTaken: 409,
    TooManyFailures: 429,
}


def status_of(request: Request, error: AccountError) -> tuple[int, dict[str, str]]:
    """Return the HTTP status that says what the error says, and the headers that go with it."""
    status = _STATUS.get(type(error), 422)
    headers = _challenge(request) if status == 401 else {}
    if isinstance(error, TooManyFailures):
        headers["Retry-After"] = str(error.retry_after)
    return status, headers


def install(app: FastAPI) -> None:
    """Answer each of the app's exceptions."""

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        headers = error.headers
        if error.status_code == 405 and (methods := _methods_of(request)):
            # The framework names those of one route, though several may share an address.
            headers = {"Allow": ", ".join(sorted(methods))}
        return error_response(request, error.status_code, error.detail, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        # Without what was sent: it may be a password, or text that JSON cannot hold.
        faults = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in error.errors()]
        return error_response(request, 422, faults)

    @app.exception_handler(SessionEnded)
    @app.exception_handler(NotSignedIn)
    async def not_signed_in(connection: HTTPConnection, _: Exception) -> Response | None:
        if isinstance(connection, WebSocket):
            await close_unauthorised(connection)
            return None
        return sign_in_first(connection, _challenge(connection))

    @app.exception_handler(NotFresh)
    async def not_fresh(connection: HTTPConnection, error: NotFresh) -> Response:
        return confirm_first(connection, error.user)

    @app.exception_handler(AccountError)
    async def account_error(request: Request, error: AccountError) -> Response:
        status, headers = status_of(request, error)
        return error_response(
            request, status, _faults(error) if status == 422 else str(error), headers
        )

    @app.exception_handler(InvalidValue)
    async def invalid_value(request: Request, error: InvalidValue) -> Response:
        return error_response(request, 422, _faults(error))

    @app.exception_handler(TooMuchData)
    async def too_much_data(request: Request, _: TooMuchData) -> Response:
        return error_response(request, 413, texts.NO_ROOM)

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> Response:
        LOGGER.error("A store is out of reach: %s", error.__cause__ or error)
        return error_response(request, 503, texts.OUT_OF_REACH, {"Retry-After": "2"})

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> Response:
        return error_response(request, 500, texts.UNEXPECTED)


def _methods_of(request: Request) -> set[str]:
    """Return the methods that the address of a request knows."""
    return {
        method
        for route in iter_route_contexts(request.app.routes)
        for method in route.methods or ()
        if route.matches(request.scope)[0] is Match.PARTIAL
    }


def _faults(error: Exception) -> list[dict[str, object]]:
    """Say what is wrong with a body as the framework does."""
    return [{"type": "value_error", "loc": ["body"], "msg": str(error)}]


def _challenge(connection: HTTPConnection) -> dict[str, str]:
    """Say with a 401 how to sign in, which RFC 9110, 15.5.2, asks for."""
    cookie_name = connection.app.state.services.cookie.name
    return {"WWW-Authenticate": f'Cookie cookie-name="{cookie_name}"'}
