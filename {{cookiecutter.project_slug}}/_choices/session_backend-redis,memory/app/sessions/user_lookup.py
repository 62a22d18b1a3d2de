"""The user of a session that is not kept in the database."""

from sqlalchemy import bindparam, select

from app.database import Database
from app.fast_lookup import CompiledSelect
from app.models import USER_COLUMNS, User, user_from_row
from app.sessions.session import Session

_GET = CompiledSelect(
    select(*USER_COLUMNS).where(
        User.id == bindparam("user_id"),
        User.session_version == bindparam("session_version"),
        User.is_active,
    )
)


async def with_user(session: Session, database: Database) -> tuple[Session, User] | None:
    """Return a session and its user, unless all sessions of the user were revoked since.

    Raises StoreUnavailable when the database is out of reach.
    """
    values = {"user_id": session.user_id, "session_version": session.session_version}
    row = await database.fast_lookup.fetch_one(_GET, values)
    return (session, user_from_row(row)) if row else None
