"""The ticket in the cookie: random bits, signed."""

import hashlib
import re
import secrets
from collections.abc import Sequence

from app.sessions.session import Session
from app.sessions.signature import FORM, Signature

# ASVS 5.0 7.2.3 and 11.5.1 ask for 128 bits.
RANDOM_BYTES = 32

SALT = b"app.sessions.ticket"

# 32 bytes of base64url, twice. Whatever looks otherwise costs no HMAC and no store look-up.
_FORM = re.compile(r"[A-Za-z0-9_-]{43}\." + FORM, re.ASCII)


class Tickets:
    """Makes and checks tickets.

    keys: newest first; the first signs, all verify.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._signature = Signature(keys, SALT)

    def issue(self, session: Session) -> tuple[str, Session]:
        """Make a new ticket of 256 random bits; return it, and the session that it stands for."""
        random = secrets.token_urlsafe(RANDOM_BYTES)
        return self._signature.sign(random), session._replace(key=_key_of(random))

    def read(self, ticket: str) -> bytes | None:
        """Return the key of the ticket's session, or None for anything we did not sign."""
        if not _FORM.fullmatch(ticket):
            return None
        random = self._signature.read(ticket)
        return _key_of(random) if random else None


def _key_of(random: str) -> bytes:
    """Return the key under which the server knows a ticket: SHA-256 of its random part.

    A plain hash is enough, since 256 random bits cannot be guessed (ASVS 5.0 11.4.2 is about
    passwords).
    """
    return hashlib.sha256(random.encode("ascii")).digest()
