"""What a session is, how long it lives, and which values may be kept with it."""

import json
import re
from collections.abc import Iterable
from enum import IntFlag
from typing import NamedTuple

from pydantic import JsonValue

from app.config import Settings
from app.errors import AppError

# Last-seen is written at most this often, or the idle timeout would cost a write for each request.
TOUCH_SECONDS = 60

# How far the clocks of two hosts may differ. What is later than that comes from a clock that was
# wrong, or was forged, and counts for nothing.
CLOCK_LEEWAY_SECONDS = 60

# How long after authentication something sensitive may be done (ASVS 5.0 7.5.3).
FRESH_SECONDS = 600

#{% if cookiecutter.session_backend != "signed-cookie" %}
# All values of a session together, encrypted.
MAX_DATA_BYTES = 16_384

#{% endif %}
# Deeper values could be stored but not returned, since a response adds levels of its own.
MAX_DEPTH = 32

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
#{% if cookiecutter.frontend == "html" or cookiecutter.passkeys or cookiecutter.oidc %}


def is_current(expires_at: float, seconds: float, now: float) -> bool:
    """Whether something is good that lasts so many seconds. Not what a clock far ahead has made."""
    return now < expires_at <= now + seconds + CLOCK_LEEWAY_SECONDS
#{% endif %}


class Amr(IntFlag):
    """How a user has proved who they are (authentication methods references, RFC 8176)."""

    NONE = 0
    PWD = 1
    #{% if cookiecutter.totp %}
    OTP = 2
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    POP = 4
    #{% endif %}
    #{% if cookiecutter.oidc %}
    # At a provider. Not in the RFC: Microsoft calls it so.
    FED = 8
    #{% endif %}


class SignIn(NamedTuple):
    """Somebody who has proved who they are, but has no session yet. amr: how they did."""

    user_id: int
    session_version: int
    amr: Amr = Amr.PWD
    #{% if cookiecutter.oidc %}
    # Of somebody who comes from a provider: which identity, what it calls its own session, and when
    # it has said so, by its own clock.
    identity_id: int = 0
    sid: str = ""
    answered_at: float = 0
    #{% endif %}


class ClientInfo(NamedTuple):
    """Where a request comes from."""

    ip: str
    user_agent: str


class Session(NamedTuple):
    """A record, not a dictionary: nothing is written back at the end of a request.

    Times are Unix time in seconds.
    """

    user_id: int
    # The user's session version at sign-in; once the user's has been incremented, the session is
    # invalid.
    session_version: int
    created_at: float
    last_seen_at: float
    # When the user last proved who they are.
    authenticated_at: float
    expires_at: float
    remember: bool
    # What was shown to begin it, and since then: members of Amr.
    amr: int
    #{% if cookiecutter.session_backend == "signed-cookie" %}
    # Random bits that name the session. They give no access.
    key: bytes = b""
    # The values kept with it, encrypted; empty when there are none.
    data: str = ""
    #{% else %}
    ip: str
    user_agent: str
    # SHA-256 of the random part of its token. It opens nothing.
    key: bytes = b""
    #{% endif %}

    @property
    def id(self) -> str:
        """The key as text, for lists and links."""
        return self.key.hex()

    @property
    def methods(self) -> str:
        """The names of ``amr``, as RFC 8176 has them."""
        return " ".join(str(each.name).lower() for each in Amr(self.amr))
    #{% if cookiecutter.totp or cookiecutter.passkeys %}

    @property
    def is_strong(self) -> bool:
        #{% if cookiecutter.oidc %}
        """Whether two factors were shown: the others need another first, or are two."""
        return bool(self.amr & ~(Amr.PWD | Amr.FED))
        #{% else %}
        """Whether two factors were shown: all but a password need another first, or are two."""
        return bool(self.amr & ~Amr.PWD)
        #{% endif %}
    #{% endif %}


class SessionEnded(AppError):
    """The session was revoked while the request was under way."""

    status, text = 401, "Sign in first."


#{% if cookiecutter.session_backend != "signed-cookie" %}
class SessionNotFound(AppError):
    """The user has no such session."""

    status, text = 404, "There is no such session."


#{% endif %}
class InvalidValue(AppError):
    """A name or a value that cannot be kept with a session."""


class TooMuchData(AppError):
    """The session has no room left for a value."""

    status, text = 413, "The session has no room for this value."


def session_end(session: Session, settings: Settings) -> float:
    """When a session ends in any case (ASVS 5.0 7.3.2)."""
    if session.remember:
        return session.created_at + settings.session_remember_lifetime
    return session.created_at + settings.session_lifetime


def session_expiry(session: Session, settings: Settings) -> float:
    """When a session ends unless it is used (ASVS 5.0 7.3.1). Use never moves its end."""
    end = session_end(session, settings)
    if session.remember:
        return end
    return min(end, session.last_seen_at + settings.session_idle_timeout)


def check_name(name: str) -> None:
    """Raise InvalidValue unless a value may be kept under that name."""
    if not _NAME.fullmatch(name):
        raise InvalidValue("A name has 1 to 64 letters, digits, dots, dashes and underscores.")


def to_json(value: JsonValue) -> bytes:
    """Return a value as JSON. Raises InvalidValue for what is not JSON or nested too deeply."""
    if not _fits(value, MAX_DEPTH):
        raise InvalidValue(f"The value is nested deeper than {MAX_DEPTH} levels.")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError):
        raise InvalidValue("The value cannot be stored as JSON.") from None


def _fits(value: JsonValue, levels: int) -> bool:
    """Whether a value has at most so many levels below it."""
    children: Iterable[JsonValue] = ()
    if isinstance(value, dict):
        children = value.values()
    elif isinstance(value, list):
        children = value
    return levels >= 0 and all(_fits(child, levels - 1) for child in children)
