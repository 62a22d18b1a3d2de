"""The ticket in the cookie: the session itself, signed.

It can be read by whoever holds it, so it says nothing of the user but a number; what was kept with
the session is sealed.
"""

import re
import secrets
import struct
from collections.abc import Sequence

from itsdangerous.encoding import base64_decode, base64_encode

from app.sessions.cookie import MAX_COOKIE_BYTES
from app.sessions.session import Session
from app.sessions.signature import FORM, Signature
from app.sessions.values import TooMuchData

# ASVS 5.0 7.2.3 and 11.5.1 ask for 128 bits.
RANDOM_BYTES = 32

# A change of what a ticket says needs a salt of its own, so that older ones are none.
SALT = b"app.sessions.ticket.claims.1"

# Together with the longer name that the cookie may have.
MAX_CHARACTERS = MAX_COOKIE_BYTES - len("__Host-Http-session")

# All fields of a session but the data, in their order, always of the same length.
_CLAIMS = struct.Struct("!qq4d?32s")

# The claims, what is kept with the session, the signature, all in base64url. Whatever looks
# otherwise costs no HMAC.
_FORM = re.compile(r"[A-Za-z0-9_-]{108}\.[A-Za-z0-9_-]*\." + FORM, re.ASCII)


class Tickets:
    """Makes and checks tickets.

    keys: newest first; the first signs, all verify.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._signature = Signature(keys, SALT)

    def issue(self, session: Session) -> tuple[str, Session]:
        """Give a session a new name of 256 random bits; return its ticket, and it."""
        named = session._replace(key=secrets.token_bytes(RANDOM_BYTES))
        return self.write(named), named

    def write(self, session: Session) -> str:
        """Return the ticket that says what a session is by now.

        Raises TooMuchData when a browser would drop the cookie for its size.
        """
        claims = base64_encode(_CLAIMS.pack(*session[:-1])).decode("ascii")
        ticket = self._signature.sign(f"{claims}.{session.data}")
        if len(ticket) > MAX_CHARACTERS:
            raise TooMuchData
        return ticket

    def read(self, ticket: str) -> Session | None:
        """Return the session that a ticket says, or None for anything we did not sign."""
        if len(ticket) > MAX_CHARACTERS or not _FORM.fullmatch(ticket):
            return None
        text = self._signature.read(ticket)
        if text is None:
            return None
        claims, _, data = text.partition(".")
        return Session._make((*_CLAIMS.unpack(base64_decode(claims)), data))
