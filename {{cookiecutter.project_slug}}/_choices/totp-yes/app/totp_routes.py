"""The routes of authenticator apps."""

from fastapi import FastAPI

from app.api import totp
#{% if cookiecutter.frontend == "html" %}
from app.pages import totp as pages
#{% endif %}


def include_totp_routes(app: FastAPI) -> None:
    """Add them to an app."""
    app.include_router(totp.router)
    #{% if cookiecutter.frontend == "html" %}
    app.include_router(pages.router)
    #{% endif %}
