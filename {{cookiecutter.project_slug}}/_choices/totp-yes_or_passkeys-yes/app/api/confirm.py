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


#{% if cookiecutter.totp and cookiecutter.passkeys %}
@router.post("/confirm", status_code=204, responses=errors(429))
async def confirm(
    body: ConfirmIn | CodeIn | CredentialIn,
    auth: CurrentAuth,
    factors: SecondFactors,
    totp: Totp,
    passkeys: CurrentPasskeys,
    browser: KnownBrowser,
) -> None:
    """Prove again who one is; the session gets a new token.

    With a passkey or a code, if the account has either: then a password is not enough.
    """
    if isinstance(body, CredentialIn):
        await passkeys.confirm(auth, body.model_dump(), browser)
    elif isinstance(body, CodeIn):
        await totp.confirm(auth, body.code)
    else:
        await factors.confirm_password(auth, body.password)
#{% elif cookiecutter.totp %}
@router.post("/confirm", status_code=204, responses=errors(429))
async def confirm(
    body: ConfirmIn | CodeIn, auth: CurrentAuth, factors: SecondFactors, totp: Totp
) -> None:
    """Prove again who one is; the session gets a new token.

    With a code, if the account has a second factor: then a password is not enough.
    """
    if isinstance(body, CodeIn):
        await totp.confirm(auth, body.code)
    else:
        await factors.confirm_password(auth, body.password)
#{% else %}
@router.post("/confirm", status_code=204, responses=errors(429))
async def confirm(
    body: ConfirmIn | CredentialIn,
    auth: CurrentAuth,
    factors: SecondFactors,
    passkeys: CurrentPasskeys,
    browser: KnownBrowser,
) -> None:
    """Prove again who one is; the session gets a new token.

    With a passkey, if the account has one: then a password is not enough.
    """
    if isinstance(body, CredentialIn):
        await passkeys.confirm(auth, body.model_dump(), browser)
    else:
        await factors.confirm_password(auth, body.password)
#{% endif %}
