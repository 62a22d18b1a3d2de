"""Links from other sites, when the cookie is SameSite=Strict.

Browsers leave a strict cookie behind when a link on another site is followed, so the app would look
signed out for no reason. Such a request is answered with a page that opens the same address once
more, now from this app itself; nothing is read or changed before that.
"""

from starlette.requests import Request
from starlette.responses import Response

from app.web.redirects import address_of, safe_next
from app.web.templating import page


def is_followed_link(request: Request) -> bool:
    """Whether a person has followed a link on another site to a page of this app."""
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("sec-fetch-site") == "cross-site"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def open_once_more(request: Request) -> Response:
    """Answer with a page that opens the same address."""
    return page(
        request,
        "link.html",
        # Kept by a cache it would be opened for ever.
        headers={"Cache-Control": "no-store"},
        address=safe_next(address_of(request)),
    )
