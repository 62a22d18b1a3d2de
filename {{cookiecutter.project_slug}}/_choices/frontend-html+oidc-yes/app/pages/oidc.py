"""The pages that lead to a provider: sign in, link, confirm; and the form that unlinks."""

from collections.abc import Awaitable

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages.after_provider import failed
from app.pages.forms import NextField
from app.pages.redirects import HOME, next_page, see_other
from app.pages.templating import TEMPLATES, page
from app.users.oidc import CONFIRM, LINK
from app.users.oidc_errors import ProviderError
from app.users.ways_in import has_password
from app.web.dependencies import (
    CurrentAuth,
    CurrentIdentities,
    CurrentRoundTrips,
    FreshUser,
    public,
)
from app.web.rate_limit import LIMIT_PROVIDERS
from app.web.request_session import get_request_session

router = APIRouter(include_in_schema=False)

_ERRORS: list[type[ProviderError]] = [ProviderError, *ProviderError.__subclasses__()]
# What pages say to whoever comes back without success.
TEMPLATES.env.globals["provider_errors"] = {each.code: each.text for each in _ERRORS}


@router.post("/login/{provider}", dependencies=[LIMIT_PROVIDERS])
@public
async def sign_in(
    provider: str, request: Request, round_trips: CurrentRoundTrips, next_path: NextField = HOME
) -> Response:
    """Lead somebody to a provider, to sign in or to create an account."""
    return await _lead(request, round_trips.start(provider, next_page(request, next_path)))


@router.post("/confirm/{provider}", dependencies=[LIMIT_PROVIDERS])
async def confirm(
    provider: str,
    request: Request,
    auth: CurrentAuth,
    round_trips: CurrentRoundTrips,
    next_path: NextField = HOME,
) -> Response:
    """Lead a user to a provider, to prove again who they are."""
    next_path = next_page(request, next_path)
    return await _lead(request, round_trips.start(provider, next_path, CONFIRM, auth))


@router.post("/account/identities/{provider}", dependencies=[LIMIT_PROVIDERS])
async def link(
    provider: str,
    request: Request,
    _: FreshUser,
    auth: CurrentAuth,
    round_trips: CurrentRoundTrips,
) -> Response:
    """Lead a user to a provider, to link the account there."""
    return await _lead(request, round_trips.start(provider, "/account", LINK, auth))


@router.post("/account/identities/{identity_id}/remove")
async def remove(
    identity_id: int,
    request: Request,
    _: FreshUser,
    auth: CurrentAuth,
    identities: CurrentIdentities,
) -> Response:
    """Remove an account at a provider."""
    await identities.remove(auth, identity_id)
    removed = "The account has been removed. You have been signed out everywhere else."
    return see_other(request, "/account", flash=removed)


async def _lead(request: Request, starting: Awaitable[str]) -> Response:
    """Lead the browser to a provider.

    By way of a page: the content security policy allows forms to be sent to this app alone, and
    Chromium would stop at a redirect.
    """
    try:
        return page(request, "link.html", address=await starting)
    except ProviderError as error:
        return failed(request, error)


async def ways_to_confirm(request: Request) -> dict[str, str]:
    """Return where a user without a password can prove who they are: titles, by name."""
    request_session = get_request_session(request)
    services, user = request_session.services, await request_session.load_user()
    if user is None or await has_password(services.database, user.id):
        return {}
    # Whatever the provider was called when they came from there.
    issuers = [each.issuer for each in await services.identities.list_for_user(user.id)]
    providers = services.settings.oidc_providers
    return {
        name: title
        for name, title in services.oidc.titles.items()
        if any(map(providers[name].accepts, issuers))
    }
