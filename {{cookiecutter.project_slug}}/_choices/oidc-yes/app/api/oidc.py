"""The JSON API of accounts at providers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import ERRORS, errors
from app.database import AnyRow
from app.users.oidc import CONFIRM, LINK
from app.web.dependencies import (
    CurrentAuth,
    CurrentIdentities,
    CurrentRoundTrips,
    CurrentUser,
    FreshUser,
    public,
)
from app.web.rate_limit import LIMIT_PROVIDERS

router = APIRouter(prefix="/api", responses=ERRORS)


class StartIn(BaseModel):
    """Where to go on afterwards: a path of the front end."""

    # Neither a slash nor a backslash comes next, with which browsers would leave for another host.
    next: Annotated[str, Field(max_length=1024, pattern=r"^/([!-.0-\[\]-~][!-~]*)?$")] = "/"


class StartOut(BaseModel):
    """Where the browser has to go."""

    url: str


class IdentityOut(BaseModel):
    """An account at a provider."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    provider: str
    created_at: datetime
    last_used_at: datetime | None


@router.post("/login/{provider}", dependencies=[LIMIT_PROVIDERS], responses=errors(429))
@public
async def sign_in(
    provider: str, round_trips: CurrentRoundTrips, body: StartIn | None = None
) -> StartOut:
    """Begin to sign in at a provider, or to create an account with one there."""
    return StartOut(url=await round_trips.start(provider, _next(body)))


@router.post("/confirm/{provider}", dependencies=[LIMIT_PROVIDERS], responses=errors(429))
async def confirm(
    provider: str, auth: CurrentAuth, round_trips: CurrentRoundTrips, body: StartIn | None = None
) -> StartOut:
    """Begin to prove again at a provider who one is, before something sensitive."""
    return StartOut(url=await round_trips.start(provider, _next(body), CONFIRM, auth))


@router.get("/identities", response_model=list[IdentityOut])
async def list_identities(user: CurrentUser, identities: CurrentIdentities) -> Sequence[AnyRow]:
    """List the accounts at providers that open the user's account here."""
    return await identities.list_for_user(user.id)


@router.post("/identities/{provider}", dependencies=[LIMIT_PROVIDERS], responses=errors(409, 429))
async def link(
    provider: str,
    _: FreshUser,
    auth: CurrentAuth,
    round_trips: CurrentRoundTrips,
    body: StartIn | None = None,
) -> StartOut:
    """Begin to link an account at a provider: every other session of the user ends then."""
    return StartOut(url=await round_trips.start(provider, _next(body), LINK, auth))


@router.delete("/identities/{identity_id}", status_code=204, responses=errors(409))
async def remove(
    identity_id: int, _: FreshUser, auth: CurrentAuth, identities: CurrentIdentities
) -> None:
    """Remove one, unless it is the last way to sign in: every other session of the user ends."""
    await identities.remove(auth, identity_id)


def _next(body: StartIn | None) -> str:
    return body.next if body else "/"
