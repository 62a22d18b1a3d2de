"""Where a browser may be sent on."""

import re
from urllib.parse import quote, unquote

from starlette.requests import Request

HOME = "/"

# One slash, then neither a second one nor a backslash, which browsers read as a slash; and nothing
# that a browser drops before it looks (spaces, control characters).
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)
_LOCAL_DECODED = re.compile(r"/(?![/\\])[^\\\x00-\x1f\x7f]*")


def safe_next(address: str) -> str:
    """Return ``address`` when it is a path of this app, with or without a query, or home.

    The path is looked at decoded as well, since a proxy may decode it once more (ASVS 5.0 3.7.2).
    """
    path = address.partition("?")[0]
    if _LOCAL.fullmatch(address) and _LOCAL_DECODED.fullmatch(unquote(path)):
        return address
    return HOME


def address_of(request: Request) -> str:
    """Return path and query of a request, as they would stand in a link."""
    query: str = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"]) + (f"?{query}" if query else "")
