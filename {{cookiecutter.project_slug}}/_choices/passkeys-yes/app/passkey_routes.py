"""The routes of an app that has passkeys, beside those that every app has."""

from fastapi import FastAPI

from app.api import passkeys
#{% if cookiecutter.frontend == "html" %}
from app.pages import passkeys as pages
#{% endif %}


def include_passkey_routes(app: FastAPI) -> None:
    """Add them to an app."""
    app.include_router(passkeys.router)
    #{% if cookiecutter.frontend == "html" %}
    app.include_router(pages.router)
    #{% endif %}
