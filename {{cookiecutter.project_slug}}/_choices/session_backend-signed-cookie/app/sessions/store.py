"""What the server remembers of sessions that live in their tokens: which of them were revoked.

A token cannot be taken back, so each is checked against two facts, in one statement: whether its
session was revoked, and whether the user's session version has moved on.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Update, bindparam, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.config import Settings
from app.database import Database
from app.fast_lookup import CompiledSelect
from app.models import USER_COLUMNS, EndedSession, Link, User, next_session_version, user_from_row
from app.sessions.session import Session, session_end

_GET_USER = CompiledSelect(
    select(*USER_COLUMNS).where(
        User.id == bindparam("user_id"),
        User.session_version == bindparam("session_version"),
        User.is_active,
        ~exists().where(EndedSession.key == bindparam("key")),
    )
)

# How much longer than its tokens a revocation is kept: by a clock that is ahead, they all seem to
# have expired.
KEEP_SECONDS = 30 * 86_400


@dataclass(frozen=True)
class SessionStore:
    """The table ``ended_sessions``, and the users' session versions.

    ``now`` is Unix time in seconds. Every method raises StoreUnavailable when the database is out
    of reach.
    """

    database: Database
    settings: Settings

    async def add(self, _: Session) -> None:
        """Store nothing: the token is the session."""

    async def get(self, session: Session, now: float) -> Session | None:
        """Return the session in a token, if it is still good."""
        return session if await self._user_row(session, now) else None

    async def get_with_user(self, session: Session, now: float) -> tuple[Session, User] | None:
        """Return the session that a token says and its user, if it is still good."""
        row = await self._user_row(session, now)
        return (session, user_from_row(row)) if row else None

    async def replace(self, old: Session, _: Session) -> bool:
        """End a session that another one replaces; false when it was revoked already."""
        return await self.delete(old)

    async def delete(self, session: Session) -> bool:
        """End a session; whether it was not revoked already."""
        # The limits may have been longer when the token was issued.
        ends_at = max(session_end(session, self.settings), session.expires_at)
        statement = insert(EndedSession).values(key=session.key, ends_at=ends_at)
        try:
            await self.database.execute(statement)
        except IntegrityError:
            return False
        return True

    async def delete_others(self, session: Session) -> int | None:
        """End every session of the user; return the session version that is good from now on.

        None when the version of this one is no longer good.
        """
        user_id, version = session.user_id, session.session_version
        row = await self.database.change(
            update(User)
            .where(User.id == user_id, User.session_version == version)
            .values(session_version=next_session_version(session.last_seen_at))
            .returning(User.session_version),
            keep_links(user_id, version),
        )
        return row.session_version if row else None

    async def delete_before(self, _: int, __: int) -> None:
        """Store nothing: the user's session version has invalidated them."""

    async def delete_expired(self, now: float) -> int:
        """Forget a batch of revoked sessions whose tokens expired long ago; return how many."""
        expired = EndedSession.ends_at <= now - KEEP_SECONDS
        return await self.database.delete_batch(EndedSession.key, expired)

    async def _user_row(self, session: Session, now: float) -> tuple[Any, ...] | None:
        if session.expires_at <= now:
            return None
        values = {
            "user_id": session.user_id,
            "session_version": session.session_version,
            "key": session.key,
        }
        return await self.database.fast_lookup.fetch_one(_GET_USER, values)


def keep_links(user_id: int, session_version: int) -> Update:
    """Return the statement with which a user's links outlive a change of session version.

    session_version: the one before. For what ends sessions and leaves the password as it is: a
    thief who can do that must not keep the owner from choosing a new one.
    """
    new = select(User.session_version).where(User.id == user_id).scalar_subquery()
    return (
        update(Link)
        .where(Link.user_id == user_id, Link.session_version == session_version)
        .values(session_version=new)
    )
