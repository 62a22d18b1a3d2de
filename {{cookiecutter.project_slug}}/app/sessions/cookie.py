"""The session cookie: read by its exact name, written with all its attributes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

# RFC 6265bis lets a browser drop what is larger than this, name and value together.
MAX_COOKIE_BYTES = 4096


def read_cookie(headers: Iterable[tuple[bytes, bytes]], name: str) -> list[str]:
    """Return every value sent under exactly this name."""
    values_of = cookie_pattern(name, b"=([^;]*)").findall
    return [
        value.decode("latin-1")
        for header, content in headers
        if header == b"cookie"
        for value in values_of(content)
    ]


@lru_cache
def cookie_pattern(name: str, rest: bytes) -> re.Pattern[bytes]:
    """Return the expression that finds a name in a Cookie header, and what follows it.

    The raw bytes are compared. A parser that trims more than the one space of the grammar takes a
    name with a no-break space before it, which a sibling subdomain may set, for the real one.
    """
    return re.compile(b"(?:^|;) ?" + re.escape(name.encode("ascii")) + rest)


@dataclass(frozen=True)
class SessionCookie:
    """The cookie of this deployment.

    slug: keeps the apps of one host apart. partitioned: whether it is, with samesite none.
    purpose: what else than a session it is for. prefix: of the name, when it is secure.
    """

    slug: str
    secure: bool
    samesite: Literal["lax", "strict", "none"]
    partitioned: bool = True
    purpose: str = "session"
    prefix: str = "__Host-Http-"

    def __post_init__(self) -> None:
        if self.samesite == "none" and not self.secure:
            raise ValueError("a browser drops a cookie with SameSite=None that is not Secure")

    @cached_property
    def name(self) -> str:
        """``__Host-`` keeps sibling subdomains and plain http from setting it, ``-Http-`` scripts.

        Browsers that do not know the longer prefix still see ``__Host-``.
        """
        name = f"{self.slug}-{self.purpose}"
        return f"{self.prefix}{name}" if self.secure else name

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
        """Return every value sent under exactly this name."""
        return read_cookie(headers, self.name)

    def is_blocked(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether the browser that sent a request says that it would drop the cookie.

        Chromium does, on requests from pages of another site; a partitioned one it keeps. Firefox
        says the same and partitions every cookie itself, but sends no Sec-CH-UA.
        """
        sent = dict(headers)
        blocks = b"sec-ch-ua" in sent and sent.get(b"sec-fetch-storage-access") == b"none"
        return blocks and self.samesite == "none" and not self.partitioned

    def set_cookie(self, token: str, max_age: int | None) -> bytes:
        """Return the Set-Cookie header that hands out a session token.

        max_age: seconds to keep it after the browser closes; None for not at all.
        Raises ValueError when a browser would drop the cookie for its size.
        """
        if len(self.name) + len(token) > MAX_COOKIE_BYTES:
            raise ValueError("the session cookie would exceed 4096 bytes")
        return self._render(token, max_age)

    def delete_cookie(self) -> bytes:
        """Return the Set-Cookie header that deletes it; browsers want the same attributes."""
        return self._render("", 0)

    def _render(self, value: str, max_age: int | None) -> bytes:
        parts = [f"{self.name}={value}", "Path=/", "HttpOnly"]
        if self.secure:
            parts.append("Secure")
        # Always written out: Chrome sends a cookie without it on cross-site POSTs for two minutes.
        parts.append(f"SameSite={self.samesite.capitalize()}")
        if self.samesite == "none" and self.partitioned:
            # One cookie for each site that embeds or calls the app (CHIPS): browsers that block
            # third-party cookies would drop any other after a sign-in that seems to work.
            parts.append("Partitioned")
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        return "; ".join(parts).encode("ascii")
