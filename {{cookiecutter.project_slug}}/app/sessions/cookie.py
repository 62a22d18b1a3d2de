"""The session cookie: read by its exact name, written with all its attributes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

# RFC 6265bis lets a browser drop what is larger than this, name and value together.
MAX_COOKIE_BYTES = 4096


@dataclass(frozen=True)
class CookiePolicy:
    """How the cookie looks in this deployment."""

    secure: bool
    samesite: Literal["lax", "strict", "none"]

    def __post_init__(self) -> None:
        if self.samesite == "none" and not self.secure:
            raise ValueError("a browser drops a cookie with SameSite=None that is not Secure")

    @cached_property
    def name(self) -> str:
        """``__Host-`` keeps sibling subdomains and plain http from setting it, ``-Http-`` scripts.

        Browsers that do not know the longer prefix still see ``__Host-``.
        """
        return "__Host-Http-session" if self.secure else "session"

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
        """Return every value sent under exactly this name.

        The raw bytes are compared. A parser that trims more than the one space of the grammar
        takes a name with a no-break space before it, which a sibling subdomain may set, for the
        real one.
        """
        name = self.name.encode("ascii")
        values = []
        for header, content in headers:
            if header == b"cookie" and name in content:
                for pair in content.split(b";"):
                    key, separator, value = pair.removeprefix(b" ").partition(b"=")
                    if separator and key == name:
                        values.append(value.decode("latin-1"))
        return values

    def set(self, ticket: str, max_age: int | None) -> bytes:
        """Return the Set-Cookie value that hands out a ticket.

        max_age: seconds to keep it after the browser closes; None for not at all.
        Raises ValueError when a browser would drop the cookie for its size.
        """
        if len(self.name) + len(ticket) > MAX_COOKIE_BYTES:
            raise ValueError("the session cookie would exceed 4096 bytes")
        return self._render(ticket, max_age)

    def delete(self) -> bytes:
        """Return the Set-Cookie value that deletes it; browsers want the same attributes."""
        return self._render("", 0)

    def _render(self, value: str, max_age: int | None) -> bytes:
        parts = [f"{self.name}={value}", "Path=/", "HttpOnly"]
        if self.secure:
            parts.append("Secure")
        # Always written out: Chrome sends a cookie without it on cross-site POSTs for two minutes.
        parts.append(f"SameSite={self.samesite.capitalize()}")
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        return "; ".join(parts).encode("ascii")
