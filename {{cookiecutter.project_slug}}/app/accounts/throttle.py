"""Slows down guessing: counts failed sign-ins by account and by address, in the database.

All workers see the same count, and a restart does not reset it.
"""

import hashlib
import math
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select, update

from app import security_log
from app.accounts.errors import TooManyFailures
from app.database import Database, Values
from app.models import LoginAttempt

# People behind one address share it, and one person has several devices: an address over all
# accounts, and an account over all addresses, fail this many times as often before they wait.
WIDER = 4

# For how long an address stays known as one that an account has signed in from.
KNOWN_SECONDS = 30 * 24 * 3600

SWEEP_BATCH = 500

_same_name = LoginAttempt.name_hash == bindparam("name_hash")
_same_address = LoginAttempt.address == bindparam("address")
_same_pair = and_(_same_name, _same_address)
_failed = and_(~LoginAttempt.succeeded, LoginAttempt.at > bindparam("since"))


def _tally(where: ColumnElement[bool]) -> tuple[ColumnElement[int], ColumnElement[float]]:
    return (
        func.count().filter(where, _failed),
        func.coalesce(func.min(LoginAttempt.at).filter(where, _failed), 0.0),
    )


_COUNT = select(
    *_tally(_same_pair),
    *_tally(_same_address),
    *_tally(_same_name),
    func.count().filter(_same_pair, LoginAttempt.succeeded),
).where(or_(_same_name, _same_address))
_ADD = insert(LoginAttempt).returning(LoginAttempt.id)
_REMOVE = delete(LoginAttempt).where(LoginAttempt.id == bindparam("id"))
_SUCCEED = (
    update(LoginAttempt).where(LoginAttempt.id == bindparam("attempt")).values(succeeded=True)
)
_FORGET = delete(LoginAttempt).where(_same_pair, LoginAttempt.id != bindparam("attempt"))
_SWEEP = delete(LoginAttempt).where(
    LoginAttempt.id.in_(
        select(LoginAttempt.id)
        .where(
            or_(
                and_(~LoginAttempt.succeeded, LoginAttempt.at <= bindparam("since")),
                LoginAttempt.at <= bindparam("known_since"),
            )
        )
        .limit(SWEEP_BATCH)
    )
)


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

    async def admit(self, username: str, address: str) -> "Attempt":
        """Let a guess pass, or raise TooManyFailures, alike for names that exist and that do not.

        The guess counts as failed until ``Attempt.succeed``, and is counted before the password is
        looked at: of a thousand guesses at once no more pass than one after the other.
        """
        now = self._clock()
        pair = {
            # Hashed, because people type their password into the wrong field.
            "name_hash": hashlib.sha256(username.encode()).digest(),
            "address": _network(address),
        }
        row = await self._database.one(_ADD, {**pair, "at": now, "succeeded": False})
        attempt = Attempt(self._database, row.id, pair)
        tallies = await self._database.one(_COUNT, {**pair, "since": now - self._window})
        retry_after = self._retry_after(tuple(tallies), now)
        if retry_after is None:
            await self.sweep()
            return attempt
        await attempt.withdraw()
        security_log.event("authn_login_fail_max", actor=username, warning=True)
        raise TooManyFailures(retry_after)

    def _retry_after(self, tallies: tuple[float, ...], now: float) -> int | None:
        """Return for how many seconds to wait, or None for not at all."""
        pair, pair_since, address, address_since, name, name_since, known = tallies
        limits = [
            (pair, pair_since, self._max_failures),
            (address, address_since, self._max_failures * WIDER),
        ]
        # Others' failures do not lock an account for the places that it has signed in from.
        if not known:
            limits.append((name, name_since, self._max_failures * WIDER))
        waits = [
            since + self._window - now for failures, since, limit in limits if failures > limit
        ]
        return max(1, math.ceil(max(waits))) if waits else None

    async def sweep(self) -> int:
        """Delete a batch of attempts that no longer count; how many."""
        now = self._clock()
        values = {"since": now - self._window, "known_since": now - KNOWN_SECONDS}
        return await self._database.run(_SWEEP, values)


class Attempt:
    """One guess that was let pass."""

    def __init__(self, database: Database, attempt_id: int, pair: Values) -> None:
        self._database = database
        self._id = attempt_id
        self._pair = pair

    async def succeed(self) -> None:
        """Forget the failures of this account from this address, and no others: it was right."""
        await self._database.run(_SUCCEED, {"attempt": self._id})
        await self._database.run(_FORGET, {"attempt": self._id, **self._pair})

    async def withdraw(self) -> None:
        """Take the guess out of the count: nobody looked at it."""
        await self._database.run(_REMOVE, {"id": self._id})


def _network(address: str) -> str:
    """Return what one subscriber holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:45]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed), 64), strict=False).network_address)
    return str(parsed)
