"""What an error looks like."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def error_response(
    _: Request, status: int, detail: object, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with an error. detail: a sentence, or FastAPI's list of what is wrong."""
    return JSONResponse({"detail": detail}, status, headers)


def sign_in_first(request: Request, challenge: Mapping[str, str]) -> Response:
    """Answer a request without a session."""
    return error_response(request, 401, "Sign in first.", challenge)
