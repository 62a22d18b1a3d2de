"""What a browser keeps of what was begun without a session, each thing in a cookie of its own."""

from dataclasses import replace

from app.services import Services
#{% if cookiecutter.oidc %}
from app.sessions.cookie import SessionCookie, cookie_pattern
#{% else %}
from app.sessions.cookie import SessionCookie
#{% endif %}
#{% if cookiecutter.oidc %}

# How many attempts are forgotten at once: what a response sends for each must not add up.
MAX_FORGOTTEN = 12
#{% endif %}
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


def sent_attempts(
    services: Services, headers: list[tuple[bytes, bytes]], keep: int = 0
) -> list[SessionCookie]:
    """Return the cookies of attempts that came with a request, but for the latest to be kept."""
    # Those of this app alone: a sibling subdomain may plant as many as it likes of others.
    own = cookie_pattern(round_trip_cookie(services, "at-").name, b"([A-Za-z0-9_-]{8})=")
    found = [each for name, value in headers if name == b"cookie" for each in own.findall(value)]
    # Browsers send the oldest first.
    surplus = found[: -keep or None][:MAX_FORGOTTEN]
    return [round_trip_cookie(services, f"at-{each.decode()}") for each in surplus]
#{% endif %}
#{% if cookiecutter.oidc and cookiecutter.totp and cookiecutter.frontend == "api" %}


def code_of(provider: str) -> str:
    """Return the name of the cookie of whoever has come from a provider and is asked for a code."""
    return f"code-{provider}"
#{% endif %}


def begun_cookies(services: Services, headers: list[tuple[bytes, bytes]]) -> list[SessionCookie]:
    """Return what came along that a sign-in or sign-out forgets: somebody else may come next."""
    #{% if cookiecutter.frontend == "html" and cookiecutter.totp %}
    begun = [page_cookie(services, name) for name in ("name", "link", "sign-in")]
    #{% elif cookiecutter.frontend == "html" %}
    begun = [page_cookie(services, name) for name in ("name", "link")]
    #{% elif cookiecutter.totp %}
    providers = services.settings.oidc_providers
    begun = [round_trip_cookie(services, code_of(each)) for each in providers]
    #{% else %}
    begun: list[SessionCookie] = []
    #{% endif %}
    #{% if cookiecutter.oidc and cookiecutter.identity == "username" %}
    begun.append(round_trip_cookie(services, NEW_ACCOUNT))
    #{% endif %}
    #{% if cookiecutter.oidc %}
    return [each for each in begun if each.read(headers)] + sent_attempts(services, headers)
    #{% else %}
    return [each for each in begun if each.read(headers)]
    #{% endif %}
