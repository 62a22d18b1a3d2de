"""Redirects: to the requested page after sign-in, and for links under SameSite=Strict."""

import re
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.schemas import MAX_TEXT_CHARACTERS
from app.pages.flash import set_flash
from app.pages.templating import TEMPLATES, context
from app.web.errors import routes_of_path

HOME = "/"

# One slash, then neither a second one nor a backslash, which browsers read as a slash; and nothing
# that a browser drops before it looks (spaces, control characters).
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)
_LOCAL_DECODED = re.compile(r"/(?![/\\])[^\\\x00-\x1f\x7f]*")


def safe_next(address: str) -> str:
    """Return ``address`` when it is a path of this app, with or without a query, or home.

    Nor is it longer than what a form or a cookie takes along.
    """
    return HOME if len(address) > MAX_TEXT_CHARACTERS else local_address(address)


def local_address(address: str) -> str:
    """Return ``address``, however long, when it is a path of this app, or home.

    The path is checked decoded as well, since a proxy may decode it once more (ASVS 5.0 3.7.2).
    Nor has it ``..``, which browsers resolve: it would lead to another path than it is checked for.
    """
    path = _path_of(address)
    if not (_LOCAL.fullmatch(address) and _LOCAL_DECODED.fullmatch(path)):
        return HOME
    return HOME if {".", ".."}.intersection(path.split("/")) else address


def next_page(request: Request, address: str) -> str:
    """Return ``address`` when it can be opened as a page of this app, or home.

    Not what only takes forms, such as signing out.
    """
    address = safe_next(address)
    scope = {**request.scope, "method": "GET", "path": _path_of(address)}
    matches = {match for match, _ in routes_of_path(scope)}
    return HOME if matches == {Match.PARTIAL} else address


def _path_of(address: str) -> str:
    """Return the decoded path of an address, without query and fragment."""
    return unquote(re.split("[?#]", address, maxsplit=1)[0])


def address_of(request: Request) -> str:
    """Return path and query of a request, as they would be written in a link."""
    query: str = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"]) + (f"?{query}" if query else "")


def by_way_of_login(request: Request, path: str) -> str:
    """Return a path by way of the page that can tell people that a new cookie was not kept."""
    sent = request.headers
    # What browsers send when they load a page; the second only on HTTPS and localhost.
    if "upgrade-insecure-requests" in sent or sent.get("sec-fetch-mode") == "navigate":
        return f"/login?signed_in=true&next={quote(path)}"
    return path


def see_other(request: Request, path: str, flash: str = "") -> Response:
    """Respond to a form with 303, so that reloading does not send it again.

    flash: a sentence that the next page shows.
    """
    response = RedirectResponse(path, status_code=303)
    if flash:
        set_flash(request, response, flash)
    return response


class StrictLinkMiddleware:
    """Lets links on other sites work with SameSite=Strict.

    Browsers leave a strict cookie behind when such a link is followed, so the app would look signed
    out for no reason. The response is a page that opens the same address again, now from this site;
    nothing is read or changed before that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection (ASGI)."""
        app = self._app
        if scope["type"] == "http" and is_followed_link(request := Request(scope)):
            values = {**context(request), "address": local_address(address_of(request))}
            # From a cache, it would reload itself forever.
            no_store = {"Cache-Control": "no-store"}
            # A flash message is for the page that this one opens.
            app = TEMPLATES.TemplateResponse(request, "link.html", values, headers=no_store)
        await app(scope, receive, send)


def is_followed_link(request: Request) -> bool:
    """Whether a person has followed a link on another site to a page of this app."""
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("sec-fetch-site") == "cross-site"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
