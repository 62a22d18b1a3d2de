"""The JSON API of passkeys. Bodies and options are WebAuthn's own, as browsers take and give them.

A cookie of its own tells one browser from others for as long as a challenge is good.
"""

import re
import secrets
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from webauthn.helpers import bytes_to_base64url

from app.api.schemas import ERRORS, Secret, Text, UserOut, errors
from app.models import User
from app.sessions.cookie import SessionCookie
from app.users.challenges import CHALLENGE_SECONDS
from app.users.passkeys import MAX_NAME_CHARACTERS
from app.web.dependencies import (
    CurrentAuth,
    CurrentPasskeys,
    CurrentRequestSession,
    CurrentUser,
    FreshUser,
    public,
)
from app.web.rate_limit import rate_limit

# As many as the people behind one address may need.
LIMIT = Depends(rate_limit("100/minute", name="passkey", per_address=True))

# What ``marked_browser`` gives out: nothing else comes back in a header.
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

Options = dict[str, Any]
Name = Annotated[Text, Field(max_length=MAX_NAME_CHARACTERS)]

router = APIRouter(prefix="/api", responses=ERRORS)


class CredentialIn(BaseModel):
    """What ``credential.toJSON()`` gives, in a browser."""

    model_config = ConfigDict(extra="allow", strict=True)

    id: str
    response: dict[str, JsonValue]


class NewPasskeyIn(CredentialIn):
    """A passkey that was just made. name: empty for a guess."""

    name: Name = ""


class PasskeySignInIn(CredentialIn):
    """A passkey that was just used."""

    remember: bool = False


class NameIn(BaseModel):
    """Another name for a passkey."""

    name: Annotated[Name, Field(min_length=1)]


class NewPasswordIn(BaseModel):
    """The password of an account that has none."""

    new_password: Secret


class NewPasskeyOut(BaseModel):
    """A passkey. id: as WebAuthn has it."""

    id: str
    name: str


class PasskeyOut(NewPasskeyOut):
    """A passkey in the list of a user's passkeys."""

    created_at: datetime
    last_used_at: datetime | None


async def get_cookie(request_session: CurrentRequestSession) -> SessionCookie:
    """Return the cookie: like that of the session, since it has to reach the same front ends."""
    cookie = request_session.services.cookie
    return replace(cookie, purpose="passkey")


BrowserCookie = Annotated[SessionCookie, Depends(get_cookie)]


async def known_browser(request: Request, cookie: BrowserCookie) -> str:
    """Return what the browser was given with a challenge; nothing without it."""
    values = cookie.read(request.scope["headers"])
    return values[0] if len(values) == 1 and _BROWSER.fullmatch(values[0]) else ""


KnownBrowser = Annotated[str, Depends(known_browser)]


async def marked_browser(
    known: KnownBrowser,
    response: Response,
    cookie: BrowserCookie,
    request_session: CurrentRequestSession,
) -> str:
    """Return what tells a browser from others.

    All of its tabs share it, or a second one would make the challenge of the first invalid.
    Raises HTTPException when the browser would not keep it.
    """
    request_session.require_cookies()
    browser = known or secrets.token_urlsafe(32)
    header = cookie.set_cookie(browser, CHALLENGE_SECONDS)
    response.headers.append("Set-Cookie", header.decode("ascii"))
    return browser


MarkedBrowser = Annotated[str, Depends(marked_browser)]


@router.get("/passkeys")
async def list_passkeys(user: CurrentUser, passkeys: CurrentPasskeys) -> list[PasskeyOut]:
    """List the passkeys of the user."""
    return [
        PasskeyOut.model_validate({**row._mapping, "id": bytes_to_base64url(row.id)})
        for row in await passkeys.list_for_user(user.id)
    ]


@router.post("/passkeys/options", responses=errors(409))
async def creation_options(
    _: FreshUser, auth: CurrentAuth, passkeys: CurrentPasskeys, browser: MarkedBrowser
) -> Options:
    """Return what ``navigator.credentials.create()`` takes."""
    return await passkeys.creation_options(auth, browser)


@router.post("/passkeys", status_code=201, responses=errors(409))
async def add_passkey(
    body: NewPasskeyIn, auth: CurrentAuth, passkeys: CurrentPasskeys, browser: KnownBrowser
) -> NewPasskeyOut:
    """Add a passkey: every other session of the user ends, this one gets a new token."""
    added = await passkeys.add(auth, body.model_dump(), browser, body.name.strip())
    return NewPasskeyOut(id=added[0], name=added[1])


@router.patch("/passkeys/{passkey_id}", status_code=204)
async def rename_passkey(
    passkey_id: str, body: NameIn, user: CurrentUser, passkeys: CurrentPasskeys
) -> None:
    """Give a passkey another name."""
    await passkeys.rename(user, passkey_id, body.name)


@router.delete("/passkeys/{passkey_id}", status_code=204, responses=errors(409))
async def remove_passkey(
    passkey_id: str, _: FreshUser, auth: CurrentAuth, passkeys: CurrentPasskeys
) -> None:
    """Remove a passkey, unless it is the last way to sign in: every other session ends."""
    await passkeys.remove(auth, passkey_id)


@router.post("/login/passkey/options")
@public
async def sign_in_options(passkeys: CurrentPasskeys, browser: MarkedBrowser) -> Options:
    """Return what ``navigator.credentials.get()`` takes. It names nobody."""
    return await passkeys.request_options(browser)


@router.post("/login/passkey", response_model=UserOut, dependencies=[LIMIT], responses=errors(429))
@public
async def sign_in(
    body: PasskeySignInIn,
    passkeys: CurrentPasskeys,
    browser: KnownBrowser,
    request_session: CurrentRequestSession,
) -> User:
    """Sign in. The response is 404 for a passkey that is no longer registered here."""
    sign_in = await passkeys.sign_in(body.model_dump(), browser)
    return await request_session.finish_sign_in(sign_in, remember=body.remember)


@router.post("/confirm/passkey/options")
async def confirm_options(
    user: CurrentUser, passkeys: CurrentPasskeys, browser: MarkedBrowser
) -> Options:
    """Return what ``navigator.credentials.get()`` takes, for POST /api/confirm."""
    return await passkeys.request_options(browser, user)


@router.put("/password", status_code=204, responses=errors(409))
async def set_password(
    body: NewPasswordIn, _: FreshUser, auth: CurrentAuth, passkeys: CurrentPasskeys
) -> None:
    """Set the password of an account that has none: every other session ends."""
    await passkeys.set_password(auth, body.new_password)


@router.delete("/password", status_code=204, responses=errors(409))
async def remove_password(_: FreshUser, auth: CurrentAuth, passkeys: CurrentPasskeys) -> None:
    """Remove the password of an account that has a passkey: every other session ends."""
    await passkeys.remove_password(auth)
