"""The short-lived cookies of the pages, beside the session's."""

from typing import Any

from starlette.requests import Request

from app.config import PROJECT
from app.web.request_session import get_request_session


def attributes(request: Request, name: str) -> dict[str, Any]:
    """Return key and attributes of a cookie, for set_cookie and delete_cookie."""
    secure = get_request_session(request).services.settings.session_cookie_secure
    name = f"{PROJECT['slug']}-{name}"
    return {
        "key": f"__Host-{name}" if secure else name,
        "secure": secure,
        "httponly": True,
        # Not strict: a browser that comes from another site, as from a mail or after a payment,
        # would leave it behind.
        "samesite": "lax",
    }
