"""Passwords: argon2id off the event loop, and a policy after NIST SP 800-63B-4."""

import asyncio
import re
import secrets
import unicodedata
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from passlib.context import CryptContext

from app.config import PASSWORD_MAX_CHARACTERS
from app.errors import Overloaded
from app.users.errors import PasswordRejected
from app.users.names import words_of

# OWASP's second set (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
_CONTEXT = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=19_456,
    argon2__time_cost=2,
    argon2__parallelism=1,
)

# What zxcvbn calls safely unguessable: 10^8 guesses, far more than the rate limit allows anyone.
_MIN_SCORE = 3

# zxcvbn's worst case is exponential: 128 chosen characters would take seconds. These are enough to
# judge by.
RATED_CHARACTERS = 16

# What makes a common word look uncommon within so few characters: years, dates, and repetition.
_GAP = r"[\W_]{0,2}"
_DAY = rf"\d\d?{_GAP}\d\d?"
_SHORT = rf"{_DAY}[\W_]{_GAP}\d\d"
_YEARS = rf"(?:{_DAY}{_GAP})?(?:(?:19|20)\d\d)+(?:{_GAP}{_DAY})?"
_DATES = re.compile(rf"[\W_]*(?<!\d)(?:{_YEARS}|{_SHORT}|\d\d\d\d\d\d)(?!\d)[\W_]*")
# "p.a.s.s.w.o.r.d.1" is as common as "password1".
_SPELLED = re.compile(r"(?<![^\W_])([^\W_])[\W_]{1,2}(?=[^\W_](?![^\W_]))")
_REPEATED = re.compile(r"(.{3,}?)(?:[\W_]?\1)+|(.)\2{2,}", re.IGNORECASE | re.DOTALL)
_REPEATED_WORD = re.compile(r"(.{3,}?)(?:.?\1)+", re.IGNORECASE)
_BETWEEN_LETTERS = re.compile(r"[\W\d_]+")

# A name of fewer letters is in other words by accident: "and rewards" is not about Andrew.
_LONG_NAME = 8

# At some 25 ms each, whoever comes last waits for a few seconds.
MAX_WAITING = 100

_Result = TypeVar("_Result")
_Args = TypeVarTuple("_Args")


class Passwords:
    """Hashes and checks passwords.

    min_length: characters after NFC. app_name: what a password may not contain. threads: how many
    are compared at once. Every method raises Overloaded when too many wait already.
    """

    def __init__(self, min_length: int, app_name: str, threads: int) -> None:
        self._min_length = min_length
        self._app_name = app_name
        self._limiter = CapacityLimiter(threads)
        # New passwords have one of their own, so that registrations cannot delay sign-ins.
        self._new_limiter = CapacityLimiter(1)

    async def check(self, password: str, name: str) -> None:
        """Raise PasswordRejected unless that user may use the password.

        Length and strength count, composition does not (NIST SP 800-63B-4, 3.1.1.2).
        """
        text = _normalise(password)
        if len(text) < self._min_length:
            raise PasswordRejected(f"Use at least {self._min_length} characters.")
        if len(text) > PASSWORD_MAX_CHARACTERS:
            raise PasswordRejected(f"Use at most {PASSWORD_MAX_CHARACTERS} characters.")
        if "\0" in text:
            raise PasswordRejected("A password cannot contain a NUL character.")
        folded = _fold(text)
        if any(_contains(folded, each) for each in (*words_of(name), self._app_name)):
            raise PasswordRejected("Leave out your own name and the name of this app.")
        # Normalised like names, so that full width hides nothing.
        rating = await _run(self._new_limiter, _rate, unicodedata.normalize("NFKC", text))
        if rating["score"] < _MIN_SCORE:
            reason = rating["feedback"]["warning"]
            raise PasswordRejected(f"This password is easy to guess. {reason}".strip())

    async def hash(self, password: str, name: str) -> str:
        """Return the hash of a new password of that user. Raises PasswordRejected."""
        await self.check(password, name)
        return await _run(self._new_limiter, _CONTEXT.hash, _normalise(password))

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Compare a password with a hash; whether it is right, and a newer hash to keep instead.

        hashed: None for a user who does not exist. It costs one hash all the same, so that the time
        it takes does not tell (ASVS 5.0 6.3.8).
        """
        right, newer = await _run(self._limiter, self._compare, _normalise(password), hashed)
        return right and hashed is not None, newer

    def _compare(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        # Looked up whoever signs in: the time that it takes once to make it must not tell, either.
        dummy = self._dummy
        return _CONTEXT.verify_and_update(password, hashed or dummy)

    @cached_property
    def _dummy(self) -> str:
        """The hash of a password that nobody knows."""
        return _CONTEXT.hash(secrets.token_urlsafe())


async def _run(
    limiter: CapacityLimiter, function: Callable[[*_Args], _Result], *args: *_Args
) -> _Result:
    """Call a function in a thread. Raises Overloaded."""
    if limiter.statistics().tasks_waiting >= MAX_WAITING:
        raise Overloaded
    running = to_thread.run_sync(function, *args, limiter=limiter)
    # Whoever gives up does not end the thread, and another one must not start beside it.
    return await asyncio.shield(asyncio.create_task(running))


def _normalise(password: str) -> str:
    """Make what two keyboards type for the same character the same."""
    return unicodedata.normalize("NFC", password)


def _contains(folded: str, name: str) -> bool:
    """Whether a folded password has a name of at least three letters in it, however spaced."""
    letters = [each for each in _fold(name) if each.isalnum()]
    if len(letters) < 3:
        return False
    # Nothing is skipped that may be what has to follow: of a name and a password of many ones,
    # there would be more ways to match than could ever be tried.
    first, *others = letters
    spaced = first + "".join(
        rf"[\W_]*{each}" if each.isdigit() else rf"[\W\d_]*{each}" for each in others
    )
    if len(letters) < _LONG_NAME:
        # Across words only if it begins and ends with one.
        spaced = rf"{''.join(letters)}|(?<![^\W\d_]){spaced}(?![^\W\d_])"
    return re.search(spaced, folded) is not None


def _fold(text: str) -> str:
    """Return a text without case, nor marks that stand apart, as the vowels of Hindi do."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(each for each in folded if not unicodedata.category(each).startswith("M"))


def _rate(password: str) -> Any:
    """Rate a password with and without dates and repetition; return the lower rating."""
    # Here, since its word lists would delay each start.
    from zxcvbn import zxcvbn

    # Normalised, one character may have become eighteen. Looking for repetition holds up everybody.
    password = password[:PASSWORD_MAX_CHARACTERS]
    without_dates = _DATES.sub("", _SPELLED.sub(r"\1", password))
    # "Summer#25Summer#26" repeats a word as much as "SummerSummer".
    words = _BETWEEN_LETTERS.sub("", without_dates)
    once = _REPEATED_WORD.sub(r"\1", words)
    core = once if once != words else _REPEATED.sub(r"\1\2", without_dates)
    # Of a password of nothing but dates, nothing is left.
    ratings = [zxcvbn(text[:RATED_CHARACTERS]) for text in (password, core or "0")]
    return min(ratings, key=lambda rating: rating["score"])
