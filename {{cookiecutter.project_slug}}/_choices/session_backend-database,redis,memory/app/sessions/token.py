"""The session token in the cookie: random bits, signed."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

from itsdangerous import Signer

from app.sessions.session import Session

# ASVS 5.0 7.2.3 and 11.5.1 ask for 128 bits.
RANDOM_BYTES = 32

# For this purpose only, so that nothing else signed with the same keys is accepted as a token (ASVS
# 5.0 9.2.2). Changing it signs everybody out.
SALT = b"app.sessions.ticket"

# 32 bytes of base64url, twice. Anything else is rejected without an HMAC or a store lookup. Only
# one spelling of a signature's last character is accepted, although others decode to the same
# bytes.
_FORM = re.compile(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)


class SessionTokens:
    """Generates and verifies session tokens.

    keys: newest first; the first signs, all verify.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        # As the library's key_derivation="hmac" does, but once instead of for every token.
        derived = [hmac.digest(key.encode(), SALT, "sha256") for key in keys]
        # It signs with the last key, and with SHA-1 unless told otherwise.
        self._signer = Signer(derived[::-1], key_derivation="none", digest_method=hashlib.sha256)

    def generate(self, session: Session) -> tuple[str, Session]:
        """Return a new token of 256 random bits, and the session that it stands for."""
        random = secrets.token_urlsafe(RANDOM_BYTES)
        return self._signer.sign(random).decode("ascii"), session._replace(key=_key_of(random))

    def verify(self, token: str) -> bytes | None:
        """Return the key of the token's session, or None for anything not signed here."""
        if not _FORM.fullmatch(token):
            return None
        random, signature = token.split(".")
        return _key_of(random) if self._signer.verify_signature(random, signature) else None


def _key_of(random: str) -> bytes:
    """Return the key under which the server knows a token: SHA-256 of its random part.

    A plain hash is enough, since 256 random bits cannot be guessed (ASVS 5.0 11.4.2 is about
    passwords).
    """
    return hashlib.sha256(random.encode("ascii")).digest()
