"""Sessions in the database. The table holds hashes of tokens: a stolen copy signs nobody in.

Every method is one statement. None inserts a session where it meant to update one, so a request in
flight cannot bring back a session that was revoked meanwhile.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.engine import insert_or_update
from app.fast_lookup import CompiledSelect
from app.models import USER_COLUMNS, SessionValue, User, UserSession, user_from_row
from app.sessions.session import MAX_DATA_BYTES, Session, SessionEnded, TooMuchData

_COLUMNS = [getattr(UserSession, name) for name in Session._fields]
_active = (UserSession.key == bindparam("key"), UserSession.expires_at > bindparam("now"))
# Until all sessions of a user are deleted, those of an earlier version are still there.
_usable = (User.is_active, User.session_version == UserSession.session_version)
_GET = CompiledSelect(select(*_COLUMNS).where(*_active))
_GET_USABLE = CompiledSelect(
    select(*_COLUMNS).join_from(UserSession, User).where(*_active, *_usable)
)
_GET_WITH_USER = CompiledSelect(
    select(*_COLUMNS, *USER_COLUMNS).join_from(UserSession, User).where(*_active, *_usable)
)
_LIST = CompiledSelect(
    select(*_COLUMNS)
    .where(UserSession.user_id == bindparam("user_id"), UserSession.expires_at > bindparam("now"))
    .order_by(UserSession.last_seen_at.desc())
)


@dataclass(frozen=True)
class SessionStore:
    """The table ``sessions``.

    ``key`` is SHA-256 of a token, ``now`` Unix time in seconds. What has expired is not there.
    Every method raises StoreUnavailable when the database is out of reach.
    """

    database: Database

    async def add(self, session: Session) -> None:
        """Store a new session. Raises SessionEnded when its user was deleted meanwhile."""
        try:
            await self.database.execute(insert(UserSession).values(session._asdict()))
        except IntegrityError:
            raise SessionEnded from None

    async def get(self, key: bytes, now: float) -> Session | None:
        """Return the active session of that key."""
        row = await self.database.fast_lookup.fetch_one(_GET, {"key": key, "now": now})
        return Session._make(row) if row else None

    async def get_usable(self, key: bytes, now: float) -> Session | None:
        """Return the active session of that key, if its user may still use it."""
        row = await self.database.fast_lookup.fetch_one(_GET_USABLE, {"key": key, "now": now})
        return Session._make(row) if row else None

    async def get_with_user(self, key: bytes, now: float) -> tuple[Session, User] | None:
        """Return the active session of that key and its user, if the user may still use it."""
        row = await self.database.fast_lookup.fetch_one(_GET_WITH_USER, {"key": key, "now": now})
        if row is None:
            return None
        width = len(_COLUMNS)
        return Session._make(row[:width]), user_from_row(row[width:])

    async def list_for_user(self, user_id: int, now: float) -> list[Session]:
        """Return the active sessions of a user, the last used first."""
        values = {"user_id": user_id, "now": now}
        rows = await self.database.fast_lookup.fetch_all(_LIST, values)
        return [Session._make(row) for row in rows]

    async def touch(self, before: Session, seen: Session) -> None:
        """Record that a session was used, unless another request has done so meanwhile."""
        await self.database.execute(
            update(UserSession)
            .where(UserSession.key == before.key, UserSession.last_seen_at == before.last_seen_at)
            .values(last_seen_at=seen.last_seen_at, expires_at=seen.expires_at)
        )

    async def replace(self, old: Session, renewed: Session) -> bool:
        """Replace a session by another; false when that one was revoked meanwhile."""
        statement = update(UserSession).where(UserSession.key == old.key)
        return await self.database.execute(statement.values(renewed._asdict())) == 1

    async def delete(self, session: Session) -> bool:
        """End a session; return whether it was there."""
        statement = delete(UserSession).where(UserSession.key == session.key)
        return await self.database.execute(statement) == 1

    async def delete_others(self, session: Session) -> None:
        """End every other session of the same user."""
        same_user = UserSession.user_id == session.user_id
        await self.database.execute(
            delete(UserSession).where(same_user, UserSession.key != session.key)
        )

    async def delete_before(self, session_version: int, user_id: int) -> None:
        """End every session of a user of an earlier session version."""
        earlier = UserSession.session_version < session_version
        await self.database.execute(
            delete(UserSession).where(UserSession.user_id == user_id, earlier)
        )

    async def delete_expired(self, now: float) -> int:
        """Delete a batch of expired sessions, and return how many."""
        return await self.database.delete_batch(UserSession.key, UserSession.expires_at <= now)

    async def values(self, key: bytes) -> dict[str, bytes]:
        """Return the encrypted values of a session by name."""
        rows = await self.database.fetch_all(
            select(SessionValue.name, SessionValue.encrypted).where(SessionValue.session_key == key)
        )
        return {row.name: row.encrypted for row in rows}

    async def set_value(self, key: bytes, name: str, encrypted: bytes) -> None:
        """Store a value. Raises SessionEnded or TooMuchData."""
        bytes_of_others = (
            select(func.coalesce(func.sum(func.length(SessionValue.encrypted)), 0))
            .where(SessionValue.session_key == key, SessionValue.name != name)
            .scalar_subquery()
        )
        row = select(literal(key), literal(name), literal(encrypted)).where(
            bytes_of_others <= MAX_DATA_BYTES - len(encrypted)
        )
        statement = insert_or_update(SessionValue).from_select(
            ["session_key", "name", "encrypted"], row
        )
        try:
            written = await self.database.execute(
                statement.on_conflict_do_update(
                    index_elements=["session_key", "name"], set_={"encrypted": encrypted}
                )
            )
        except IntegrityError:
            raise SessionEnded from None
        if not written:
            raise TooMuchData

    async def delete_value(self, key: bytes, name: str) -> None:
        """Delete a value. Raises SessionEnded."""
        statement = delete(SessionValue).where(
            SessionValue.session_key == key, SessionValue.name == name
        )
        exists = select(UserSession.key).where(UserSession.key == key)
        if not await self.database.execute(statement) and not await self.database.fetch_one(exists):
            raise SessionEnded
