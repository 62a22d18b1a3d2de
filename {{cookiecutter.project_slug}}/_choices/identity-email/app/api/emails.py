"""The JSON API of addresses."""

from fastapi import APIRouter

from app.api.schemas import ERRORS, EmailIn, TokenIn, errors
from app.web.dependencies import CurrentAuth, CurrentRequestSession, Emails, FreshUser, public
from app.web.rate_limit import LIMIT_MAIL

router = APIRouter(prefix="/api", responses=ERRORS)


@router.post("/email/verify", status_code=204)
@public
async def verify(body: TokenIn, emails: Emails) -> None:
    """Create the account that a link from a registration is about."""
    await emails.verify(body.token)


@router.post(
    "/email/verify/resend", status_code=202, dependencies=[LIMIT_MAIL], responses=errors(429)
)
@public
async def resend(body: EmailIn, emails: Emails, request_session: CurrentRequestSession) -> None:
    """Send the link of a registration once more. The response is always the same."""
    await emails.resend(body.email, request_session.client)


@router.post("/password/forgot", status_code=202, dependencies=[LIMIT_MAIL], responses=errors(429))
@public
async def forgot_password(
    body: EmailIn, emails: Emails, request_session: CurrentRequestSession
) -> None:
    """Send a link to choose a new password. The response is always the same."""
    await emails.forgot_password(body.email, request_session.client)


@router.post("/email", status_code=202, dependencies=[LIMIT_MAIL], responses=errors(429))
async def ask_for_change(body: EmailIn, _: FreshUser, auth: CurrentAuth, emails: Emails) -> None:
    """Send a link to another address for the account, and a notice to the one it has."""
    await emails.ask_for_change(auth, body.email)


@router.post("/email/change", status_code=204)
@public
async def change(body: TokenIn, emails: Emails, request_session: CurrentRequestSession) -> None:
    """Use the address that a link was sent to."""
    await emails.change(body.token, request_session.client)
