"""Who a session speaks for."""

from sqlalchemy import bindparam, select

from app.database import Database
from app.models import User
from app.reader import Lookup
from app.sessions.session import Principal, Session

_GET = Lookup(
    select(User.id, User.username, User.role).where(
        User.id == bindparam("user_id"), User.epoch == bindparam("epoch"), User.is_active
    )
)


async def with_user(session: Session, database: Database) -> tuple[Session, Principal] | None:
    """Return a session and its user, if the account still stands by it, in one statement.

    Raises Unavailable when the database is out of reach.
    """
    row = await database.look_up(_GET, {"user_id": session.user_id, "epoch": session.epoch})
    return (session, Principal._make(row)) if row else None
