"""Errors as pages, where a person is looking."""

import sys
import traceback
from collections.abc import Mapping
from http.client import responses
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.utils import is_body_allowed_for_status_code
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

#{% if cookiecutter.totp or cookiecutter.passkeys or cookiecutter.oidc %}
from app.pages.confirm import confirm_form
#{% endif %}
from app.pages.redirects import HOME, address_of, see_other
from app.pages.templating import page
from app.users.errors import InvalidLink
from app.web.dependencies import ReauthenticationRequired
from app.web.errors import json_error, validation_detail
from app.web.request_session import get_request_session

# A heading, and what to do when nothing more specific is known. Others have those of 400 or 500.
_TEXTS = {
    400: ("Bad request", "Something in the request is not valid. Go back and try again."),
    401: ("Not signed in", "Sign in to view this page."),
    403: ("Not allowed", "You do not have permission to view this page."),
    404: ("Page not found", "There is nothing at this address. Is it spelled correctly?"),
    413: ("Too large", "The request is too large."),
    429: ("Too many attempts", "Wait a while and try again."),
    500: ("Something went wrong", "Try again later."),
    503: ("Temporarily unavailable", "Try again in a few seconds."),
}


def wants_page(connection: HTTPConnection) -> bool:
    """Whether a person is looking: the request accepts HTML by name and is not for the API."""
    return (
        connection.scope["type"] == "http"
        and not connection.scope["path"].startswith("/api/")
        and "text/html" in connection.headers.get("accept", "")
    )


def error_response(
    connection: HTTPConnection,
    status: int,
    detail: object,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error as a page or as JSON. Whoever has to sign in is sent to the sign-in page."""
    if not wants_page(connection) or not is_body_allowed_for_status_code(status):
        return json_error(connection, status, detail, headers)
    request = Request(connection.scope)
    if status == 401 and _has_to_sign_in(request, headers or {}):
        back = _way_back(request)
        return see_other(request, f"/login?next={quote(back)}" if back else "/login")
    heading, advice = _TEXTS.get(status, _TEXTS[400 if status < 500 else 500])
    said = _in_words(detail)
    return page(
        request,
        "error.html",
        status_code=status,
        headers=headers,
        number=status,
        heading=heading,
        advice=advice if said in ("", responses.get(status)) else said,
        traceback=_traceback(request) if status == 500 else "",
    )


def add_error_pages(app: FastAPI) -> None:
    """Handle the errors that have a page of their own."""

    @app.exception_handler(ReauthenticationRequired)
    async def confirm_password(request: Request, error: ReauthenticationRequired) -> Response:
        if not wants_page(request):
            return json_error(request, error.status, str(error))
        back = _way_back(request) or HOME
        #{% if cookiecutter.totp or cookiecutter.passkeys or cookiecutter.oidc %}
        return await confirm_form(request, back, status=error.status)
        #{% else %}
        return page(request, "confirm.html", status_code=error.status, next=back)
        #{% endif %}

    @app.exception_handler(InvalidLink)
    async def invalid_link(request: Request, error: InvalidLink) -> Response:
        if not wants_page(request):
            return json_error(request, error.status, validation_detail(error))
        return page(
            request,
            "error.html",
            status_code=error.status,
            number=error.status,
            heading="This link does not work",
            advice="It was used already, has expired, or was replaced by a newer one. "
            "Links need a browser that keeps cookies, too.",
        )


def _has_to_sign_in(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether a 401 is about the session, and there is none.

    The sign-in page sends whoever is signed in back to where they came from: round and round.
    """
    request_session = get_request_session(request)
    is_own = Headers(headers).get("WWW-Authenticate") in request_session.challenge.values()
    return is_own and request_session.depends_on_session and request_session.session is None


def _in_words(detail: object) -> str:
    """Return what an error says to people: nothing if it is for programs alone."""
    match detail:
        case str():
            return detail
        case list() | tuple():
            return " ".join(filter(None, map(_in_words, detail)))
        case {"loc": [*_, name], "msg": text}:
            return f"{name}: {text}."
        case {"msg": text}:
            return f"{text}."
    return ""


def _traceback(request: Request) -> str:
    """Return where the error that is being handled was raised: nothing in production.

    It shows code of yours, and what was said in the exception.
    """
    error = sys.exception()
    if error is None or get_request_session(request).services.settings.production:
        return ""
    return "".join(traceback.format_exception(error))


def _way_back(request: Request) -> str:
    """Return the address of a page; nothing for a form, which no link can send again."""
    return address_of(request) if request.method == "GET" else ""
