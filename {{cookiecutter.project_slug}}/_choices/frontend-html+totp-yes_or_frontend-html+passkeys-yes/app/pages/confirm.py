"""The page on which users prove again who they are, with the strongest that their account has."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages.forms import FormField, NextField, NextQuery, account_form_again
#{% if cookiecutter.oidc %}
from app.pages.identities import ways_to_confirm
#{% endif %}
from app.pages.redirects import HOME, next_page, see_other
from app.pages.templating import page
from app.users.errors import AccountError
#{% if cookiecutter.totp %}
from app.web.dependencies import CurrentAuth, CurrentUser, SecondFactors, Totp
#{% else %}
from app.web.dependencies import CurrentAuth, CurrentUser, SecondFactors
#{% endif %}
from app.web.request_session import get_request_session

router = APIRouter(include_in_schema=False)


@router.get("/confirm")
async def confirm_page(request: Request, _: CurrentUser, next_path: NextQuery = HOME) -> Response:
    """Ask once more who somebody is."""
    return await confirm_form(request, next_page(request, next_path))


@router.post("/confirm")
async def confirm(
    request: Request,
    auth: CurrentAuth,
    factors: SecondFactors,
    #{% if cookiecutter.totp %}
    totp: Totp,
    code: FormField = "",
    #{% endif %}
    password: FormField = "",
    next_path: NextField = HOME,
) -> Response:
    """Confirm with what the form asked for, and continue. A passkey goes over the API."""
    next_path = next_page(request, next_path)
    try:
        #{% if cookiecutter.totp %}
        if code:
            await totp.confirm(auth, code)
        else:
            await factors.confirm_password(auth, password)
        #{% else %}
        await factors.confirm_password(auth, password)
        #{% endif %}
    except AccountError as error:
        return await confirm_form(request, next_path, error)
    return see_other(request, next_path)


async def confirm_form(
    request: Request, next_path: str, error: AccountError | None = None, *, status: int = 200
) -> Response:
    """Ask for the strongest that the account has. error: what was wrong with the form before."""
    request_session = get_request_session(request)
    user = await request_session.load_user()
    kinds = await request_session.services.factors.kinds_of(user.id) if user else []
    template, field = "confirm.html", "password"
    shown: dict[str, Any] = {"next": next_path}
    #{% if cookiecutter.totp %}
    has_codes = "recovery_code" in kinds
    if has_codes:
        template, field = "confirm_code.html", "code"
    #{% endif %}
    #{% if cookiecutter.totp and cookiecutter.passkeys %}
    if "passkey" in kinds and not (has_codes and "code" in request.query_params):
        template = "confirm_passkey.html"
    shown["has_codes"] = has_codes
    #{% elif cookiecutter.passkeys %}
    if "passkey" in kinds:
        template = "confirm_passkey.html"
    #{% endif %}
    #{% if cookiecutter.oidc %}
    if not kinds and (ways := await ways_to_confirm(request)):
        template, shown["ways"] = "confirm_provider.html", ways
    #{% endif %}
    if error:
        return account_form_again(request, template, error, current=field, **shown)
    return page(request, template, status_code=status, **shown)
