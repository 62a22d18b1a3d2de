"""Passwords: argon2id off the event loop, and a policy after NIST SP 800-63B-4."""

import os
import secrets
import unicodedata

from anyio import CapacityLimiter, to_thread
from passlib.context import CryptContext
from zxcvbn import zxcvbn

from app import texts
from app.accounts.errors import PasswordRefused
from app.settings import PASSWORD_MAX_CHARACTERS

# OWASP's second set (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
_CONTEXT = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=19_456,
    argon2__time_cost=2,
    argon2__parallelism=1,
)

# What zxcvbn calls safely unguessable: 10^8 guesses, far more than the throttle lets anyone make.
_MIN_SCORE = 3

# It looks at no more than this: what begins well enough is good enough, and its worst case grows
# so fast that 128 chosen characters would take seconds.
RATED_CHARACTERS = 16

# One core stays free for everybody who is not signing in.
_THREADS = max(1, (os.cpu_count() or 1) - 1)


class Passwords:
    """Hashes and checks passwords.

    min_length: characters after NFC. app_name: what a password may not contain.
    """

    def __init__(self, min_length: int, app_name: str) -> None:
        self._min_length = min_length
        self._app_name = app_name.casefold()
        self._limiter = CapacityLimiter(_THREADS)
        # Of its own: who registers shall not keep others from signing in.
        self._rating_limiter = CapacityLimiter(1)
        self._dummy = _CONTEXT.hash(secrets.token_urlsafe())

    async def check(self, password: str, username: str) -> None:
        """Raise PasswordRefused unless the password may be used by that user.

        Length and being hard to guess count, composition does not (NIST SP 800-63B-4, 3.1.1.2).
        """
        text = _normalise(password)
        if len(text) < self._min_length:
            raise PasswordRefused(texts.PASSWORD_TOO_SHORT.format(self._min_length))
        if len(text) > PASSWORD_MAX_CHARACTERS:
            raise PasswordRefused(texts.PASSWORD_TOO_LONG.format(PASSWORD_MAX_CHARACTERS))
        if "\0" in text:
            raise PasswordRefused(texts.PASSWORD_WITH_NUL)
        # As user names are spelled, so that full width hides nothing.
        plain = unicodedata.normalize("NFKC", text)
        folded = plain.casefold()
        if any(len(word) >= 4 and word in folded for word in (username, self._app_name)):
            raise PasswordRefused(texts.PASSWORD_WITH_A_NAME)
        rating = await to_thread.run_sync(
            zxcvbn, plain[:RATED_CHARACTERS], limiter=self._rating_limiter
        )
        if rating["score"] < _MIN_SCORE:
            # The library knows the reason in several languages: pass lang= to have another.
            reason = f"{texts.PASSWORD_EASY} {rating['feedback']['warning']}"
            raise PasswordRefused(reason.strip())

    async def hash(self, password: str) -> str:
        """Return the hash to keep."""
        return await to_thread.run_sync(_CONTEXT.hash, _normalise(password), limiter=self._limiter)

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Compare a password with a hash; whether it is right, and a newer hash to keep instead.

        hashed: None for a user who does not exist. It costs one hash all the same, so that the
        answer's time does not tell (ASVS 5.0 6.3.8).
        """
        right, newer = await to_thread.run_sync(
            _CONTEXT.verify_and_update,
            _normalise(password),
            hashed or self._dummy,
            limiter=self._limiter,
        )
        return right and hashed is not None, newer


def _normalise(password: str) -> str:
    """Make what two keyboards type for the same character the same."""
    return unicodedata.normalize("NFC", password)
