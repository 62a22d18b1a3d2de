"""Links that let whoever holds one do one thing, once, without signing in.

A token is 256 random bits, signed for its purpose; the table knows their SHA-256 (ASVS 5.0 6.5.1).
A link is void once it was used, a newer one for the same purpose was made, or the user's session
version has changed, as with every new password.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadSignature, Signer
from sqlalchemy import ColumnElement, Executable, and_

from app.database import Database
from app.engine import insert_or_update
from app.models import Link
from app.sessions.session import CLOCK_LEEWAY_SECONDS
from app.users.errors import InvalidLink

RANDOM_BYTES = 32

# The purposes. Each is a path of PUBLIC_URL as well.
RESET = "reset"
#{% if cookiecutter.identity == "email" %}
VERIFY = "verify"
CHANGE_EMAIL = "change-email"

# Seconds for which a link is good.
RESET_SECONDS = CHANGE_EMAIL_SECONDS = 1_800
VERIFY_SECONDS = 86_400
LIFETIMES = {RESET: RESET_SECONDS, VERIFY: VERIFY_SECONDS, CHANGE_EMAIL: CHANGE_EMAIL_SECONDS}
#{% else %}

# Seconds for which a link is good.
RESET_SECONDS = 1_800
LIFETIMES = {RESET: RESET_SECONDS}
#{% endif %}


@dataclass(frozen=True)
class Links:
    """Makes links, and finds them again.

    keys: newest first; the first signs, all verify. public_url: where people reach the pages.
    clock: Unix time in seconds.
    """

    database: Database
    keys: Sequence[str]
    public_url: str
    clock: Callable[[], float]

    def new(self, purpose: str, about: str, **values: Any) -> tuple[str, Executable]:
        """Return the address of a new link, and the statement that stores it.

        about: the name of the account; an earlier link for the same purpose is void from then on.
        values: the other columns.
        """
        random = secrets.token_urlsafe(RANDOM_BYTES)
        expires_at = self.clock() + LIFETIMES[purpose]
        new = insert_or_update(Link).values(
            purpose=purpose, about=about, key=_key_of(random), expires_at=expires_at, **values
        )
        others = {each.name: new.excluded[each.name] for each in Link.__table__.columns}
        stored = new.on_conflict_do_update(index_elements=[Link.purpose, Link.about], set_=others)
        token = self._signer(purpose).sign(random).decode("ascii")
        return f"{self.public_url}/{purpose}?token={token}", stored.returning(Link.key)

    def is_valid(self, purpose: str, token: str) -> ColumnElement[bool]:
        """Return the condition that the link of a token meets. Raises InvalidLink.

        A link from a clock that was once far ahead meets it no more than one that has expired.
        """
        try:
            random = self._signer(purpose).unsign(token).decode("ascii")
        except (BadSignature, UnicodeError):
            raise InvalidLink from None
        now = self.clock()
        return and_(
            Link.key == _key_of(random),
            Link.purpose == purpose,
            Link.expires_at > now,
            Link.expires_at <= now + LIFETIMES[purpose] + CLOCK_LEEWAY_SECONDS,
        )

    async def delete_expired(self) -> int:
        """Delete a batch of links that have expired, and return how many."""
        return await self.database.delete_batch(Link.key, Link.expires_at <= self.clock())

    def _signer(self, purpose: str) -> Signer:
        return new_signer(self.keys, f"app.users.links.{purpose}")


def new_signer(keys: Sequence[str], salt: str) -> Signer:
    """Return a signer for one purpose. keys: newest first. salt: the purpose."""
    # It signs with the last key, and with SHA-1 unless told otherwise.
    return Signer(keys[::-1], salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)


def _key_of(random: str) -> bytes:
    return hashlib.sha256(random.encode("ascii")).digest()
