"""Sessions in Redis. Its keys are hashes of tickets: a stolen copy signs nobody in.

``session:1:{NAME}`` is the record, ``session:1:{NAME}:values`` what is kept with it. The braces put
both into one slot of a cluster, so that one script may change them together. ``sessions:USER`` is
an index of keys by the time at which the session ends whatever happens; it may name sessions that
have ended before, never miss one that lives.

Nothing is written where it was not meant to be changed: a request in flight cannot bring back a
session that was ended meanwhile. Times to live are relative, so clocks need not agree.
"""

import math
from typing import Any

from app.database import Database
from app.redis import Redis
from app.sessions.record import index_of, name_of, pack, unpack, values_of
from app.sessions.session import Limits, Principal, Session, SessionEnded
from app.sessions.users import with_user
from app.sessions.values import MAX_DATA_BYTES, TooMuchData

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


class SessionStore:
    """Sessions in Redis, their users in the database.

    ``key`` is SHA-256 of a ticket, ``now`` Unix time in seconds. What has expired is not there.
    Every method raises Unavailable when Redis or the database is out of reach.
    """

    def __init__(self, redis: Redis, database: Database, limits: Limits) -> None:
        self._redis = redis
        self._database = database
        self._limits = limits

    async def add(self, session: Session) -> None:
        """Keep a new session."""
        # The index first: it never misses a session that lives.
        await self._enter(session)
        await self._redis.run("SET", name_of(session.key), pack(session), "PX", _life(session))

    async def get(self, key: bytes, now: float) -> Session | None:
        """Return the live session of that key."""
        return unpack(key, await self._redis.get(name_of(key)), now)

    async def get_with_user(self, key: bytes, now: float) -> tuple[Session, Principal] | None:
        """Return the live session of that key and its user, if the account still stands by it."""
        session = await self.get(key, now)
        return await with_user(session, self._database) if session else None

    async def of_user(self, user_id: int, now: float) -> list[Session]:
        """Return the live sessions of a user, the latest seen first."""
        keys = await self._redis.run("ZRANGEBYSCORE", index_of(user_id), f"({now}", "+inf")
        records = await self._redis.run_all([("GET", name_of(key)) for key in keys])
        found = [unpack(key, record, now) for key, record in zip(keys, records, strict=True)]
        live = [session for session in found if session]
        return sorted(live, key=lambda session: session.last_seen_at, reverse=True)

    async def touch(self, before: Session, seen: Session) -> None:
        """Note that a session was used, unless another request has noted it meanwhile."""
        if await self._run_script(_TOUCH, before.key, pack(before), pack(seen), _life(seen)):
            # Once more: the limits may have been raised, or the index may be lost.
            await self._enter(seen)

    async def replace(self, old: Session, renewed: Session) -> bool:
        """Put a session in the place of another; false when that one was ended meanwhile.

        They may lie on different nodes. Nobody knows the new one before the old one is taken, and
        what is sent with the old ticket from then on is refused, not lost.
        """
        await self.add(renewed)
        # Whoever ends all sessions of a user moves the epoch on, and then looks for them: this one
        # was there already and is found, or it is noticed here.
        stands = await with_user(renewed, self._database)
        taken, _, values = await self._run_script(_TAKE, old.key)
        if not taken or not stands:
            await self.remove(renewed)
            return False
        if values:
            place = values_of(renewed.key)
            await self._redis.run_all(
                [("HSET", place, *values), ("PEXPIRE", place, _life(renewed))]
            )
        await self._redis.run("ZREM", index_of(old.user_id), old.key)
        return True

    async def remove(self, session: Session) -> bool:
        """End a session; whether it was still there."""
        return await self._remove_all([session.key], session.user_id)

    async def remove_others(self, session: Session) -> None:
        """End every other session of the same user."""
        looked_at: list[bytes] = []
        # Until it was the same ones twice: one of them may be given a new ticket after its new
        # record was looked for, and before its old one is.
        while others := await self._named_beside(session):
            await self._remove_all(others, session.user_id)
            if others == looked_at:
                return
            looked_at = others

    async def remove_before(self, epoch: int, user_id: int) -> None:
        """End every session of a user that was started before that epoch."""
        earlier = [each for each in await self.of_user(user_id, 0) if each.epoch < epoch]
        await self._remove_all([each.key for each in earlier], user_id)

    async def values(self, key: bytes) -> dict[str, bytes]:
        """Return what is kept with a session, sealed, by name."""
        values = await self._redis.run("HGETALL", values_of(key))
        return {name.decode(errors="replace"): sealed for name, sealed in values.items()}

    async def set_value(self, key: bytes, name: str, sealed: bytes) -> None:
        """Keep a value with a session. Raises SessionEnded or TooMuchData."""
        room = MAX_DATA_BYTES - len(sealed)
        outcome = await self._run_script(_SET_VALUE, key, name, sealed, room)
        if outcome == b"ended":
            raise SessionEnded
        if outcome == b"full":
            raise TooMuchData

    async def delete_value(self, key: bytes, name: str) -> None:
        """Forget a value. Raises SessionEnded."""
        if not await self._run_script(_DELETE_VALUE, key, name):
            raise SessionEnded

    async def _named_beside(self, session: Session) -> list[bytes]:
        named = await self._redis.run("ZRANGE", index_of(session.user_id), 0, -1)
        return [key for key in named if key != session.key]

    async def _enter(self, session: Session) -> None:
        """Enter a session that was just used into the index, and let go of those past their end."""
        index, now = index_of(session.user_id), session.last_seen_at
        ends_at = self._limits.ends_at(created_at=session.created_at, remember=session.remember)
        left = math.ceil(ends_at - now)
        await self._redis.run_all(
            [
                ("ZREMRANGEBYSCORE", index, "-inf", now),
                ("ZADD", index, math.ceil(ends_at), session.key),
                ("EXPIRE", index, left, "NX"),
                ("EXPIRE", index, left, "GT"),
            ]
        )

    async def _run_script(self, script: str, key: bytes, *arguments: str | bytes | int) -> Any:
        return await self._redis.run("EVAL", script, 2, name_of(key), values_of(key), *arguments)

    async def _remove_all(self, keys: list[bytes], user_id: int) -> bool:
        """End sessions; whether any of them was still there."""
        if not keys:
            return False
        answers = await self._redis.run_all([("DEL", name_of(key), values_of(key)) for key in keys])
        # One turn later, and without those that were not there: they may be about to be added.
        removed = [key for key, count in zip(keys, answers, strict=True) if count]
        if removed:
            await self._redis.run("ZREM", index_of(user_id), *removed)
        return bool(removed)


def _life(session: Session) -> int:
    """Return for how many milliseconds a record is kept that was just used."""
    return math.ceil((session.expires_at - session.last_seen_at) * 1000)
