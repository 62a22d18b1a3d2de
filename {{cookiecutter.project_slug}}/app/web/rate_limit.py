"""Rate limits for routes of your own."""

import re
from collections.abc import Awaitable, Callable, Sequence

#{% if cookiecutter.identity == "email" or cookiecutter.oidc %}
from fastapi import Depends, FastAPI
#{% else %}
from fastapi import FastAPI
#{% endif %}
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

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
        what = name or _route_of(connection)
        limiter = request_session.services.request_limiter
        await limiter.acquire(f"{what} {limit} {who}", count, seconds)

    return limited


def _route_of(connection: HTTPConnection) -> str:
    """Return a route as it is declared, below its prefixes and mounts, which it does not know.

    Nothing of it is the client's choice: no parameter of the path, and none of several methods.
    """
    scope, route = connection.scope, connection.scope["route"]
    outermost: FastAPI = scope["state"]["outermost_app"]
    path = _declared_path(outermost.routes, {**scope, "root_path": ""})
    if connection.app is not outermost:
        # What stands around a mounted app may hide its routes.
        path += _declared_path(connection.app.routes, scope)
    # A WebSocket has no method.
    return f"{sorted(getattr(route, 'methods', ()))} {path} {route.path}"


def _declared_path(routes: Sequence[BaseRoute], scope: Scope) -> str:
    for route in iter_route_contexts(routes):
        match, child_scope = route.matches(scope)
        if match is Match.FULL:
            path = str(route.path or getattr(route, "host", ""))
            return path + _declared_path(getattr(route, "routes", ()), {**scope, **child_scope})
    return ""
#{% if cookiecutter.identity == "email" %}


async def _limit_mail(request_session: CurrentRequestSession) -> None:
    await request_session.services.events.limit_mail(request_session.client)


LIMIT_MAIL = Depends(_limit_mail)
#{% endif %}
#{% if cookiecutter.oidc %}


# How often one address may be led to a provider: as many people may be behind it.
LIMIT_PROVIDERS = Depends(rate_limit("100/minute", name="provider", per_address=True))
#{% endif %}
