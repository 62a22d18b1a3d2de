"""Sessions in Redis. Its keys are hashes of tokens: a stolen copy signs nobody in.

``SLUG:session:3:{NAME}`` is the record, ``SLUG:session:3:{NAME}:values`` its values. The braces put
both into one slot of a cluster, so that one script may change them together. ``SLUG:sessions:USER``
is an index of keys by the time at which the session ends whatever happens; it may contain sessions
that have already ended, but never misses an active one.

Nothing is written where it was not meant to be changed: a request in flight cannot bring back a
session that was revoked meanwhile. Times to live are relative, so clocks need not agree.
"""

import math
from dataclasses import dataclass
from typing import Any

from app.config import Settings
from app.database import Database
from app.models import User
from app.redis import Redis
from app.sessions.redis_format import ANYTHING, index_of, name_of, pack, unpack, values_of
from app.sessions.session import (
    MAX_DATA_BYTES,
    Session,
    SessionEnded,
    TooMuchData,
    session_end,
)
from app.sessions.user_lookup import with_user

# KEYS: the record, its values. ARGV: the record before and after, milliseconds to live.
_TOUCH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
"""

# KEYS: the record, its values. Returns whether there was a record, and the values.
_TAKE = """
local values = redis.call('HGETALL', KEYS[2])
return {redis.call('DEL', KEYS[1]), redis.call('DEL', KEYS[2]), values}
"""

# KEYS: the record, its values. ARGV: a name, its value, how many bytes the other values may have.
_SET_VALUE = """
local left = redis.call('PTTL', KEYS[1])
if left < 0 then return 'ended' end
local others = -redis.call('HSTRLEN', KEYS[2], ARGV[1])
for _, value in ipairs(redis.call('HVALS', KEYS[2])) do others = others + #value end
if others > tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], left)
return 'set'
"""

# KEYS: the record, its values. ARGV: a name. Returns whether there was a record.
_DELETE_VALUE = """
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('EXISTS', KEYS[1])
"""


@dataclass(frozen=True)
class SessionStore:
    """Sessions in Redis, their users in the database.

    ``key`` is SHA-256 of a token, ``now`` Unix time in seconds. What has expired is not there.
    Every method raises StoreUnavailable when Redis or the database is out of reach.
    """

    redis: Redis
    database: Database
    settings: Settings

    async def add(self, session: Session) -> None:
        """Store a new session."""
        # The index first: it never misses an active session.
        await self._add_to_index(session)
        await self.redis.run("SET", name_of(session.key), pack(session), "PX", _life(session))

    async def get(self, key: bytes, now: float) -> Session | None:
        """Return the active session of that key."""
        return unpack(key, await self.redis.get(name_of(key)), now)

    async def get_with_user(self, key: bytes, now: float) -> tuple[Session, User] | None:
        """Return the active session of that key and its user, if the user may still use it."""
        session = await self.get(key, now)
        return await with_user(session, self.database) if session else None

    async def list_for_user(self, user_id: int, now: float) -> list[Session]:
        """Return the active sessions of a user, the last used first."""
        keys = await self.redis.run("ZRANGEBYSCORE", index_of(user_id), f"({now}", "+inf")
        records = await self.redis.run_all([("GET", name_of(key)) for key in keys])
        found = [unpack(key, record, now) for key, record in zip(keys, records, strict=True)]
        live = [session for session in found if session]
        return sorted(live, key=lambda session: session.last_seen_at, reverse=True)

    async def touch(self, before: Session, seen: Session) -> None:
        """Record that a session was used, unless another request has done so meanwhile."""
        if await self._run_script(_TOUCH, before.key, pack(before), pack(seen), _life(seen)):
            # Once more: the limits may have been raised, or the index may be lost.
            await self._add_to_index(seen)

    async def replace(self, old: Session, renewed: Session) -> bool:
        """Replace a session by another; false when that one was revoked meanwhile.

        They may lie on different nodes. Nobody knows the new one before the old one is taken, and
        what is sent with the old token from then on is refused, not lost.
        """
        await self.add(renewed)
        # Whoever revokes all sessions of a user changes the session version first, and then looks
        # for them: this one was there already and is found, or the change is noticed here.
        stands = await with_user(renewed, self.database)
        taken, _, values = await self._run_script(_TAKE, old.key)
        if not taken or not stands:
            await self.delete(renewed)
            return False
        if values:
            place = values_of(renewed.key)
            await self.redis.run_all([("HSET", place, *values), ("PEXPIRE", place, _life(renewed))])
        await self.redis.run("ZREM", index_of(old.user_id), old.key)
        return True

    async def delete(self, session: Session) -> bool:
        """End a session; return whether it was there."""
        return await self._delete_all([session.key], session.user_id)

    async def delete_others(self, session: Session) -> None:
        """End every other session of the same user."""
        looked_at: list[bytes] = []
        # Until it was the same ones twice: one of them may be given a new token after its new
        # record was looked for, and before its old one is.
        while others := await self._named_beside(session):
            await self._delete_all(others, session.user_id)
            if others == looked_at:
                return
            looked_at = others

    async def delete_before(self, session_version: int, user_id: int) -> None:
        """End every session of a user of an earlier session version."""
        earlier = [
            each
            for each in await self.list_for_user(user_id, 0)
            if each.session_version < session_version
        ]
        await self._delete_all([each.key for each in earlier], user_id)

    async def delete_all(self) -> None:
        """End every session of everybody."""
        await self.redis.delete_matching(ANYTHING)

    async def delete_expired(self, _: float) -> int:
        """Delete nothing: Redis does so by itself."""
        return 0

    async def values(self, key: bytes) -> dict[str, bytes]:
        """Return the encrypted values of a session by name."""
        values = await self.redis.run("HGETALL", values_of(key))
        return {name.decode(errors="replace"): encrypted for name, encrypted in values.items()}

    async def set_value(self, key: bytes, name: str, encrypted: bytes) -> None:
        """Store a value. Raises SessionEnded or TooMuchData."""
        room = MAX_DATA_BYTES - len(encrypted)
        outcome = await self._run_script(_SET_VALUE, key, name, encrypted, room)
        if outcome == b"ended":
            raise SessionEnded
        if outcome == b"full":
            raise TooMuchData

    async def delete_value(self, key: bytes, name: str) -> None:
        """Delete a value. Raises SessionEnded."""
        if not await self._run_script(_DELETE_VALUE, key, name):
            raise SessionEnded

    async def _named_beside(self, session: Session) -> list[bytes]:
        named = await self.redis.run("ZRANGE", index_of(session.user_id), 0, -1)
        return [key for key in named if key != session.key]

    async def _add_to_index(self, session: Session) -> None:
        """Add a session that was just used to the index, and remove those that are gone."""
        index, now = index_of(session.user_id), session.last_seen_at
        ends_at = session_end(session, self.settings)
        left = math.ceil(ends_at - now)
        past_end, *_ = await self.redis.run_all(
            [
                ("ZRANGEBYSCORE", index, "-inf", now),
                ("ZADD", index, math.ceil(ends_at), session.key),
                ("EXPIRE", index, left, "NX"),
                ("EXPIRE", index, left, "GT"),
            ]
        )
        if past_end:
            # For a clock that is far ahead everything has ended. Once it is right again, what Redis
            # still keeps is active again, and has to be found.
            kept = await self.redis.run_all([("EXISTS", name_of(key)) for key in past_end])
            gone = [key for key, is_kept in zip(past_end, kept, strict=True) if not is_kept]
            await self.redis.run_all([("ZREM", index, key) for key in gone])

    async def _run_script(self, script: str, key: bytes, *arguments: str | bytes | int) -> Any:
        return await self.redis.run("EVAL", script, 2, name_of(key), values_of(key), *arguments)

    async def _delete_all(self, keys: list[bytes], user_id: int) -> bool:
        """End sessions; whether any of them was still there."""
        if not keys:
            return False
        answers = await self.redis.run_all([("DEL", name_of(key), values_of(key)) for key in keys])
        # One round trip later, and only those that were there: others may be about to be added.
        removed = [key for key, count in zip(keys, answers, strict=True) if count]
        if removed:
            await self.redis.run("ZREM", index_of(user_id), *removed)
        return bool(removed)


def _life(session: Session) -> int:
    """Return for how many milliseconds a record is kept that was just used."""
    return math.ceil((session.expires_at - session.last_seen_at) * 1000)
