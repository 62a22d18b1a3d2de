"""The pages of accounts at providers: go there, choose a name, link and unlink, confirm."""

from collections.abc import Awaitable

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.oidc import LIMIT
#{% if cookiecutter.identity == "username" %}
from app.errors import TooManyRequests
#{% endif %}
#{% if not cookiecutter.passkeys %}
from app.pages.account import AccountDetails
#{% endif %}
from app.pages.after_provider import failed
#{% if cookiecutter.identity == "username" %}
from app.pages.auth import FormField, NameField, NextField, go_on
#{% else %}
from app.pages.auth import FormField, NextField
#{% endif %}
from app.pages.redirects import HOME, next_page, see_other
from app.pages.templating import TEMPLATES, account_form_again, page
from app.users.errors import AccountError
#{% if not cookiecutter.passkeys %}
from app.users.first_password import set_first_password
#{% endif %}
from app.users.oidc import CONFIRM, LINK
from app.users.oidc_errors import ProviderError
from app.web.dependencies import (
    CurrentAuth,
    CurrentRoundTrips,
    FreshUser,
    Oidc,
    #{% if not cookiecutter.passkeys %}
    Users,
    #{% endif %}
    public,
)

router = APIRouter(include_in_schema=False)

# What the page says to whoever comes back without success.
TEMPLATES.env.globals["provider_errors"] = {
    each.code: each.text for each in (ProviderError, *ProviderError.__subclasses__())
}


@router.post("/login/{provider}", dependencies=[LIMIT])
@public
async def sign_in(
    provider: str, request: Request, round_trips: CurrentRoundTrips, next_path: NextField = HOME
) -> Response:
    """Send somebody to a provider, to sign in or to create an account."""
    return await _leave(request, round_trips.start(provider, next_page(request, next_path)))


@router.post("/account/identities/{provider}", dependencies=[LIMIT])
async def link(
    provider: str,
    request: Request,
    _: FreshUser,
    auth: CurrentAuth,
    round_trips: CurrentRoundTrips,
) -> Response:
    """Send a user to a provider, to link the account there."""
    return await _leave(request, round_trips.start(provider, "/account", LINK, auth))


@router.post("/account/identities/{identity_id}/remove")
async def remove(
    identity_id: int, request: Request, _: FreshUser, auth: CurrentAuth, oidc: Oidc
) -> Response:
    """Remove an account at a provider."""
    await oidc.remove(auth, identity_id)
    removed = "The account has been removed. You have been signed out everywhere else."
    return see_other(request, "/account", flash=removed)


@router.post("/confirm/{provider}", dependencies=[LIMIT])
async def confirm(
    provider: str,
    request: Request,
    auth: CurrentAuth,
    round_trips: CurrentRoundTrips,
    next_path: NextField = HOME,
) -> Response:
    """Send a user to a provider, to prove again who they are."""
    next_path = next_page(request, next_path)
    return await _leave(request, round_trips.start(provider, next_path, CONFIRM, auth))


#{% if not cookiecutter.passkeys %}
@router.post("/account/password")
async def set_password(
    request: Request,
    _: FreshUser,
    auth: CurrentAuth,
    users: Users,
    details: AccountDetails,
    new_password: FormField = "",
) -> Response:
    """Set the password of an account that has none."""
    try:
        await set_first_password(users, auth, new_password)
    except AccountError as error:
        names = {"current": "new_password", "new": "new_password"}
        return account_form_again(request, "account.html", error, **names, **details)
    changed = "You have a password now. You have been signed out everywhere else."
    return see_other(request, "/account", flash=changed)


#{% endif %}
#{% if cookiecutter.identity == "username" %}
@router.get("/register/{provider}")
@public
async def name_page(
    provider: str, request: Request, oidc: Oidc, round_trips: CurrentRoundTrips
) -> Response:
    """Ask whoever has come from a provider for a name."""
    if not round_trips.is_name_wanted(provider):
        return see_other(request, "/login")
    return page(request, "register_name.html", title=oidc.titles[provider])


@router.post("/register/{provider}")
@public
async def register(
    provider: str,
    request: Request,
    oidc: Oidc,
    round_trips: CurrentRoundTrips,
    name: NameField = "",
) -> Response:
    """Create the account, and sign in."""
    try:
        _, next_path = await round_trips.register(provider, name)
    except ProviderError as error:
        return failed(request, error)
    except (AccountError, TooManyRequests) as error:
        title = oidc.titles[provider]
        return account_form_again(request, "register_name.html", error, title=title, name=name)
    return go_on(request, next_page(request, next_path))


#{% endif %}
async def _leave(request: Request, starting: Awaitable[str]) -> Response:
    """Send the browser to a provider.

    By way of a page: browsers would refuse to be redirected by a form, which the content security
    policy allows to be sent to this app alone.
    """
    try:
        return page(request, "link.html", address=await starting)
    except ProviderError as error:
        return failed(request, error)
