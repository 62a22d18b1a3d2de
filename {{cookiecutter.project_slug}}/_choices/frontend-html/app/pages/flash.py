"""Flash messages: a sentence about what was just done, shown by the next page and by no other.

It is kept in a cookie of its own, which works signed out as well and writes no session. The cookie
is signed, so that nobody else can put words into the app's mouth; whoever holds it can read it.
"""

from starlette.requests import Request
from starlette.responses import Response

from app.pages.cookies import delete_sent, get_signed, set_signed

MAX_AGE_SECONDS = 60


def set_flash(request: Request, response: Response, text: str) -> None:
    """Let the next page in this browser show a text, which should be short and no secret."""
    set_signed(request, response, "flash", text, MAX_AGE_SECONDS)


def get_flash(request: Request) -> str:
    """Return the text that a page has to show; nothing for what is forged, foreign or too old."""
    return str(get_signed(request, "flash", MAX_AGE_SECONDS) or "")


def delete_flash(request: Request, response: Response) -> None:
    """Delete the cookie with the response that shows its text, which no cache may show again."""
    if delete_sent(request, response, "flash"):
        response.headers["Cache-Control"] = "no-store"
