"""What an error looks like."""

from collections.abc import Mapping

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from app import texts
from app.sessions.session import Principal


def error_response(
    _: HTTPConnection, status: int, detail: object, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with an error. detail: a sentence, or FastAPI's list of what is wrong."""
    return JSONResponse({"detail": detail}, status, headers)


def sign_in_first(connection: HTTPConnection, challenge: Mapping[str, str]) -> Response:
    """Answer a request without a session."""
    return error_response(connection, 401, texts.SIGN_IN_FIRST, challenge)


def confirm_first(connection: HTTPConnection, _: Principal) -> Response:
    """Answer a request that wants a fresh proof of who sent it."""
    return error_response(connection, 403, texts.CONFIRM_FIRST)
