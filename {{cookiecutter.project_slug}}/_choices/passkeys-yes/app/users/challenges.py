"""The challenges that passkeys sign: random, and good once, for one purpose and in one browser.

Nothing is stored until one is used, so that strangers may ask for as many as they like.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from itsdangerous import BadSignature, Signer
from sqlalchemy import Executable

from app.request_limit import use_once
from app.sessions.session import CLOCK_LEEWAY_SECONDS, is_current
from app.users.links import new_signer

CHALLENGE_SECONDS = 300


@dataclass(frozen=True)
class Challenges:
    """Makes challenges, and checks them.

    keys: newest first; the first signs, all verify. clock: Unix time in seconds. scope: what a
    challenge is good for.
    """

    keys: Sequence[str]
    clock: Callable[[], float]

    def new(self, scope: str) -> bytes:
        """Return a new challenge."""
        value = f"{secrets.token_urlsafe(32)}.{int(self.clock()) + CHALLENGE_SECONDS}"
        return self._signer(scope).sign(value)

    def check(self, challenge: bytes, scope: str) -> Executable:
        """Return the statement that uses a challenge up. Raises ValueError.

        The statement raises IntegrityError if the challenge was used before.
        """
        try:
            value = self._signer(scope).unsign(challenge)
        except BadSignature:
            raise ValueError("the challenge is not for this purpose, browser and user") from None
        expires_at = int(value.rpartition(b".")[2])
        if not is_current(expires_at, CHALLENGE_SECONDS, self.clock()):
            raise ValueError("the challenge has expired")
        # Without the signature, which can be spelled in several ways.
        # Remembered until it has expired by the clock of every host.
        return use_once(b"challenge " + value, expires_at + CLOCK_LEEWAY_SECONDS)

    def _signer(self, scope: str) -> Signer:
        return new_signer(self.keys, f"app.users.challenges {scope}")
