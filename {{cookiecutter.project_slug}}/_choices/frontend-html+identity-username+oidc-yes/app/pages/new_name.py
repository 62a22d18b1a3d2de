"""The page on which whoever has come from a provider chooses a name, and gets an account."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.errors import TooManyRequests
from app.pages.after_provider import failed
from app.pages.auth import go_on
from app.pages.forms import NameField, account_form_again
from app.pages.redirects import next_page, see_other
from app.pages.templating import page
from app.users.errors import AccountError
from app.users.oidc_errors import ProviderError
from app.web.dependencies import CurrentRoundTrips, Oidc, public

router = APIRouter(prefix="/register", include_in_schema=False)


@router.get("/{provider}")
@public
async def name_page(
    provider: str, request: Request, oidc: Oidc, round_trips: CurrentRoundTrips
) -> Response:
    """Ask for a name."""
    if not round_trips.is_name_wanted(provider):
        return see_other(request, "/login")
    return page(request, "new_name.html", title=oidc.titles[provider])


@router.post("/{provider}")
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
        return account_form_again(request, "new_name.html", error, title=title, name=name)
    return go_on(request, next_page(request, next_path))
