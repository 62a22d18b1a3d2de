"""Who a session speaks for."""

from sqlalchemy import bindparam, select

from app.database import Database
from app.models import User
from app.sessions.session import Principal, Session

_GET = select(User.id, User.username, User.role).where(
    User.id == bindparam("user_id"), User.epoch == bindparam("epoch"), User.is_active
)


async def user_of(session: Session, database: Database) -> Principal | None:
    """Return the user of a session, if the account still stands by it, in one statement.

    Raises Unavailable when the database is out of reach.
    """
    row = await database.first(_GET, {"user_id": session.user_id, "epoch": session.epoch})
    return Principal._make(row) if row else None
