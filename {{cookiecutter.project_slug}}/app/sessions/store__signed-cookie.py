"""What the server has to remember of sessions that live in their tickets: those that have ended.

A ticket cannot be taken back, so each is held against two facts, in one statement: whether its
session was ended, and whether the user's epoch has moved on.
"""

from sqlalchemy import bindparam, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.models import EndedSession, User
from app.reader import Lookup
from app.sessions.session import Limits, Principal, Session

# Enough for a sweep to catch up, few enough to hold the lock for milliseconds only.
SWEEP_BATCH = 100

# How far the clocks of two hosts may differ. What was issued later than that was forged.
CLOCK_SKEW_SECONDS = 60

_GET_USER = Lookup(
    select(User.id, User.username, User.role).where(
        User.id == bindparam("user_id"),
        User.epoch == bindparam("epoch"),
        User.is_active,
        ~exists().where(EndedSession.key == bindparam("key")),
    )
)
_ADD = insert(EndedSession)
_MOVE_ON = (
    update(User)
    .where(User.id == bindparam("user_id"), User.epoch == bindparam("old_epoch"))
    .values(epoch=User.epoch + 1)
    .returning(User.epoch)
)
_SWEEP = delete(EndedSession).where(
    EndedSession.key.in_(
        select(EndedSession.key)
        .where(EndedSession.ends_at <= bindparam("now"))
        .limit(bindparam("batch"))
    )
)


class SessionStore:
    """The table ``ended_sessions``, and the users' epochs.

    ``now`` is Unix time in seconds. Every method raises Unavailable when the database is out of
    reach.
    """

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    async def get(self, session: Session, now: float) -> Session | None:
        """Return the session that a ticket says, if it is still good."""
        found = await self.get_with_user(session, now)
        return found[0] if found else None

    async def get_with_user(self, session: Session, now: float) -> tuple[Session, Principal] | None:
        """Return the session that a ticket says and its user, if it is still good."""
        if session.expires_at <= now or session.created_at > now + CLOCK_SKEW_SECONDS:
            return None
        values = {"user_id": session.user_id, "epoch": session.epoch, "key": session.key}
        row = await self._database.look_up(_GET_USER, values)
        return (session, Principal._make(row)) if row else None

    async def replace(self, old: Session, _: Session) -> bool:
        """End a session in whose place there is another; false when it was ended already."""
        return await self.remove(old)

    async def remove(self, session: Session) -> bool:
        """End a session; whether it was not ended already."""
        ends_at = self._limits.ends_at(created_at=session.created_at, remember=session.remember)
        # The limits may have been longer when the ticket was issued.
        values = {"key": session.key, "ends_at": max(ends_at, session.expires_at)}
        try:
            await self._database.run(_ADD, values)
        except IntegrityError:
            return False
        return True

    async def remove_others(self, session: Session) -> int | None:
        """End every session of the user; return the epoch from which on they are good.

        None when the epoch of this one is over already.
        """
        values = {"user_id": session.user_id, "old_epoch": session.epoch}
        row = await self._database.first(_MOVE_ON, values)
        return row.epoch if row else None

    async def sweep(self, now: float) -> int:
        """Forget a batch of ended sessions whose tickets have all expired; how many."""
        return await self._database.run(_SWEEP, {"now": now, "batch": SWEEP_BATCH})
