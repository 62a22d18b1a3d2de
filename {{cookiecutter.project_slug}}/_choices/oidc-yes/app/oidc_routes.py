"""The routes of providers, beside those that every app has."""

from fastapi import FastAPI

from app import provider_calls
#{% if cookiecutter.frontend == "api" %}
from app.api import after_provider, oidc
#{% else %}
from app.api import oidc
#{% endif %}
#{% if not cookiecutter.passkeys %}
from app.api.first_password import router as first_password_api
#{% endif %}
#{% if cookiecutter.frontend == "html" %}
#{% if not cookiecutter.totp and not cookiecutter.passkeys %}
from app.pages.confirm import router as confirm_pages
#{% endif %}
#{% if not cookiecutter.passkeys %}
from app.pages.first_password import router as first_password_pages
#{% endif %}
#{% if cookiecutter.identity == "username" %}
from app.pages.new_name import router as new_name_pages
#{% endif %}
from app.pages.oidc import router as oidc_pages
#{% endif %}


def include_oidc_routes(app: FastAPI) -> None:
    """Add them to an app."""
    app.include_router(oidc.router)
    app.include_router(provider_calls.router)
    #{% if not cookiecutter.passkeys %}
    app.include_router(first_password_api)
    #{% endif %}
    #{% if cookiecutter.frontend == "api" %}
    app.include_router(after_provider.router)
    #{% else %}
    app.include_router(oidc_pages)
    #{% if not cookiecutter.totp and not cookiecutter.passkeys %}
    app.include_router(confirm_pages)
    #{% endif %}
    #{% if not cookiecutter.passkeys %}
    app.include_router(first_password_pages)
    #{% endif %}
    #{% if cookiecutter.identity == "username" %}
    app.include_router(new_name_pages)
    #{% endif %}
    #{% endif %}
