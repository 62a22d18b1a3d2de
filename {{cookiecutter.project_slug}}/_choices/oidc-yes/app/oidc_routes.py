"""The routes of providers, beside those that every app has."""

from fastapi import FastAPI

#{% if cookiecutter.frontend == "api" %}
from app.api import after_provider, oidc, provider_calls
#{% else %}
from app.api import oidc, provider_calls
#{% endif %}
#{% if cookiecutter.frontend == "html" %}
from app.pages import oidc as pages
#{% endif %}


def include_oidc_routes(app: FastAPI) -> None:
    """Add them to an app."""
    app.include_router(oidc.router)
    app.include_router(provider_calls.router)
    #{% if cookiecutter.frontend == "api" %}
    app.include_router(after_provider.router)
    #{% endif %}
    #{% if cookiecutter.frontend == "html" %}
    app.include_router(pages.router)
    #{% endif %}
