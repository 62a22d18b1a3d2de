"""Errors as pages, where a person is looking."""

import sys
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI
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

# A heading, and what to do when nothing more specific is known. Other statuses have those of 400.
_TEXTS = {
    400: ("Bad request", "Something in the request is not valid. Go back and try again."),
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
    if not wants_page(connection):
        return json_error(connection, status, detail, headers)
    request = Request(connection.scope)
    if status == 401:
        back = _way_back(request)
        return see_other(request, f"/login?next={quote(back)}" if back else "/login")
    heading, advice = _TEXTS.get(status, _TEXTS[400])
    if isinstance(detail, list):
        advice = " ".join(f"{each['loc'][-1]}: {each['msg']}." for each in detail)
    elif isinstance(detail, str) and detail != HTTPStatus(status).phrase:
        advice = detail
    return page(
        request,
        "error.html",
        status_code=status,
        headers=headers,
        number=status,
        heading=heading,
        advice=advice,
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
