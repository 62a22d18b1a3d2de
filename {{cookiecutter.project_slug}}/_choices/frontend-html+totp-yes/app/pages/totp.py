"""The pages of authenticator apps: set up, sign in with a code, confirm with one, turn off."""

from typing import Any

import segno
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages.auth import go_on
from app.pages.forms import FormField, account_form_again
from app.pages.links import NO_STORE
from app.pages.pending import forget_pending, get_pending
from app.pages.redirects import see_other
from app.pages.templating import page
from app.users.errors import AccountError, SignInFailed
from app.users.totp import Enrolment, WrongCode
from app.web.dependencies import (
    CurrentAuth,
    CurrentRequestSession,
    FreshUser,
    Totp,
    public,
)

router = APIRouter(include_in_schema=False)


@router.get("/login/code")
@public
async def code_page(request: Request) -> Response:
    """Ask for the code of somebody whose password was right."""
    if get_pending(request) is None:
        return see_other(request, "/login")
    return page(request, "login_code.html", headers=NO_STORE)


@router.post("/login/code")
@public
async def sign_in(
    request: Request, request_session: CurrentRequestSession, code: FormField = ""
) -> Response:
    """Sign in with the code."""
    pending = get_pending(request)
    if pending is None:
        return see_other(request, "/login")
    try:
        await request_session.sign_in_with_code(pending.sign_in, code, remember=pending.remember)
    except SignInFailed:
        return forget_pending(request, see_other(request, "/login"))
    except AccountError as error:
        return account_form_again(request, "login_code.html", error, current="code")
    return go_on(request, pending.next_path)


@router.get("/account/totp")
async def totp_page(request: Request, user: FreshUser, totp: Totp) -> Response:
    """Show what can be done with an authenticator app."""
    return page(request, "totp.html", is_on=bool(await totp.kinds_of(user.id)))


@router.post("/account/totp")
async def begin(request: Request, user: FreshUser, totp: Totp) -> Response:
    """Show a new secret, and ask for a first code."""
    return page(request, "totp_setup.html", **_shown(await totp.begin(user)))


@router.post("/account/totp/confirm")
async def turn_on(
    request: Request, user: FreshUser, auth: CurrentAuth, totp: Totp, code: FormField = ""
) -> Response:
    """Ask for codes from now on, and show the recovery codes."""
    try:
        codes = await totp.turn_on(auth, code)
    except WrongCode as error:
        shown = _shown(await totp.begun(user))
        return account_form_again(request, "totp_setup.html", error, current="code", **shown)
    return page(request, "recovery_codes.html", codes=codes)


@router.post("/account/totp/off")
async def turn_off(request: Request, _: FreshUser, auth: CurrentAuth, totp: Totp) -> Response:
    """Ask for codes no more."""
    await totp.turn_off(auth)
    removed = "Your authenticator app is turned off. You have been signed out everywhere else."
    return see_other(request, "/account", flash=removed)


@router.post("/account/recovery-codes")
async def renew_recovery_codes(
    request: Request, _: FreshUser, auth: CurrentAuth, totp: Totp
) -> Response:
    """Show new recovery codes."""
    return page(request, "recovery_codes.html", codes=await totp.renew_recovery_codes(auth))


def _shown(enrolment: Enrolment) -> dict[str, Any]:
    """Return what the set-up page shows. The QR code is drawn here: nobody else sees the secret."""
    qr_code = segno.make_qr(enrolment.uri).svg_inline(light="white", omitsize=True)
    return {"qr_code": qr_code, "enrolment": enrolment}
