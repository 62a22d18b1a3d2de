"""The session token in the cookie: the session itself, signed.

Whoever holds it can read it, so it says nothing of the user but a number; the values kept with the
session are encrypted.
"""

import hashlib
import hmac
import re
import secrets
import struct
from collections.abc import Sequence

from itsdangerous import Signer
from itsdangerous.encoding import base64_decode, base64_encode

from app.config import PROJECT
from app.sessions.cookie import MAX_COOKIE_BYTES
from app.sessions.session import Session, TooMuchData

# ASVS 5.0 7.2.3 and 11.5.1 ask for 128 bits.
RANDOM_BYTES = 32

# For this purpose only, so that nothing else signed with the same keys is accepted as a token (ASVS
# 5.0 9.2.2). A change of what a token says needs another one.
SALT = b"app.sessions.ticket.claims.2"

# Together with the longer name that the cookie may have.
MAX_CHARACTERS = MAX_COOKIE_BYTES - len(f"__Host-Http-{PROJECT['slug']}-session")

# All fields of a session but the data, in their order, always of the same length.
_CLAIMS = struct.Struct("!qq4d?B32s")

# The claims, the values kept with the session, the signature, all in base64url. What looks
# otherwise costs no HMAC. The last character of a signature has one spelling here, though others
# would be decoded alike.
_FORM = re.compile(
    r"[A-Za-z0-9_-]{110}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII
)


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
        """Assign 256 new random bits to a session; return its token and the session."""
        named = session._replace(key=secrets.token_bytes(RANDOM_BYTES))
        return self.sign(named), named

    def sign(self, session: Session) -> str:
        """Return a token for the current state of a session.

        Raises TooMuchData when a browser would drop the cookie for its size.
        """
        claims = base64_encode(_CLAIMS.pack(*session[:-1])).decode("ascii")
        token = self._signer.sign(f"{claims}.{session.data}").decode("ascii")
        if len(token) > MAX_CHARACTERS:
            raise TooMuchData
        return token

    def verify(self, token: str) -> Session | None:
        """Return the session in a token, or None for anything not signed here."""
        if len(token) > MAX_CHARACTERS or not _FORM.fullmatch(token):
            return None
        value, _, signature = token.rpartition(".")
        if not self._signer.verify_signature(value, signature):
            return None
        claims, _, data = value.partition(".")
        return Session._make((*_CLAIMS.unpack(base64_decode(claims)), data))
