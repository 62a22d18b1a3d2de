"""Rate limits for routes of your own."""

import re
from collections.abc import Awaitable, Callable

#{% if cookiecutter.identity == "email" or cookiecutter.oidc %}
from fastapi import Depends
#{% endif %}
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import Match

from app.users.rate_limit import subscriber
from app.web.dependencies import CurrentRequestSession, OptionalUser

_LIMIT = re.compile("(?P<count>[1-9][0-9]*)/(?P<unit>second|minute|hour|day)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


def rate_limit(
    limit: str, *, name: str = "", per_address: bool = False
) -> Callable[..., Awaitable[None]]:
    """Return a dependency that allows a user, or an address, so many requests.

    limit: such as ``"10/minute"``. name: routes with the same one share a count; by default each
    route has its own. per_address: whether those who are signed in count as their address, too:
    with accounts of their own, they could choose who they are. The dependency raises
    TooManyRequests (429 with Retry-After).
    """
    parts = _LIMIT.fullmatch(limit)
    if parts is None:
        raise ValueError(f'{limit!r} must be like "10/minute": per second, minute, hour or day')
    count, seconds = int(parts["count"]), _SECONDS[parts["unit"]]

    async def limited(
        connection: HTTPConnection, request_session: CurrentRequestSession, user: OptionalUser
    ) -> None:
        address = f"address {subscriber(request_session.ip)}"
        who = f"user {user.id}" if user and not per_address else address
        # A WebSocket has no method.
        what = name or f"{connection.scope.get('method')} {_path_of(connection)}"
        limiter = request_session.services.request_limiter
        await limiter.acquire(f"{what} {limit} {who}", count, seconds)

    return limited


def _path_of(connection: HTTPConnection) -> str:
    """Return the path of a route below its prefix and its mounted app, which it does not know."""
    scope = connection.scope
    routes = iter_route_contexts(connection.app.routes)
    found = (each.path for each in routes if each.matches(scope)[0] is Match.FULL)
    # That of a mounted router is not among them.
    return f"{scope.get('root_path', '')}{next(found, scope['route'].path)}"
#{% if cookiecutter.identity == "email" %}


# How often one address may cause a mail, whoever gets it.
LIMIT_MAIL = Depends(rate_limit("20/minute", name="mail", per_address=True))
#{% endif %}
#{% if cookiecutter.oidc %}


# How often one address may be led to a provider: as many people may be behind it.
LIMIT_PROVIDERS = Depends(rate_limit("100/minute", name="provider", per_address=True))
#{% endif %}
