"""What a browser keeps of what was begun without a session, each thing in a cookie of its own."""

#{% if cookiecutter.frontend == "html" or (cookiecutter.oidc and (cookiecutter.totp or cookiecutter.identity == "username")) %}
from collections.abc import Iterator
#{% endif %}
from dataclasses import replace

from app.services import Services
from app.sessions.cookie import SessionCookie
#{% if cookiecutter.oidc and cookiecutter.identity == "username" %}

# Who has come from a provider and has to choose a name.
NEW_ACCOUNT = "new-account"
#{% endif %}
#{% if cookiecutter.frontend == "html" %}


def page_cookie(services: Services, name: str) -> SessionCookie:
    """Return a cookie of the pages.

    Not strict: a browser that comes from another site, as from a mail or after a payment, would
    leave it behind.
    """
    return replace(services.cookie, purpose=name, samesite="lax", prefix="__Host-")
#{% endif %}
#{% if cookiecutter.oidc %}


def round_trip_cookie(services: Services, name: str) -> SessionCookie:
    """Return a cookie of the way to a provider and back.

    Not strict: it would be left behind on the way back. With none, a front end on another site
    begins here, and no browser would keep any other.
    """
    cookie = replace(services.cookie, purpose=name)
    return cookie if cookie.samesite == "none" else replace(cookie, samesite="lax")
#{% endif %}
#{% if cookiecutter.oidc and cookiecutter.totp and cookiecutter.frontend == "api" %}


def code_of(provider: str) -> str:
    """Return the name of the cookie of whoever has come from a provider and is asked for a code."""
    return f"code-{provider}"
#{% endif %}
#{% if cookiecutter.frontend == "html" or (cookiecutter.oidc and (cookiecutter.totp or cookiecutter.identity == "username")) %}


def begun_cookies(services: Services) -> Iterator[SessionCookie]:
    """Yield what every sign-in and sign-out forgets: somebody else may come next."""
    #{% if cookiecutter.frontend == "html" and cookiecutter.totp %}
    yield from (page_cookie(services, name) for name in ("name", "link", "sign-in"))
    #{% elif cookiecutter.frontend == "html" %}
    yield from (page_cookie(services, name) for name in ("name", "link"))
    #{% endif %}
    #{% if cookiecutter.oidc and cookiecutter.identity == "username" %}
    yield round_trip_cookie(services, NEW_ACCOUNT)
    #{% endif %}
    #{% if cookiecutter.oidc and cookiecutter.totp and cookiecutter.frontend == "api" %}
    for provider in services.settings.oidc_providers:
        yield round_trip_cookie(services, code_of(provider))
    #{% endif %}
#{% endif %}
