"""Sessions in the database. A table of hashes: a stolen copy signs nobody in.

Every method is one statement. None inserts a session where it meant to update one, so a request in
flight cannot bring back a session that was ended meanwhile.
"""

from sqlalchemy import LargeBinary, String, bindparam, delete, func, insert, select, update
#{% if cookiecutter.database == "sqlite" %}
from sqlalchemy.dialects.sqlite import insert as insert_or_update
#{% else %}
from sqlalchemy.dialects.postgresql import insert as insert_or_update
#{% endif %}
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.models import SessionRow, SessionValue, User
from app.reader import Lookup
from app.sessions.session import Principal, Session, SessionEnded
from app.sessions.values import MAX_DATA_BYTES, TooMuchData

# Enough for a sweep to catch up, few enough to hold the lock for milliseconds only.
SWEEP_BATCH = 100

_columns = [getattr(SessionRow, name) for name in Session._fields]
_is_it = SessionRow.key == bindparam("key")
_is_live = SessionRow.expires_at > bindparam("now")
_is_users = SessionRow.user_id == bindparam("user_id")

_EXISTS = select(SessionRow.key).where(_is_it)
_ADD = insert(SessionRow)
_GET = Lookup(select(*_columns).where(_is_it, _is_live))
_GET_WITH_USER = Lookup(
    select(*_columns, User.id, User.username, User.role)
    .join_from(SessionRow, User)
    .where(_is_it, _is_live, User.is_active, User.epoch == SessionRow.epoch)
)
_OF_USER = select(*_columns).where(_is_users, _is_live).order_by(SessionRow.last_seen_at.desc())
_TOUCH = (
    update(SessionRow)
    .where(SessionRow.key == bindparam("b_key"), SessionRow.last_seen_at == bindparam("b_before"))
    .values(last_seen_at=bindparam("b_seen"), expires_at=bindparam("b_expires"))
)
_REPLACE = update(SessionRow).where(SessionRow.key == bindparam("old_key"))
_REMOVE = delete(SessionRow).where(_is_it)
_REMOVE_OTHERS = delete(SessionRow).where(_is_users, SessionRow.key != bindparam("key"))
_REMOVE_BEFORE = delete(SessionRow).where(_is_users, SessionRow.epoch < bindparam("epoch"))
_SWEEP = delete(SessionRow).where(
    SessionRow.key.in_(
        select(SessionRow.key)
        .where(SessionRow.expires_at <= bindparam("now"))
        .limit(bindparam("batch"))
    )
)

_is_of_it = SessionValue.session_key == bindparam("key")
_is_named = SessionValue.name == bindparam("name")
_bytes_of_others = (
    select(func.coalesce(func.sum(func.length(SessionValue.sealed)), 0))
    .where(_is_of_it, SessionValue.name != bindparam("name"))
    .scalar_subquery()
)
_VALUES = select(SessionValue.name, SessionValue.sealed).where(_is_of_it)
_ADD_VALUE = insert_or_update(SessionValue).from_select(
    ["session_key", "name", "sealed"],
    select(
        bindparam("key", type_=LargeBinary),
        bindparam("name", type_=String),
        bindparam("sealed", type_=LargeBinary),
    ).where(_bytes_of_others <= bindparam("room")),
)
_SET_VALUE = _ADD_VALUE.on_conflict_do_update(
    index_elements=[SessionValue.session_key, SessionValue.name],
    set_={"sealed": _ADD_VALUE.excluded.sealed},
)
_DELETE_VALUE = delete(SessionValue).where(_is_of_it, _is_named)


class SessionStore:
    """The table ``sessions``.

    ``key`` is SHA-256 of a ticket, ``now`` Unix time in seconds. What has expired is not there.
    Every method raises Unavailable when the database is out of reach.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: Session) -> None:
        """Keep a new session. Raises SessionEnded when its user was deleted meanwhile."""
        try:
            await self._database.run(_ADD, session._asdict())
        except IntegrityError:
            raise SessionEnded from None

    async def get(self, key: bytes, now: float) -> Session | None:
        """Return the live session of that key."""
        row = await self._database.look_up(_GET, {"key": key, "now": now})
        return Session._make(row) if row else None

    async def get_with_user(self, key: bytes, now: float) -> tuple[Session, Principal] | None:
        """Return the live session of that key and its user, if the account still stands by it."""
        row = await self._database.look_up(_GET_WITH_USER, {"key": key, "now": now})
        if row is None:
            return None
        width = len(_columns)
        return Session._make(row[:width]), Principal._make(row[width:])

    async def of_user(self, user_id: int, now: float) -> list[Session]:
        """Return the live sessions of a user, the latest seen first."""
        rows = await self._database.all(_OF_USER, {"user_id": user_id, "now": now})
        return [Session._make(row) for row in rows]

    async def touch(self, before: Session, seen: Session) -> None:
        """Note that a session was used, unless another request has noted it meanwhile."""
        values = {
            "b_key": before.key,
            "b_before": before.last_seen_at,
            "b_seen": seen.last_seen_at,
            "b_expires": seen.expires_at,
        }
        await self._database.run(_TOUCH, values)

    async def replace(self, old: Session, renewed: Session) -> bool:
        """Put a session in the place of another; false when that one was ended meanwhile."""
        values = {"old_key": old.key, **renewed._asdict()}
        return await self._database.run(_REPLACE, values) == 1

    async def remove(self, session: Session) -> bool:
        """End a session; whether it was still there."""
        return await self._database.run(_REMOVE, {"key": session.key}) == 1

    async def remove_others(self, session: Session) -> None:
        """End every other session of the same user."""
        values = {"key": session.key, "user_id": session.user_id}
        await self._database.run(_REMOVE_OTHERS, values)

    async def remove_before(self, epoch: int, user_id: int) -> None:
        """End every session of a user that was started before that epoch."""
        await self._database.run(_REMOVE_BEFORE, {"epoch": epoch, "user_id": user_id})

    async def sweep(self, now: float) -> int:
        """Delete a batch of expired sessions; how many."""
        return await self._database.run(_SWEEP, {"now": now, "batch": SWEEP_BATCH})

    async def values(self, key: bytes) -> dict[str, bytes]:
        """Return what is kept with a session, sealed, by name."""
        rows = await self._database.all(_VALUES, {"key": key})
        return {row.name: row.sealed for row in rows}

    async def set_value(self, key: bytes, name: str, sealed: bytes) -> None:
        """Keep a value with a session. Raises SessionEnded or TooMuchData."""
        values = {"key": key, "name": name, "sealed": sealed, "room": MAX_DATA_BYTES - len(sealed)}
        try:
            written = await self._database.run(_SET_VALUE, values)
        except IntegrityError:
            raise SessionEnded from None
        if not written:
            raise TooMuchData

    async def delete_value(self, key: bytes, name: str) -> None:
        """Forget a value. Raises SessionEnded."""
        if await self._database.run(_DELETE_VALUE, {"key": key, "name": name}):
            return
        if await self._database.first(_EXISTS, {"key": key}) is None:
            raise SessionEnded
