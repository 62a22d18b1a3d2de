"""Default deny: the app does not start with a route that is open to everybody by mistake."""

from collections.abc import Iterator, Sequence

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Router

from app.web.dependencies import RequireSession, SessionRequired, is_public


def refuse_unprotected_routes(app: FastAPI) -> None:
    """Raise RuntimeError unless every route requires a session or is public (ASVS 5.0 8.3.1).

    That is through a dependency of its own, of its router or of another dependency. Apps that are
    mounted are looked into, unless they are declared public as a whole.
    """
    if unprotected := dict.fromkeys(_unprotected(app.routes, "")):
        raise RuntimeError(
            f"Open to everybody: {', '.join(unprotected)}. Let each depend on CurrentUser or "
            "another alias of app/web/dependencies.py, or declare it @public."
        )
    if any(map(_serves_files, _routers(app.router))):
        raise RuntimeError(
            "Open to everybody: frontend(). Mount StaticFiles instead, declared public."
        )
    if any(router.default != router.not_found for router in _routers(app.router)):
        raise RuntimeError("Open to everybody: router.default. Mount it instead.")


def _unprotected(routes: Sequence[BaseRoute], prefix: str) -> Iterator[str]:
    for route in iter_route_contexts(routes):
        path = f"{prefix}{route.path or getattr(route.original_route, 'host', '')}"
        declared = route.endpoint or getattr(route.original_route, "app", None)
        if is_public(declared) or isinstance(declared, RequireSession):
            continue
        inner = getattr(route.original_route, "routes", None)
        if inner:
            yield from _unprotected(inner, path)
        elif not _requires_session(getattr(route, "dependant", None)):
            yield path


def _requires_session(dependant: Dependant | None) -> bool:
    return dependant is not None and any(
        isinstance(each.call, SessionRequired) or _requires_session(each)
        for each in dependant.dependencies
    )


def _routers(router: Router) -> Iterator[Router]:
    """Yield a router, those that it includes, and those of apps that it mounts, but public ones."""
    yield router
    for route in router.routes:
        app = getattr(route, "app", None)
        inner = getattr(route, "original_router", getattr(app, "router", app))
        if isinstance(inner, Router) and not is_public(app):
            yield from _routers(inner)


def _serves_files(router: Router) -> bool:
    """Whether a router has routes beside its list of routes, as ``frontend()`` adds them."""
    return any(isinstance(value, BaseRoute) for value in vars(router).values())
