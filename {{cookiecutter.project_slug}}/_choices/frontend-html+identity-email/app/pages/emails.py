"""The pages of addresses: verify, forgot, and change."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.errors import TooManyRequests
from app.pages.account import AccountDetails
from app.pages.auth import NameField
from app.pages.links import NO_STORE, TokenQuery, forget_token, keep_token, kept_token
from app.pages.redirects import see_other
from app.pages.templating import account_form_again, page
from app.users.errors import AccountError
from app.users.links import CHANGE_EMAIL, VERIFY
from app.users.names import FIELD
from app.web.dependencies import (
    CurrentAuth,
    CurrentRequestSession,
    Emails,
    FreshUser,
    public,
)
from app.web.rate_limit import LIMIT_MAIL

SENT = "We have sent a mail to that address. It says what to do next."

FORGOT: dict[str, Any] = {
    "heading": "Forgot your password?",
    "advice": "Enter your email address. We will send you a link to choose a new password.",
}
RESEND: dict[str, Any] = {
    "heading": "Send the link again",
    "advice": "Enter the address that you registered with.",
}
CONFIRM: dict[str, Any] = {
    "heading": "Confirm your email address",
    "advice": "One click, and your account is ready.",
}
CONFIRM_CHANGE: dict[str, Any] = {
    "heading": "Confirm your new email address",
    "advice": "From then on, you sign in with it.",
}

router = APIRouter(include_in_schema=False)

# Whatever is wrong is shown beside the address.
_form_again = partial(account_form_again, current=FIELD)


@router.get("/forgot")
@public
async def forgot_page(request: Request) -> Response:
    """Ask for the address of a forgotten password."""
    return page(request, "send_link.html", **FORGOT)


@router.post("/forgot", dependencies=[LIMIT_MAIL])
@public
async def forgot(
    request: Request, emails: Emails, request_session: CurrentRequestSession, name: NameField = ""
) -> Response:
    """Send a link to choose a new password."""
    return await _send(request, emails.forgot_password(name, request_session.client), name, FORGOT)


@router.get("/verify/resend")
@public
async def resend_page(request: Request) -> Response:
    """Ask for the address of a registration."""
    return page(request, "send_link.html", **RESEND)


@router.post("/verify/resend", dependencies=[LIMIT_MAIL])
@public
async def resend(
    request: Request, emails: Emails, request_session: CurrentRequestSession, name: NameField = ""
) -> Response:
    """Send the link of a registration once more."""
    return await _send(request, emails.resend(name, request_session.client), name, RESEND)


@router.get("/verify")
@public
async def verify_page(request: Request, emails: Emails, token: TokenQuery = "") -> Response:
    """Ask for the click that creates the account."""
    if token:
        return keep_token(request, token)
    await emails.find_link(VERIFY, kept_token(request))
    return page(request, "follow_link.html", headers=NO_STORE, **CONFIRM)


@router.post("/verify")
@public
async def verify(request: Request, emails: Emails) -> Response:
    """Create the account."""
    await emails.verify(kept_token(request))
    created = "Your address is confirmed. You can sign in now."
    return forget_token(request, see_other(request, "/login", flash=created))


@router.post("/account/email", dependencies=[LIMIT_MAIL])
async def ask_for_change(
    request: Request,
    _: FreshUser,
    auth: CurrentAuth,
    emails: Emails,
    details: AccountDetails,
    name: NameField = "",
) -> Response:
    """Send a link to another address for the account."""
    try:
        await emails.ask_for_change(auth, name)
    except (AccountError, TooManyRequests) as error:
        return _form_again(request, "account.html", error, new_email=name, **details)
    return see_other(request, "/account", flash=SENT)


@router.get("/change-email")
@public
async def change_page(request: Request, emails: Emails, token: TokenQuery = "") -> Response:
    """Ask for the click that changes the address."""
    if token:
        return keep_token(request, token)
    await emails.find_link(CHANGE_EMAIL, kept_token(request))
    return page(request, "follow_link.html", headers=NO_STORE, **CONFIRM_CHANGE)


@router.post("/change-email")
@public
async def change(request: Request, emails: Emails) -> Response:
    """Use the new address."""
    await emails.change(kept_token(request))
    changed = "Your email address has been changed."
    return forget_token(request, see_other(request, "/", flash=changed))


async def _send(
    request: Request, sending: Awaitable[None], name: str, texts: dict[str, Any]
) -> Response:
    """Let a link be sent, or show the form again. name: the address. texts: those of the form."""
    try:
        await sending
    except (AccountError, TooManyRequests) as error:
        return _form_again(request, "send_link.html", error, name=name, **texts)
    return see_other(request, "/login", flash=SENT)
