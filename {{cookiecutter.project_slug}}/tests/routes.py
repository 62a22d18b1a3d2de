"""Every route of the app, with the owner's own among them."""

import re
from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
SOCKET, MOUNT = "WEBSOCKET", "MOUNT"


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route, each parameter filled in with 0."""
    for route in iter_route_contexts(app.routes):
        path = re.sub(r"\{[^}]*\}", "0", str(route.path))
        if isinstance(route.original_route, APIWebSocketRoute):
            yield SOCKET, path
        elif isinstance(route.original_route, APIRoute):
            for method in sorted(route.methods or ()):
                yield method, path
        else:
            yield MOUNT, path


def http_routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Return method and path of each route that is neither a WebSocket nor mounted."""
    return [each for each in routes_of(app) if each[0] not in (SOCKET, MOUNT)]
