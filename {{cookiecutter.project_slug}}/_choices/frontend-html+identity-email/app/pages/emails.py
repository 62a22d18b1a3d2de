"""The pages of addresses: verify, forgot, and change."""

from collections.abc import Awaitable
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.errors import TooManyRequests
from app.pages.account import AccountDetails
from app.pages.forms import NameField, account_form_again
from app.pages.links import NO_STORE, TokenQuery, forget_token, keep_token, kept_token
from app.pages.redirects import see_other
from app.pages.templating import page
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

SENT = "We have sent an email to that address. It says what to do next."

router = APIRouter(include_in_schema=False)

# Whatever is wrong is shown beside the address.
_form_again = partial(account_form_again, current=FIELD)


@router.get("/forgot")
@public
async def forgot_page(request: Request) -> Response:
    """Ask for the address of an account whose password was forgotten."""
    return page(request, "forgot.html")


@router.get("/verify/resend")
@public
async def resend_page(request: Request) -> Response:
    """Ask for the address of a registration."""
    return page(request, "resend.html")


@router.post("/forgot", dependencies=[LIMIT_MAIL])
@public
async def forgot(
    request: Request, emails: Emails, request_session: CurrentRequestSession, name: NameField = ""
) -> Response:
    """Send a link to choose a new password."""
    sending = emails.forgot_password(name, request_session.client)
    return await _send(request, "forgot.html", sending, name)


@router.post("/verify/resend", dependencies=[LIMIT_MAIL])
@public
async def resend(
    request: Request, emails: Emails, request_session: CurrentRequestSession, name: NameField = ""
) -> Response:
    """Send the link of a registration once more."""
    return await _send(request, "resend.html", emails.resend(name, request_session.client), name)


@router.get("/verify")
@public
async def verify_page(request: Request, emails: Emails, token: TokenQuery = "") -> Response:
    """Ask for the click that creates the account."""
    return await _link_page(request, VERIFY, emails, token)


@router.get("/change-email")
@public
async def change_page(request: Request, emails: Emails, token: TokenQuery = "") -> Response:
    """Ask for the click that changes the address."""
    return await _link_page(request, CHANGE_EMAIL, emails, token)


async def _link_page(request: Request, purpose: str, emails: Emails, token: str) -> Response:
    """Ask for a click. purpose: what the link is for, and the name of its page."""
    if token:
        return keep_token(request, token)
    link = await emails.find_link(purpose, kept_token(request))
    return page(request, f"{purpose}.html", headers=NO_STORE, link=link)


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


@router.post("/change-email")
@public
async def change(
    request: Request, emails: Emails, request_session: CurrentRequestSession
) -> Response:
    """Use the new address."""
    await emails.change(kept_token(request), request_session.client)
    changed = "Your email address has been changed."
    return forget_token(request, see_other(request, "/", flash=changed))


async def _send(request: Request, template: str, sending: Awaitable[None], name: str) -> Response:
    """Let a link be sent, or show the form again. name: the address that was typed."""
    try:
        await sending
    except (AccountError, TooManyRequests) as error:
        return _form_again(request, template, error, name=name)
    return see_other(request, "/login", flash=SENT)
