"""Sessions in the memory of one process: for development and tests.

Other processes do not know them, and they are gone when the process ends.
"""

import heapq
import sys
from collections import deque

from app.database import Database
from app.sessions.session import Principal, Session, SessionEnded
from app.sessions.users import with_user
from app.sessions.values import MAX_DATA_BYTES, TooMuchData

# About 500 bytes each, and what is kept with them: far less than a small machine has.
MAX_SESSIONS = 100_000

# How many of those that expire first make room when it is full; one at a time would cost a search
# through all of them at each sign-in.
EVICTION_BATCH = 1_000

# How many are looked at in one go, which takes less than a millisecond.
SWEEP_BATCH = 500


class SessionStore:
    """A dictionary of sessions by key, of ``limit`` at most.

    ``key`` is SHA-256 of a ticket, ``now`` Unix time in seconds. What has expired is not there.
    No method but ``get_with_user`` waits for anything, so each is atomic.
    """

    def __init__(self, database: Database, limit: int = MAX_SESSIONS) -> None:
        self._database = database
        self._limit = limit
        self._sessions: dict[bytes, Session] = {}
        self._values: dict[bytes, dict[str, bytes]] = {}
        self._of_user: dict[int, tuple[bytes, ...]] = {}
        self._to_sweep: deque[bytes] = deque()
        """Every key once, the one looked at longest ago first; some are of sessions gone."""

    async def add(self, session: Session) -> None:
        """Keep a new session. When there are too many, those that expire first are ended."""
        if len(self._sessions) >= self._limit:
            batch = min(EVICTION_BATCH, self._limit)
            by_expiry = heapq.nsmallest(
                batch, self._sessions.values(), key=lambda each: each.expires_at
            )
            self._forget(*by_expiry)
        # The shell is another process: what it has ended is still here.
        await self.remove_before(session.epoch, session.user_id)
        # Most people have one of a few browsers: a text for each session would be a third of it.
        kept = session._replace(user_agent=sys.intern(session.user_agent))
        self._sessions[session.key] = kept
        self._of_user[session.user_id] = (*self._of_user.get(session.user_id, ()), session.key)
        self._to_sweep.append(session.key)

    async def get(self, key: bytes, now: float) -> Session | None:
        """Return the live session of that key."""
        session = self._sessions.get(key)
        return session if session and session.expires_at > now else None

    async def get_with_user(self, key: bytes, now: float) -> tuple[Session, Principal] | None:
        """Return the live session of that key and its user, if the account still stands by it."""
        session = await self.get(key, now)
        return await with_user(session, self._database) if session else None

    async def of_user(self, user_id: int, now: float) -> list[Session]:
        """Return the live sessions of a user, the latest seen first."""
        live = [each for each in self._all_of(user_id) if each.expires_at > now]
        return sorted(live, key=lambda each: each.last_seen_at, reverse=True)

    async def touch(self, before: Session, seen: Session) -> None:
        """Note that a session was used, unless another request has noted it meanwhile."""
        if self._sessions.get(before.key) == before:
            self._sessions[before.key] = seen

    async def replace(self, old: Session, renewed: Session) -> bool:
        """Put a session in the place of another; false when that one was ended meanwhile."""
        values = self._values.get(old.key)
        if not self._forget(old):
            return False
        await self.add(renewed)
        if values:
            self._values[renewed.key] = values
        return True

    async def remove(self, session: Session) -> bool:
        """End a session; whether it was still there."""
        return self._forget(session) == 1

    async def remove_others(self, session: Session) -> None:
        """End every other session of the same user."""
        self._forget(*(each for each in self._all_of(session.user_id) if each.key != session.key))

    async def remove_before(self, epoch: int, user_id: int) -> None:
        """End every session of a user that was started before that epoch."""
        self._forget(*(each for each in self._all_of(user_id) if each.epoch < epoch))

    async def sweep(self, now: float) -> int:
        """Look at the next few sessions, and forget those that have expired; how many."""
        expired = []
        for _ in range(min(SWEEP_BATCH, len(self._to_sweep))):
            key = self._to_sweep.popleft()
            session = self._sessions.get(key)
            if session is None:
                continue
            if session.expires_at > now:
                self._to_sweep.append(key)
            else:
                expired.append(session)
        return self._forget(*expired)

    async def values(self, key: bytes) -> dict[str, bytes]:
        """Return what is kept with a session, sealed, by name."""
        return dict(self._values.get(key, {}))

    async def set_value(self, key: bytes, name: str, sealed: bytes) -> None:
        """Keep a value with a session. Raises SessionEnded or TooMuchData."""
        if key not in self._sessions:
            raise SessionEnded
        values = {**self._values.get(key, {}), name: sealed}
        if sum(map(len, values.values())) > MAX_DATA_BYTES:
            raise TooMuchData
        self._values[key] = values

    async def delete_value(self, key: bytes, name: str) -> None:
        """Forget a value. Raises SessionEnded."""
        if key not in self._sessions:
            raise SessionEnded
        self._values.get(key, {}).pop(name, None)

    def _all_of(self, user_id: int) -> list[Session]:
        return [self._sessions[key] for key in self._of_user.get(user_id, ())]

    def _forget(self, *sessions: Session) -> int:
        """Drop sessions and all that belongs to them; how many were there."""
        gone: dict[int, set[bytes]] = {}
        for session in sessions:
            if self._sessions.pop(session.key, None):
                self._values.pop(session.key, None)
                gone.setdefault(session.user_id, set()).add(session.key)
        for user_id, keys in gone.items():
            left = tuple(key for key in self._of_user.pop(user_id) if key not in keys)
            if left:
                self._of_user[user_id] = left
        return sum(map(len, gone.values()))
