"""Proving again who one is, before something sensitive."""

from fastapi import APIRouter

#{% if cookiecutter.passkeys %}
from app.api.passkeys import CredentialIn, KnownBrowser
#{% endif %}
#{% if cookiecutter.totp %}
from app.api.schemas import ERRORS, CodeIn, ConfirmIn, errors
#{% else %}
from app.api.schemas import ERRORS, ConfirmIn, errors
#{% endif %}
from app.web.dependencies import (
    CurrentAuth,
    #{% if cookiecutter.passkeys %}
    CurrentPasskeys,
    #{% endif %}
    SecondFactors,
    #{% if cookiecutter.totp %}
    Totp,
    #{% endif %}
)

router = APIRouter(prefix="/api", responses=ERRORS)


@router.post("/confirm", status_code=204, responses=errors(429))
async def confirm(
    #{% if cookiecutter.totp and cookiecutter.passkeys %}
    body: ConfirmIn | CodeIn | CredentialIn,
    #{% elif cookiecutter.totp %}
    body: ConfirmIn | CodeIn,
    #{% else %}
    body: ConfirmIn | CredentialIn,
    #{% endif %}
    auth: CurrentAuth,
    factors: SecondFactors,
    #{% if cookiecutter.totp %}
    totp: Totp,
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    passkeys: CurrentPasskeys,
    browser: KnownBrowser,
    #{% endif %}
) -> None:
    """Prove again who one is; the session gets a new token.

    With a second factor, if the account has one: then a password is not enough.
    """
    #{% if cookiecutter.passkeys %}
    if isinstance(body, CredentialIn):
        await passkeys.confirm(auth, body.model_dump(), browser)
        return
    #{% endif %}
    #{% if cookiecutter.totp %}
    if isinstance(body, CodeIn):
        await totp.confirm(auth, body.code)
        return
    #{% endif %}
    await factors.confirm_password(auth, body.password)
