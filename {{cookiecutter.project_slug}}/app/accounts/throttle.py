"""Slows down guessing: counts failed sign-ins by account and by address, in the database.

All workers see the same count, and a restart does not reset it (ASVS 5.0 6.3.1; NIST SP 800-63B-4,
3.2.2, allows at most 100 failures in a row).
"""

import hashlib
import math
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, insert, or_, select, update

from app import security_log
from app.accounts.errors import TooManyFailures
from app.database import Database
from app.models import LoginAttempt

# People behind one address share it, and one person has several devices: an address over all
# accounts, and an account over all addresses, fail this many times as often before they wait.
WIDER = 4

# For how long an address stays known as one that an account has signed in from.
KNOWN_SECONDS = 30 * 24 * 3600

SWEEP_BATCH = 100

# What came of a guess; None while it is looked at.
RIGHT, WRONG = True, False

_same_name = LoginAttempt.name_hash == bindparam("name_hash")
_same_address = LoginAttempt.address == bindparam("address")
_not_right = LoginAttempt.outcome.is_distinct_from(RIGHT)
_outdated = or_(
    and_(_not_right, LoginAttempt.at <= bindparam("since")),
    LoginAttempt.at <= bindparam("known_since"),
)

_ADD = insert(LoginAttempt).returning(LoginAttempt.id)
_COUNTING = select(
    LoginAttempt.name_hash, LoginAttempt.address, LoginAttempt.at, LoginAttempt.outcome
).where(or_(_same_name, _same_address), _not_right, LoginAttempt.at > bindparam("since"))
_KNOWN = select(LoginAttempt.id).where(_same_name, _same_address, LoginAttempt.outcome == RIGHT)
_SETTLE = (
    update(LoginAttempt)
    .where(LoginAttempt.id == bindparam("b_id"))
    .values(outcome=bindparam("b_outcome"))
)
_FORGET = delete(LoginAttempt).where(_same_name, _same_address, LoginAttempt.id < bindparam("id"))
_WITHDRAW = delete(LoginAttempt).where(LoginAttempt.id == bindparam("id"))
_SWEEP = delete(LoginAttempt).where(
    LoginAttempt.id.in_(select(LoginAttempt.id).where(_outdated).limit(SWEEP_BATCH))
)


class Attempt(NamedTuple):
    """One guess."""

    id: int
    name_hash: bytes
    address: str


class Throttle:
    """Counts guesses.

    max_failures: how many an account may fail from one address. window: seconds for which a
    failure counts. clock: returns Unix time in seconds.
    """

    def __init__(
        self, database: Database, max_failures: int, window: int, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._max_failures = max_failures
        self._window = window
        self._clock = clock

    async def admit(self, username: str, address: str) -> Attempt:
        """Let a guess pass, or raise TooManyFailures, alike for names that exist and that do not.

        A guess counts from before the password is looked at: of a thousand at once no more pass
        than one after the other.
        """
        now = self._clock()
        name_hash, address = _hash(username), _subscriber(address)
        values = {"name_hash": name_hash, "address": address, "at": now}
        row = await self._database.one(_ADD, values)
        attempt = Attempt(row.id, name_hash, address)
        wait = await self._wait(attempt, now)
        if wait is not None:
            await self._database.run(_WITHDRAW, {"id": attempt.id})
            security_log.event("authn_login_fail_max", name_hash=name_hash, warning=True)
            raise TooManyFailures(max(1, math.ceil(wait)))
        await self.sweep()
        return attempt

    async def fail(self, attempt: Attempt) -> None:
        """Note that a guess was wrong."""
        await self._database.run(_SETTLE, {"b_id": attempt.id, "b_outcome": WRONG})

    async def succeed(self, attempt: Attempt) -> None:
        """Note that a guess was right: forget those of this account from this address before it."""
        await self._database.run(_SETTLE, {"b_id": attempt.id, "b_outcome": RIGHT})
        await self._database.run(_FORGET, attempt._asdict())

    async def sweep(self) -> int:
        """Delete a batch of attempts that no longer count; how many."""
        now = self._clock()
        values = {"since": now - self._window, "known_since": now - KNOWN_SECONDS}
        return await self._database.run(_SWEEP, values)

    async def _wait(self, attempt: Attempt, now: float) -> float | None:
        """Return for how many seconds to wait, or None when the guess may pass."""
        values = {"name_hash": attempt.name_hash, "address": attempt.address}
        counting = await self._database.all(_COUNTING, {**values, "since": now - self._window})
        of_name = [row for row in counting if row.name_hash == attempt.name_hash]
        of_address = [row for row in counting if row.address == attempt.address]
        of_both = [row for row in of_name if row.address == attempt.address]
        limits = [(of_both, self._max_failures), (of_address, self._max_failures * WIDER)]
        # What others fail does not lock an account for the places that it has signed in from.
        if not await self._database.first(_KNOWN, values):
            limits.append((of_name, self._max_failures * WIDER))
        waits = []
        for rows, limit in limits:
            if len(rows) > limit:
                failures = [row.at for row in rows if row.outcome is WRONG]
                # Guesses that are still looked at may turn out right in a moment.
                waits.append(min(failures) + self._window - now if len(failures) >= limit else 1)
        return max(waits, default=None)


def _hash(username: str) -> bytes:
    """Return what is kept of a name that was typed: people type passwords into the wrong field."""
    return hashlib.sha256(username.encode()).digest()


def _subscriber(address: str) -> str:
    """Return what one subscriber holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False).network_address)
