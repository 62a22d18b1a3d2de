"""Flash messages: a sentence about what was just done, shown by the next page and by no other.

It is kept in a cookie of its own, which works signed out as well and writes no session. The cookie
is signed, so that nobody else can put words into the app's mouth; whoever holds it can read it.
"""

import hashlib

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from app.config import Settings
from app.pages.cookies import attributes
from app.web.request_session import get_request_session

MAX_AGE_SECONDS = 60

# For this purpose only: no session token is a flash message, and no flash message a session token.
SALT = "app.pages.flash"


def set_flash(request: Request, response: Response, text: str) -> None:
    """Let the next page in this browser show a text, which should be short and no secret."""
    services = get_request_session(request).services
    value = _serializer(services.settings).dumps([text, services.clock() + MAX_AGE_SECONDS])
    response.set_cookie(value=str(value), max_age=MAX_AGE_SECONDS, **attributes(request, "flash"))


def get_flash(request: Request) -> str:
    """Return the text that a page has to show; nothing for what is forged, foreign or too old."""
    services = get_request_session(request).services
    value = request.cookies.get(attributes(request, "flash")["key"])
    if not value:
        return ""
    try:
        text, expires_at = _serializer(services.settings).loads(value)
    except BadData:
        return ""
    return str(text) if services.clock() < expires_at else ""


def delete_flash(request: Request, response: Response) -> None:
    """Delete the cookie with the response that shows its text, which no cache may show again."""
    cookie = attributes(request, "flash")
    if cookie["key"] in request.cookies:
        response.delete_cookie(**cookie)
        response.headers["Cache-Control"] = "no-store"


def _serializer(settings: Settings) -> URLSafeSerializer:
    # It signs with the last key, and with SHA-1 unless told otherwise.
    keys = [key.get_secret_value() for key in reversed(settings.secret_keys)]
    sha256 = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(keys, salt=SALT, signer_kwargs=sha256)
