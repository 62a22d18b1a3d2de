"""What an error looks like: JSON for the API, a page for people."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.sessions.session import Principal
from app.web.redirects import HOME, address_of
from app.web.templating import templates


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
    back = _way_back(Request(connection.scope))
    return RedirectResponse(f"/login?next={quote(back)}" if back else "/login", status_code=303)


def confirm_first(connection: HTTPConnection, user: Principal) -> Response:
    """Answer a request that wants a fresh proof of who sent it: 403, and the way to give it."""
    if not _is_for_a_person(connection):
        return error_response(connection, 403, "Confirm your password first: POST /api/confirm.")
    request = Request(connection.scope)
    context = {"user": user, "next": _way_back(request) or HOME}
    return templates.TemplateResponse(request, "confirm.html", context, 403)


def _way_back(request: Request) -> str:
    """Return the address of a page; nothing for a form that was sent, which no link can repeat."""
    return address_of(request) if request.method == "GET" else ""


def _is_for_a_person(connection: HTTPConnection) -> bool:
    scope = connection.scope
    return scope["type"] == "http" and not scope["path"].startswith(("/api/", "/health/"))
