"""Routes that find out who is there in half the time."""

from collections.abc import Callable, Coroutine
from copy import copy
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# What FastAPI fills in for a route or a dependency, beside other dependencies and the connection.
_MORE = (
    "path_params",
    "query_params",
    "header_params",
    "cookie_params",
    "body_params",
    "request_param_name",
    "websocket_param_name",
    "response_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
    "own_oauth_scopes",
    "parent_oauth_scopes",
    "concurrency",
)


class Route(APIRoute):
    """A route that calls its dependencies itself, when all that they take is the connection.

    Nothing else is different with it: FastAPI's own way to them is for dependencies of every kind,
    and takes 10 % of what a request that only reads its session takes.
    """

    def get_route_handler(self) -> Handler:
        """Return what answers a request."""
        handle = super().get_route_handler()
        if _is_flat(self.dependant):
            flat = copy(self)
            flat.dependant = _flattened(self.dependant)
            handle = APIRoute.get_route_handler(flat)

        async def answer(request: Request) -> Response:
            if request.app.dependency_overrides:
                # A test has put others in their place, which FastAPI is to call as it does.
                overridden = copy(self)
                overridden.dependency_overrides_provider = request.app
                return await APIRoute.get_route_handler(overridden)(request)
            return await handle(request)

        return answer


def _is_flat(asked: Dependant) -> bool:
    """Whether a route asks for dependencies and nothing else, and those for the connection."""
    dependencies = asked.dependencies
    return (
        bool(dependencies)
        and iscoroutinefunction(asked.call)
        and not any(map(_asks_for_more, (asked, *dependencies)))
        and all(map(_is_for_the_connection, dependencies))
    )


def _is_for_the_connection(dependency: Dependant) -> bool:
    return (
        dependency.http_connection_param_name is not None
        and not dependency.dependencies
        and iscoroutinefunction(dependency.call)
    )


def _asks_for_more(asked: Dependant) -> bool:
    return any(getattr(asked, name) for name in _MORE)


def _flattened(asked: Dependant) -> Dependant:
    endpoint: Any = asked.call
    dependencies: list[Any] = [(each.name, each.call) for each in asked.dependencies]

    async def call(connection: Request) -> Any:
        values = {name: await dependency(connection) for name, dependency in dependencies}
        return await endpoint(**values)

    return replace(asked, call=call, dependencies=[], http_connection_param_name="connection")
