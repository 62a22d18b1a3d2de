"""What an error looks like: JSON for the API, a page for people."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app import texts
from app.sessions.session import Principal
from app.web.redirects import HOME, address_of
from app.web.templating import page


def error_response(
    connection: HTTPConnection,
    status: int,
    detail: object,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with an error. detail: a sentence, or FastAPI's list of what is wrong."""
    if not _is_for_a_person(connection):
        return JSONResponse({"detail": detail}, status, headers)
    heading, advice = texts.ERRORS.get(status, texts.ERRORS[400])
    if isinstance(detail, str) and detail != HTTPStatus(status).phrase:
        # The app has something nearer to say than the framework.
        advice = detail
    return page(
        Request(connection.scope),
        "error.html",
        status=status,
        headers=headers,
        number=status,
        heading=heading,
        advice=advice,
    )


def sign_in_first(connection: HTTPConnection, challenge: Mapping[str, str]) -> Response:
    """Answer a request without a session: 401, or the way to the sign-in page and back."""
    if not _is_for_a_person(connection):
        return error_response(connection, 401, texts.SIGN_IN_FIRST, challenge)
    back = _way_back(Request(connection.scope))
    return RedirectResponse(f"/login?next={quote(back)}" if back else "/login", status_code=303)


def confirm_first(connection: HTTPConnection, user: Principal) -> Response:
    """Answer a request that wants a fresh proof of who sent it: 403, and the way to give it."""
    if not _is_for_a_person(connection):
        return error_response(connection, 403, texts.CONFIRM_FIRST)
    request = Request(connection.scope)
    return page(request, "confirm.html", status=403, user=user, next=_way_back(request) or HOME)


def _way_back(request: Request) -> str:
    """Return the address of a page; nothing for a form that was sent, which no link can repeat."""
    return address_of(request) if request.method == "GET" else ""


def _is_for_a_person(connection: HTTPConnection) -> bool:
    scope = connection.scope
    return scope["type"] == "http" and not scope["path"].startswith(("/api/", "/health/"))
