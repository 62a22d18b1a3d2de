"""How the app is put together: read this first. ``uvicorn app.main:app`` runs it."""

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
#{% if cookiecutter.frontend == "html" %}
from fastapi.staticfiles import StaticFiles
#{% endif %}
from starlette.middleware.cors import CORSMiddleware

#{% if cookiecutter.oidc %}
from app import provider_calls
#{% endif %}
#{% if cookiecutter.oidc and cookiecutter.frontend == "api" %}
from app.api import after_provider as after_provider_api
#{% endif %}
#{% if cookiecutter.totp or cookiecutter.passkeys %}
from app.api import confirm as confirm_api
#{% endif %}
#{% if cookiecutter.identity == "email" %}
from app.api import emails as email_api
#{% endif %}
from app.api import examples, me, routes
#{% if cookiecutter.oidc and not cookiecutter.passkeys %}
from app.api import first_password as first_password_api
#{% endif %}
#{% if cookiecutter.oidc %}
from app.api import oidc as oidc_api
#{% endif %}
#{% if cookiecutter.passkeys %}
from app.api import passkeys as passkey_api
#{% endif %}
#{% if cookiecutter.totp %}
from app.api import totp as totp_api
#{% endif %}
from app.config import ADVICE, PROJECT, STARTUP_FAILURE, Settings, SettingsError
from app.env_file import warn_about_misspelled_names
from app.logs import configure_logging
#{% if cookiecutter.frontend == "html" %}
from app.pages import account, admin, auth, links, well_known
#{% if cookiecutter.totp or cookiecutter.passkeys or cookiecutter.oidc %}
from app.pages import confirm as confirm_pages
#{% endif %}
#{% if cookiecutter.identity == "email" %}
from app.pages import emails as email_pages
#{% endif %}
#{% if cookiecutter.oidc and not cookiecutter.passkeys %}
from app.pages import first_password as first_password_pages
#{% endif %}
#{% if cookiecutter.oidc and cookiecutter.identity == "username" %}
from app.pages import new_name as new_name_pages
#{% endif %}
#{% if cookiecutter.oidc %}
from app.pages import oidc as oidc_pages
#{% endif %}
#{% if cookiecutter.totp %}
from app.pages import totp as totp_pages
#{% endif %}
from app.pages.errors import add_error_pages, error_response
from app.pages.redirects import StrictLinkMiddleware
#{% endif %}
from app.services import Services
#{% if cookiecutter.identity == "email" %}
from app.web import dev_mail, docs, health
#{% else %}
from app.web import docs, health
#{% endif %}
from app.web.default_deny import refuse_unprotected_routes
#{% if cookiecutter.frontend == "html" %}
from app.web.dependencies import public
from app.web.errors import add_error_handlers
#{% else %}
from app.web.errors import add_error_handlers
from app.web.errors import json_error as error_response
#{% endif %}
from app.web.middleware import SecurityMiddleware


def create_app(settings: Settings, clock: Callable[[], float] = time.time) -> FastAPI:
    """Build the app. clock: returns Unix time in seconds."""
    app = FastAPI(
        title=PROJECT["name"],
        description=PROJECT["description"],
        lifespan=lifespan,
        # Documentation and schema are routes of ours, in development only.
        openapi_url=None,
        # A redirect built from the Host header, for a path that does not exist: rather a 404.
        redirect_slashes=False,
        # The framework would hand out exception texts to whatever exporter is installed.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    services = app.state.services = Services(settings, clock)

    # The last one added is the outermost.
    if settings.trusted_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.trusted_origins,
            allow_credentials=True,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=("Content-Disposition", "Retry-After", "X-Request-ID"),
        )
    #{% if cookiecutter.frontend == "html" %}
    if settings.session_samesite == "strict":
        app.add_middleware(StrictLinkMiddleware)
    #{% endif %}
    # Add yours above this line: what is added after it runs outside, where nothing is checked yet.
    app.add_middleware(SecurityMiddleware, services=services, error_response=error_response)
    add_error_handlers(app, error_response)

    # The framework tries one route after the other, so what is asked for most comes first.
    app.include_router(me.router)
    #{% if cookiecutter.frontend == "html" %}
    # Before yours: a page of yours that takes any path must not send people to sign in to itself.
    app.include_router(auth.router)
    #{% endif %}
    # Yours as well: each route before them would take a few microseconds of every request to them.
    # One that takes any path, such as "/{slug}", belongs last: above "return app".
    app.include_router(examples.router)
    #{% if cookiecutter.frontend == "html" %}
    add_error_pages(app)
    app.mount("/static", public(StaticFiles(packages=[("app", "static")])))
    app.include_router(account.router)
    app.include_router(admin.router)
    app.include_router(links.router)
    app.include_router(well_known.router)
    #{% if cookiecutter.identity == "email" %}
    app.include_router(email_pages.router)
    #{% endif %}
    #{% if cookiecutter.totp or cookiecutter.passkeys or cookiecutter.oidc %}
    app.include_router(confirm_pages.router)
    #{% endif %}
    #{% if cookiecutter.totp %}
    app.include_router(totp_pages.router)
    #{% endif %}
    #{% if cookiecutter.oidc %}
    app.include_router(oidc_pages.router)
    #{% if cookiecutter.identity == "username" %}
    app.include_router(new_name_pages.router)
    #{% endif %}
    #{% if not cookiecutter.passkeys %}
    app.include_router(first_password_pages.router)
    #{% endif %}
    #{% endif %}
    #{% endif %}
    app.include_router(routes.router)
    app.include_router(health.router)
    #{% if cookiecutter.identity == "email" %}
    app.include_router(email_api.router)
    #{% endif %}
    #{% if cookiecutter.totp or cookiecutter.passkeys %}
    app.include_router(confirm_api.router)
    #{% endif %}
    #{% if cookiecutter.totp %}
    app.include_router(totp_api.router)
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    app.include_router(passkey_api.router)
    #{% endif %}
    #{% if cookiecutter.oidc %}
    app.include_router(oidc_api.router)
    app.include_router(provider_calls.router)
    #{% if cookiecutter.frontend == "api" %}
    app.include_router(after_provider_api.router)
    #{% endif %}
    #{% if not cookiecutter.passkeys %}
    app.include_router(first_password_api.router)
    #{% endif %}
    #{% endif %}
    if not settings.production:
        app.include_router(docs.router)
        #{% if cookiecutter.identity == "email" %}
        # It shows links that sign people in, so not where mail reaches anybody else.
        if not settings.mail_url.get_secret_value():
            app.include_router(dev_mail.router)
        #{% endif %}
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Check the routes, yours included, before the first request; close connections at the end."""
    refuse_unprotected_routes(app)
    #{% if cookiecutter.identity == "email" %}
    services: Services = app.state.services
    async with services.outbox.sending():
        yield
    await services.close()
    #{% else %}
    yield
    await app.state.services.close()
    #{% endif %}


def load_app() -> FastAPI:
    """Build the app from the environment and ``.env``, or exit with what is wrong there."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        print(f"The app cannot start with these settings.\n{error}\n{ADVICE}", file=sys.stderr)
        raise SystemExit(STARTUP_FAILURE) from None
    configure_logging(settings)
    warn_about_misspelled_names(Settings)
    return create_app(settings)


app = load_app()
# Here as well, for a server that is told to leave the lifespan out.
refuse_unprotected_routes(app)
