"""The routes of second factors, beside those that every app has."""

from fastapi import FastAPI

from app.api import confirm
#{% if cookiecutter.passkeys %}
from app.api import passkeys
#{% endif %}
#{% if cookiecutter.totp %}
from app.api import totp
#{% endif %}
#{% if cookiecutter.frontend == "html" %}
from app.pages import confirm as confirm_page
#{% if cookiecutter.passkeys %}
from app.pages import passkeys as passkey_pages
#{% endif %}
#{% if cookiecutter.totp %}
from app.pages import totp as totp_pages
#{% endif %}
#{% endif %}


def include_factor_routes(app: FastAPI) -> None:
    """Add them to an app."""
    app.include_router(confirm.router)
    #{% if cookiecutter.totp %}
    app.include_router(totp.router)
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    app.include_router(passkeys.router)
    #{% endif %}
    #{% if cookiecutter.frontend == "html" %}
    app.include_router(confirm_page.router)
    #{% if cookiecutter.totp %}
    app.include_router(totp_pages.router)
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    app.include_router(passkey_pages.router)
    #{% endif %}
    #{% endif %}
