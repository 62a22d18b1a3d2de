"""What programs look for at an address that is the same everywhere."""

import re
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from app.pages.redirects import see_other
from app.pages.templating import STATIC
from app.web.dependencies import CurrentRequestSession, public

router = APIRouter(include_in_schema=False)


@router.get("/.well-known/change-password")
@public
async def change_password(request: Request) -> Response:
    """Lead password managers to the form."""
    return see_other(request, "/account")


@router.get("/.well-known/security.txt")
@public
async def security_txt(request_session: CurrentRequestSession) -> Response:
    """Say whom to tell about a vulnerability (RFC 9116), if anyone has written it down.

    An outdated contact is worse than none: reports would go unread.
    """
    file = STATIC / "security.txt"
    text = file.read_text("utf-8") if file.exists() else ""
    expires = re.search(r"^Expires: (\d{4}-\d\d-\d\dT\S+)", text, re.MULTILINE | re.IGNORECASE)
    now = datetime.fromtimestamp(request_session.services.clock(), UTC)
    if expires is None or expires[1] < now.isoformat():
        raise HTTPException(404)
    return PlainTextResponse(text)


@router.get("/robots.txt")
@public
async def robots_txt() -> Response:
    """Tell search engines what not to read."""
    return FileResponse(STATIC / "robots.txt")
