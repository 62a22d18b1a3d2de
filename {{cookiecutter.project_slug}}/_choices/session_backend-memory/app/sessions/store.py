"""Sessions in the memory of one process: for development and tests.

Other processes do not know them, and they are gone when the process ends.
"""

import heapq
import sys
from collections import deque

from app.database import Database
from app.models import User
from app.sessions.session import MAX_DATA_BYTES, Session, SessionEnded, TooMuchData
from app.sessions.user_lookup import with_user

# About 500 bytes each, and their values: far less than a small machine has.
MAX_SESSIONS = 100_000

# How many of those that expire first make room when it is full; one at a time would cost a search
# through all of them at each sign-in.
EVICTION_BATCH = 1_000

# How many are checked at once, which takes less than a millisecond.
DELETE_BATCH = 500


class SessionStore:
    """A dictionary of sessions by key, of ``limit`` at most.

    ``key`` is SHA-256 of a token, ``now`` Unix time in seconds. What has expired is not there.
    No method but ``get_with_user`` waits for anything, so each is atomic.
    """

    def __init__(self, database: Database, limit: int = MAX_SESSIONS) -> None:
        self._database = database
        self._limit = limit
        self._sessions: dict[bytes, Session] = {}
        self._values: dict[bytes, dict[str, bytes]] = {}
        self._of_user: dict[int, tuple[bytes, ...]] = {}
        # Every key once, the one checked longest ago first; some are of sessions gone.
        self._to_check: deque[bytes] = deque()

    async def add(self, session: Session) -> None:
        """Store a new session. When there are too many, those that expire first are ended."""
        if len(self._sessions) >= self._limit:
            batch = min(EVICTION_BATCH, self._limit)
            by_expiry = heapq.nsmallest(
                batch, self._sessions.values(), key=lambda each: each.expires_at
            )
            self._forget(*by_expiry)
        # The command line is another process: what it has revoked is still here.
        await self.delete_before(session.session_version, session.user_id)
        # There are few distinct user agents; interning them saves a third of the memory.
        kept = session._replace(user_agent=sys.intern(session.user_agent))
        self._sessions[session.key] = kept
        self._of_user[session.user_id] = (*self._of_user.get(session.user_id, ()), session.key)
        self._to_check.append(session.key)

    async def get(self, key: bytes, now: float) -> Session | None:
        """Return the active session of that key."""
        session = self._sessions.get(key)
        return session if session and session.expires_at > now else None

    async def get_with_user(self, key: bytes, now: float) -> tuple[Session, User] | None:
        """Return the active session of that key and its user, if the user may still use it."""
        session = await self.get(key, now)
        return await with_user(session, self._database) if session else None

    async def list_for_user(self, user_id: int, now: float) -> list[Session]:
        """Return the active sessions of a user, the last used first."""
        live = [each for each in self._all_of(user_id) if each.expires_at > now]
        return sorted(live, key=lambda each: each.last_seen_at, reverse=True)

    async def touch(self, before: Session, seen: Session) -> None:
        """Record that a session was used, unless another request has done so meanwhile."""
        if self._sessions.get(before.key) == before:
            self._sessions[before.key] = seen

    async def replace(self, old: Session, renewed: Session) -> bool:
        """Replace a session by another; false when that one was revoked meanwhile."""
        values = self._values.get(old.key)
        if not self._forget(old):
            return False
        await self.add(renewed)
        if values:
            self._values[renewed.key] = values
        return True

    async def delete(self, session: Session) -> bool:
        """End a session; return whether it was there."""
        return self._forget(session) == 1

    async def delete_others(self, session: Session) -> None:
        """End every other session of the same user."""
        self._forget(*(each for each in self._all_of(session.user_id) if each.key != session.key))

    async def delete_before(self, session_version: int, user_id: int) -> None:
        """End every session of a user of an earlier session version."""
        self._forget(
            *(each for each in self._all_of(user_id) if each.session_version < session_version)
        )

    async def delete_expired(self, now: float) -> int:
        """Check the next few sessions and delete those that have expired, and return how many."""
        expired = []
        for _ in range(min(DELETE_BATCH, len(self._to_check))):
            key = self._to_check.popleft()
            session = self._sessions.get(key)
            if session is None:
                continue
            if session.expires_at > now:
                self._to_check.append(key)
            else:
                expired.append(session)
        return self._forget(*expired)

    async def values(self, key: bytes) -> dict[str, bytes]:
        """Return the encrypted values of a session by name."""
        return dict(self._values.get(key, {}))

    async def set_value(self, key: bytes, name: str, encrypted: bytes) -> None:
        """Store a value. Raises SessionEnded or TooMuchData."""
        if key not in self._sessions:
            raise SessionEnded
        values = {**self._values.get(key, {}), name: encrypted}
        if sum(map(len, values.values())) > MAX_DATA_BYTES:
            raise TooMuchData
        self._values[key] = values

    async def delete_value(self, key: bytes, name: str) -> None:
        """Delete a value. Raises SessionEnded."""
        if key not in self._sessions:
            raise SessionEnded
        self._values.get(key, {}).pop(name, None)

    def _all_of(self, user_id: int) -> list[Session]:
        return [self._sessions[key] for key in self._of_user.get(user_id, ())]

    def _forget(self, *sessions: Session) -> int:
        """Drop sessions and all that belongs to them, and return how many there were."""
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
