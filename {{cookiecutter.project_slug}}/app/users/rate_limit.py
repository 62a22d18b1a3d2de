"""Rate limits password guessing: counts failures by account and by address, in the database.

All workers see the same count, and a restart does not reset it (ASVS 5.0 6.3.1). NIST SP 800-63B-4,
3.2.2, stops at 100 failures in a row; here they stop counting after the window, since anyone
could otherwise lock an account for good.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Update, delete, insert, or_, select, update

from app import security_log
from app.database import Database
from app.errors import AppError
from app.models import LoginAttempt
from app.sessions.session import CLOCK_LEEWAY_SECONDS
from app.turns import Turns
from app.users.errors import TooManyFailures

# People behind one address share it, and one person has several devices: this many times as many
# failures are allowed per address over all accounts, and per account over all addresses.
WIDER = 4

# For how long an address stays known as one that an account has signed in from.
KNOWN_SECONDS = 30 * 24 * 3600

# A key for this purpose only, so that what is kept of a name says nothing elsewhere.
PURPOSE = b"app.users.typed-names"

# The outcome of an attempt; None while it is being checked.
RIGHT, WRONG = True, False
_not_right = LoginAttempt.outcome.is_distinct_from(RIGHT)
# No check takes longer: what has no outcome by then was broken off, with the process or the store.
CHECK_SECONDS = 60


def derive_name_key(secret_key: str) -> bytes:
    """Return the key of the HMAC of typed names. secret_key: the newest of SECRET_KEYS.

    With a new one all names look new: failures so far count no more, and no address is known.
    """
    return hmac.digest(secret_key.encode(), PURPOSE, "sha256")


class Attempt(NamedTuple):
    """One attempt at a password."""

    id: int
    name_hash: bytes
    address: str


@dataclass(frozen=True)
class RateLimiter:
    """Counts attempts.

    max_failures: how often an account may fail from one address. window: seconds for which a
    failure counts. clock: Unix time in seconds. name_key: see derive_name_key.
    """

    database: Database
    max_failures: int
    window: int
    clock: Callable[[], float]
    name_key: bytes
    turns: Turns = field(default_factory=Turns)

    @asynccontextmanager
    async def checking(self, name: str, address: str) -> AsyncIterator[Attempt]:
        """Allow an attempt, for the block that checks it and says what came of it.

        What is being checked counts like a failure: everyone behind one address who signs in at the
        same moment would be refused for the others. So they have turns, in this process. An attempt
        that is broken off counts for nothing: nobody has learned whether it was right. Raises
        TooManyFailures or Overloaded.
        """
        async with self.turns.take(subscriber(address)):
            acquiring = asyncio.create_task(self.acquire(name, address))
            try:
                yield await asyncio.shield(acquiring)
            except BaseException:
                # Whoever was cancelled cannot wait for it, not even for being counted.
                await asyncio.shield(asyncio.create_task(self._break_off(acquiring)))
                raise

    async def acquire(self, name: str, address: str) -> Attempt:
        """Allow an attempt, or raise TooManyFailures, for existing and unknown names alike.

        An attempt counts from before the password is checked: a thousand concurrent attempts are
        limited like a thousand in a row.
        """
        now = self.clock()
        name_hash, address = self.hash_name(name), subscriber(address)
        statement = insert(LoginAttempt).values(
            name_hash=name_hash, address=address, at=now, forget_at=now + self.window
        )
        [row] = await self.database.fetch_all(statement.returning(LoginAttempt.id))
        attempt = Attempt(row.id, name_hash, address)
        wait = await self._wait(attempt, now)
        if wait is not None:
            await self.cancel(attempt)
            security_log.event("authn_login_fail_max", name_hash=name_hash, warning=True)
            raise TooManyFailures(wait)
        await self.delete_expired()
        return attempt

    async def _break_off(self, acquiring: asyncio.Task[Attempt]) -> None:
        with suppress(AppError):
            await self.cancel(await acquiring)

    async def cancel(self, attempt: Attempt) -> None:
        """Forget an attempt whose password was not checked."""
        await self.database.execute(delete(LoginAttempt).where(LoginAttempt.id == attempt.id))

    async def fail(self, attempt: Attempt) -> None:
        """Record a wrong password."""
        await self.database.execute(_settle(attempt, outcome=WRONG))

    async def succeed(self, attempt: Attempt) -> None:
        """Record a right password, and forget earlier failures of this account and address."""
        earlier = LoginAttempt.id < attempt.id
        await self.database.change(
            _settle(attempt, outcome=RIGHT, forget_at=LoginAttempt.at + KNOWN_SECONDS).returning(
                LoginAttempt.id
            ),
            delete(LoginAttempt).where(*_of_both(attempt), earlier),
        )

    async def forget_failures(self, name: str) -> None:
        """Let whoever has proved otherwise who they are try again at once."""
        of_name = LoginAttempt.name_hash == self.hash_name(name)
        await self.database.execute(delete(LoginAttempt).where(of_name, _not_right))

    async def delete_expired(self) -> int:
        """Delete a batch of attempts that no longer count, and return how many."""
        is_over = LoginAttempt.forget_at <= self.clock()
        return await self.database.delete_batch(LoginAttempt.id, is_over)

    def hash_name(self, name: str) -> bytes:
        """Return what is kept of a typed name: people type passwords into the wrong field.

        Words could be tried against a plain hash, and not without the key.
        """
        return hmac.digest(self.name_key, name.encode(), "sha256")

    async def _wait(self, attempt: Attempt, now: float) -> float | None:
        """Return how many seconds to wait, or None when the attempt is allowed."""
        # A clock that was wrong once must lock nobody out, nor know an address, for years.
        not_from_the_future = LoginAttempt.at <= now + CLOCK_LEEWAY_SECONDS
        counting = await self.database.fetch_all(
            select(LoginAttempt).where(
                or_(
                    LoginAttempt.name_hash == attempt.name_hash,
                    LoginAttempt.address == attempt.address,
                ),
                _not_right,
                LoginAttempt.at > now - self.window,
                or_(LoginAttempt.outcome == WRONG, LoginAttempt.at > now - CHECK_SECONDS),
                not_from_the_future,
            )
        )
        of_name = [row for row in counting if row.name_hash == attempt.name_hash]
        of_address = [row for row in counting if row.address == attempt.address]
        of_both = [row for row in of_name if row.address == attempt.address]
        limits = [(of_both, self.max_failures), (of_address, self.max_failures * WIDER)]
        # Failures elsewhere do not lock an account for addresses that it has signed in from.
        known = select(LoginAttempt.id).where(
            *_of_both(attempt), LoginAttempt.outcome == RIGHT, not_from_the_future
        )
        if not await self.database.fetch_one(known):
            limits.append((of_name, self.max_failures * WIDER))
        waits = []
        for rows, limit in limits:
            if len(rows) > limit:
                failures = [row.at for row in rows if row.outcome is WRONG]
                # Attempts that are still being checked may turn out right in a moment.
                waits.append(min(failures) + self.window - now if len(failures) >= limit else 1)
        return min(max(waits), self.window) if waits else None


def _settle(attempt: Attempt, **outcome: Any) -> Update:
    """Return the statement that records the outcome of an attempt."""
    return update(LoginAttempt).where(LoginAttempt.id == attempt.id).values(outcome)


def _of_both(attempt: Attempt) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return what restricts a query to the account and the address of an attempt."""
    same_name = LoginAttempt.name_hash == attempt.name_hash
    return same_name, LoginAttempt.address == attempt.address


def subscriber(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False).network_address)
