"""What pages show of a user's accounts at providers."""

from typing import Any

from starlette.requests import Request

from app.oidc_settings import title_of
from app.users.ways_in import count_ways, has_password, is_configured
from app.web.dependencies import CurrentIdentities, CurrentUser
from app.web.request_session import get_request_session


async def describe_identities(user: CurrentUser, identities: CurrentIdentities) -> dict[str, Any]:
    """Describe what the account page shows of accounts at providers, and of a password."""
    found, database = await identities.list_for_user(user.id), identities.users.database
    settings = identities.settings
    ways = await count_ways(database, user.id, settings)
    return {
        "identities": [
            {
                **each._mapping,
                "title": title_of(each.provider),
                "is_last": ways == 1 and is_configured(each.issuer, settings),
            }
            for each in found
        ],
        "has_password": await has_password(database, user.id),
    }


async def ways_to_confirm(request: Request) -> dict[str, str]:
    """Return where a user without a password can prove who they are: titles, by name."""
    request_session = get_request_session(request)
    services, user = request_session.services, await request_session.load_user()
    if user is None or await has_password(services.database, user.id):
        return {}
    found = {each.provider for each in await services.identities.list_for_user(user.id)}
    return {name: title for name, title in services.oidc.titles.items() if name in found}
