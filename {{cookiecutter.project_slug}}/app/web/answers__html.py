"""What an error looks like: JSON for the API, a page for people."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.sessions.session import Principal
from app.web.redirects import address_of
from app.web.templating import templates

CONFIRM_FIRST = "Confirm your password first: POST /api/confirm."


def error_response(
    connection: HTTPConnection,
    status: int,
    detail: object,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with an error. detail: a sentence, or FastAPI's list of what is wrong."""
    if not _is_for_a_person(connection):
        return JSONResponse({"detail": detail}, status, headers)
    context = {
        "status": status,
        "title": HTTPStatus(status).phrase,
        "detail": detail if isinstance(detail, str) else "Something in the request is not valid.",
    }
    request = Request(connection.scope)
    return templates.TemplateResponse(request, "error.html", context, status, headers)


def sign_in_first(connection: HTTPConnection, challenge: Mapping[str, str]) -> Response:
    """Answer a request without a session: 401, or the way to the sign-in page and back."""
    if not _is_for_a_person(connection):
        return error_response(connection, 401, "Sign in first.", challenge)
    request = Request(connection.scope)
    # Back to a page, not to the sending of a form.
    back = f"?next={quote(address_of(request))}" if request.method == "GET" else ""
    return RedirectResponse(f"/login{back}", status_code=303)


def confirm_first(connection: HTTPConnection, user: Principal) -> Response:
    """Answer a request that wants a fresh proof of who sent it: 403, and the way to give it."""
    if not _is_for_a_person(connection):
        return error_response(connection, 403, CONFIRM_FIRST)
    request = Request(connection.scope)
    # A form has the address of its page, so this leads back to a page as well.
    context = {"user": user, "next": address_of(request)}
    return templates.TemplateResponse(request, "confirm.html", context, 403)


def _is_for_a_person(connection: HTTPConnection) -> bool:
    scope = connection.scope
    return scope["type"] == "http" and not scope["path"].startswith(("/api/", "/health/"))
