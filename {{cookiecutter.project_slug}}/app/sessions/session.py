"""What a session is, and how long it lives."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

# Last-seen is written at most this often, or the idle limit would cost a write for each request.
TOUCH_SECONDS = 60

# How long after the password was asked for something sensitive may be done (ASVS 5.0 7.5.3).
FRESH_SECONDS = 600


class Client(NamedTuple):
    """Where a request comes from."""

    ip: str
    user_agent: str


class Principal(NamedTuple):
    """The user a session speaks for."""

    id: int
    username: str
    role: str


class Session(NamedTuple):
    """A record, not a dictionary: nothing is written back at the end of a request.

    Times are Unix time in seconds.
    """

    user_id: int
    epoch: int
    """The user's epoch at the start; once the user's has moved on, the session is dead."""
    created_at: float
    last_seen_at: float
    authenticated_at: float
    """When the password was last asked for."""
    expires_at: float
    remember: bool
    #{% if cookiecutter.session_backend == "signed-cookie" %}
    key: bytes = b""
    """Random bits that name the session, given with its ticket. They open nothing."""
    data: str = ""
    """The values kept with it, sealed; empty when there are none."""
    #{% else %}
    ip: str
    user_agent: str
    key: bytes = b""
    """SHA-256 of what its ticket says, given with the ticket. It opens nothing."""
    #{% endif %}

    @property
    def id(self) -> str:
        """The key as text, for lists and links."""
        return self.key.hex()


class SessionEnded(Exception):
    """The session was ended while the request was under way."""


@dataclass(frozen=True)
class Limits:
    """The limits of a session, in seconds (ASVS 5.0 7.3.1 and 7.3.2)."""

    lifetime: int
    idle_timeout: int
    remember_lifetime: int

    def ends_at(self, *, created_at: float, remember: bool) -> float:
        """When a session ends whatever happens."""
        return created_at + (self.remember_lifetime if remember else self.lifetime)

    def expires_at(self, *, created_at: float, last_seen_at: float, remember: bool) -> float:
        """When a session ends if nothing more is heard of it. Activity never moves the first."""
        ends_at = self.ends_at(created_at=created_at, remember=remember)
        return ends_at if remember else min(ends_at, last_seen_at + self.idle_timeout)

    @cached_property
    def touch_interval(self) -> float:
        """How old last-seen may grow before it is written again."""
        return min(TOUCH_SECONDS, self.idle_timeout / 20)
