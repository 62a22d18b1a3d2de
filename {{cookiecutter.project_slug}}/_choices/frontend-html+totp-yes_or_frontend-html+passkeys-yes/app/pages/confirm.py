"""The page on which users prove again who they are, with the strongest that their account has."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages.forms import FormField, NextField, NextQuery, account_form_again
#{% if cookiecutter.oidc %}
from app.pages.oidc import ways_to_confirm
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
    shown: dict[str, Any] = {"next": next_path}
    #{% if cookiecutter.totp %}
    has_codes = shown["has_codes"] = "recovery_code" in kinds
    #{% endif %}
    #{% if cookiecutter.oidc %}
    ways = shown["ways"] = {} if kinds else await ways_to_confirm(request)
    #{% endif %}
    template = "confirm.html"
    #{% if cookiecutter.totp and cookiecutter.passkeys %}
    if "passkey" in kinds and not (has_codes and "code" in request.query_params):
        template = "confirm_passkey.html"
    elif has_codes:
        template = "confirm_code.html"
    #{% elif cookiecutter.passkeys %}
    if "passkey" in kinds:
        template = "confirm_passkey.html"
    #{% else %}
    if has_codes:
        template = "confirm_code.html"
    #{% endif %}
    #{% if cookiecutter.oidc %}
    elif ways:
        template = "confirm_provider.html"
    #{% endif %}
    if error:
        #{% if cookiecutter.totp %}
        field = "code" if has_codes else "password"
        return account_form_again(request, template, error, current=field, **shown)
        #{% else %}
        return account_form_again(request, template, error, **shown)
        #{% endif %}
    return page(request, template, status_code=status, **shown)
