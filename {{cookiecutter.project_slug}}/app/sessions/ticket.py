"""The ticket in the cookie: random bits, signed."""

import hashlib
import re
import secrets
from collections.abc import Sequence

from itsdangerous import Signer
from itsdangerous.encoding import base64_decode, base64_encode

from app.settings import KEY_MIN_CHARACTERS

# ASVS 5.0 7.2.3 and 11.5.1 ask for 128 bits.
RANDOM_BYTES = 32

# Of this purpose alone: nothing else signed with the same keys is a ticket, and no ticket is
# anything else (ASVS 5.0 9.2.2).
SALT = b"app.sessions.ticket"

# 32 bytes of base64url, twice. Whatever looks otherwise costs no HMAC and no store look-up.
_FORM = re.compile(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}", re.ASCII)


class Tickets:
    """Makes and checks tickets.

    keys: newest first; the first signs, all verify.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or any(len(key) < KEY_MIN_CHARACTERS for key in keys):
            # A text in the place of a list would be taken for keys of one letter each.
            raise ValueError(f"keys must be a list of {KEY_MIN_CHARACTERS} characters or more each")
        # The library signs with the last key, and by default with SHA-1 and a plain concatenation.
        self._signer = Signer(
            list(reversed(keys)), salt=SALT, key_derivation="hmac", digest_method=hashlib.sha256
        )

    def issue(self) -> str:
        """Make a new ticket of 256 random bits."""
        return self._signer.sign(secrets.token_urlsafe(RANDOM_BYTES)).decode("ascii")

    def verify(self, ticket: str) -> bytes | None:
        """Return the key of the ticket's session, or None for anything we did not sign."""
        if not _FORM.fullmatch(ticket):
            return None
        random, _, signature = ticket.partition(".")
        # Base64 leaves bits of the last character unused, so a signature has several spellings.
        if base64_encode(base64_decode(signature)).decode("ascii") != signature:
            return None
        if not self._signer.verify_signature(random, signature):
            return None
        return key_of(ticket)


def key_of(ticket: str) -> bytes:
    """Return the key under which the server knows a ticket: SHA-256 of its random part.

    A plain hash is enough, since 256 random bits cannot be guessed (ASVS 5.0 11.4.2 is about
    passwords).
    """
    return hashlib.sha256(ticket.partition(".")[0].encode("ascii")).digest()
