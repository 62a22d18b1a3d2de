"""The routes of an app that sends mail, beside those that every app has."""

from fastapi import FastAPI

from app.api import emails
from app.config import Settings
#{% if cookiecutter.frontend == "html" %}
from app.pages import emails as pages
#{% endif %}
from app.web import dev_mail


def include_email_routes(app: FastAPI, settings: Settings) -> None:
    """Add them to an app."""
    app.include_router(emails.router)
    #{% if cookiecutter.frontend == "html" %}
    app.include_router(pages.router)
    #{% endif %}
    # It shows links that sign people in, so not where mail reaches anybody else.
    if not settings.production and not settings.mail_url.get_secret_value():
        app.include_router(dev_mail.router)
