"""How the app is put together: read this first."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
#{% if cookiecutter.frontend == "html" %}
from fastapi.staticfiles import StaticFiles
#{% endif %}
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from app.services import Services
from app.settings import PROJECT, Settings
#{% if cookiecutter.frontend == "html" %}
from app.web import access, account_pages, api, docs, errors, health, pages
#{% else %}
from app.web import access, api, docs, errors, health
#{% endif %}
from app.web.edge import Edge
from app.web.openapi import complete
from app.web.transport import TransportMiddleware


class App(FastAPI):
    """FastAPI inside of our own layer, so that even its last-resort 500 has our headers."""

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap everything that FastAPI builds."""
        return Edge(super().build_middleware_stack(), self.state.services)

    def openapi(self) -> dict[str, Any]:
        """Describe the API, with what FastAPI cannot see of it."""
        return self.openapi_schema or complete(super().openapi(), self)


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> FastAPI:
    """Build the app. clock: returns Unix time in seconds."""
    app = App(
        title=PROJECT["name"],
        description=PROJECT["description"],
        lifespan=_lifespan,
        # Documentation and schema are routes of ours, in development only.
        openapi_url=None,
        # A redirect built from the Host header, for a path that does not exist: rather a 404.
        redirect_slashes=False,
        # The framework would hand out exception texts to whatever exporter is installed.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.services = Services(settings, clock)

    # The last one added is the first one asked.
    if settings.trusted_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.trusted_origins,
            allow_credentials=True,
            allow_methods=("GET", "POST", "PUT", "DELETE"),
            allow_headers=("content-type",),
        )
    app.add_middleware(TransportMiddleware, settings=settings)

    errors.install(app)
    _add(app, api.router, health.router)
    #{% if cookiecutter.frontend == "html" %}
    _add(app, pages.router, account_pages.router)
    app.mount("/static", access.public(StaticFiles(packages=[("app.web", "static")])))
    #{% endif %}
    if not settings.production:
        _add(app, docs.router)
    return app


def _add(app: FastAPI, *routers: APIRouter) -> None:
    """Add the routes themselves.

    FastAPI looks through those of an included router twice for each request, and at twice the
    cost: a third of what the app takes for a request that looks at no session.
    """
    for router in routers:
        app.router.routes += router.routes


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    access.refuse_undeclared_routes(app)
    yield
    await app.state.services.close()
