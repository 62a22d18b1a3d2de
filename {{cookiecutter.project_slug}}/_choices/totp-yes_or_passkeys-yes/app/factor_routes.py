"""The routes of second factors, beside those that every app has."""

from fastapi import FastAPI

from app.api.confirm import router as confirm_api
#{% if cookiecutter.passkeys %}
from app.api.passkeys import router as passkeys_api
#{% endif %}
#{% if cookiecutter.totp %}
from app.api.totp import router as totp_api
#{% endif %}
#{% if cookiecutter.frontend == "html" %}
from app.pages.confirm import router as confirm_pages
#{% if cookiecutter.passkeys %}
from app.pages.passkeys import router as passkeys_pages
#{% endif %}
#{% if cookiecutter.totp %}
from app.pages.totp import router as totp_pages
#{% endif %}
#{% endif %}


def include_factor_routes(app: FastAPI) -> None:
    """Add them to an app."""
    app.include_router(confirm_api)
    #{% if cookiecutter.totp %}
    app.include_router(totp_api)
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    app.include_router(passkeys_api)
    #{% endif %}
    #{% if cookiecutter.frontend == "html" %}
    app.include_router(confirm_pages)
    #{% if cookiecutter.totp %}
    app.include_router(totp_pages)
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    app.include_router(passkeys_pages)
    #{% endif %}
    #{% endif %}
