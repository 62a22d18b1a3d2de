"""The short-lived cookies of the pages, beside the session's."""

import hashlib
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from app.config import Settings
from app.sessions.cookie import read_cookie
from app.sessions.session import is_current
from app.web.begun import page_cookie
from app.web.request_session import get_request_session


def attributes(request: Request, name: str) -> dict[str, Any]:
    """Return key and attributes of a cookie, for set_cookie and delete_cookie."""
    cookie = page_cookie(get_request_session(request).services, name)
    secure, samesite = cookie.secure, cookie.samesite
    return {"key": cookie.name, "secure": secure, "httponly": True, "samesite": samesite}


def set_signed(request: Request, response: Response, name: str, value: Any, max_age: int) -> None:
    """Keep a value in this browser, which can read it and not change it.

    It is signed for the cookie of this name, and worth nothing in another one. max_age: seconds.
    """
    services = get_request_session(request).services
    signed = _serializer(services.settings, name).dumps([value, services.clock() + max_age])
    response.set_cookie(value=str(signed), max_age=max_age, **attributes(request, name))


def get_signed(request: Request, name: str, max_age: int) -> Any:
    """Return the value; None for what is forged, foreign or too old. max_age: as it was set."""
    services = get_request_session(request).services
    try:
        value, expires_at = _serializer(services.settings, name).loads(get_cookie(request, name))
    except BadData:
        return None
    return value if is_current(expires_at, max_age, services.clock()) else None


def delete_sent(request: Request, response: Response, name: str) -> bool:
    """Let a response delete a cookie; return whether the browser had sent one."""
    cookie = attributes(request, name)
    if cookie["key"] not in request.cookies:
        return False
    response.delete_cookie(**cookie)
    return True


def get_cookie(request: Request, name: str) -> str:
    """Return what is in a cookie; nothing without it, or with two, of which one is planted."""
    values = read_cookie(request.scope["headers"], attributes(request, name)["key"])
    return values[0] if len(values) == 1 else ""


def _serializer(settings: Settings, name: str) -> URLSafeSerializer:
    # It signs with the last key, and with SHA-1 unless told otherwise.
    keys = [key.get_secret_value() for key in reversed(settings.secret_keys)]
    sha256 = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(keys, salt=f"app.pages.{name}", signer_kwargs=sha256)
