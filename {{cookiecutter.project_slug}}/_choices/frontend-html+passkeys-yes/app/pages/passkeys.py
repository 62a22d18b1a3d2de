"""The pages of passkeys. What a browser has to do for them, a script does over the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
from webauthn.helpers import bytes_to_base64url

from app.pages.auth import FormField, NextField, NextQuery
from app.pages.redirects import HOME, next_page, see_other
from app.pages.session_list import describe_sessions
from app.pages.templating import account_form_again, page
from app.users.errors import AccountError
from app.users.factors import StrongerFactorRequired
from app.web.dependencies import (
    CurrentAuth,
    CurrentPasskeys,
    CurrentSettings,
    CurrentUser,
    SecondFactors,
    public,
)
from app.web.request_session import get_request_session

router = APIRouter(include_in_schema=False)


async def describe_account(
    user: CurrentUser,
    passkeys: CurrentPasskeys,
    sessions: Annotated[dict[str, Any], Depends(describe_sessions)],
) -> dict[str, Any]:
    """Describe what the account page shows besides its forms."""
    found = await passkeys.list_for_user(user.id)
    return {
        "passkeys": [{**each._mapping, "id": bytes_to_base64url(each.id)} for each in found],
        "has_password": await passkeys.has_password(user),
        "rp_id": passkeys.site.id,
        "user_handle": bytes_to_base64url(await passkeys.handle_of(user.id) or b""),
        **sessions,
    }


async def confirm_form(request: Request, next_path: str, status: int = 200) -> Response:
    """Ask for the strongest that the user has."""
    request_session = get_request_session(request)
    user = await request_session.load_user()
    has_passkey = user and await request_session.services.passkeys.kinds_of(user.id)
    template = "confirm_passkey.html" if has_passkey else "confirm.html"
    return page(request, template, status=status, next=next_path)


@router.get("/confirm")
async def confirm_page(request: Request, _: CurrentUser, next_path: NextQuery = HOME) -> Response:
    """Ask for a passkey or the password once more."""
    return await confirm_form(request, next_page(request, next_path))


@router.post("/confirm")
async def confirm(
    request: Request,
    auth: CurrentAuth,
    factors: SecondFactors,
    password: FormField = "",
    next_path: NextField = HOME,
) -> Response:
    """Confirm the password, and continue to what requires it."""
    next_path = next_page(request, next_path)
    try:
        await factors.confirm_password(auth, password)
    except StrongerFactorRequired as error:
        return await confirm_form(request, next_path, error.status)
    except AccountError as error:
        return account_form_again(request, "confirm.html", error, next=next_path)
    return see_other(request, next_path)


@router.get("/.well-known/passkey-endpoints")
@public
async def passkey_endpoints(settings: CurrentSettings) -> dict[str, str]:
    """Tell password managers where passkeys are added and removed."""
    account = f"{settings.public_url}/account"
    return {"enroll": account, "manage": account}
