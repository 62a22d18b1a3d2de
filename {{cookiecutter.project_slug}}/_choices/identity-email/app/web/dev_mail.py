"""The mail that the app would send, in development only."""

import re
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.database import AnyRow
from app.email.messages import render
from app.email.outbox import Outbox
from app.web.dependencies import CurrentRequestSession, public
from app.web.docs import csp_hash

router = APIRouter(prefix="/dev/mail", include_in_schema=False)


@router.get("")
@public
async def list_mail(request: Request, request_session: CurrentRequestSession) -> Response:
    """Show every mail that is kept, the newest first."""
    outbox = request_session.services.outbox
    mails = [_describe(outbox, row) for row in await outbox.list_all()]
    if "application/json" in request.headers.get("accept", ""):
        shown = ("to", "subject", "text", "sent_at")
        return JSONResponse([{name: mail[name] for name in shown} for mail in mails])
    return _html(render("dev_mail.html", subject="Mail", mails=mails))


@router.get("/{mail_id}")
@public
async def show_mail(mail_id: int, request_session: CurrentRequestSession) -> Response:
    """Show the HTML form of a mail."""
    outbox = request_session.services.outbox
    for row in await outbox.list_all():
        if row.id == mail_id and (texts := outbox.texts_of(row)):
            return _html(texts.html)
    raise HTTPException(404)


def _describe(outbox: Outbox, row: AnyRow) -> dict[str, Any]:
    texts = outbox.texts_of(row)
    return {
        "id": row.id,
        "to": row.recipient,
        "subject": row.subject,
        "text": texts.text if texts else "",
        "sent_at": datetime.fromtimestamp(row.created_at, UTC).isoformat(timespec="seconds"),
    }


def _html(page: str) -> Response:
    """Return a page whose one style element is allowed by its hash."""
    [style] = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    policy = (
        f"default-src 'none'; style-src '{csp_hash(style.encode())}'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})
