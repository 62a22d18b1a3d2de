"""The ways in which somebody can sign in. The last one is not removed."""

from sqlalchemy import select

from app.database import Database
from app.models import Passkey, User


async def has_password(database: Database, user_id: int) -> bool:
    """Whether a user can sign in with a password."""
    found = select(User.id).where(User.id == user_id, User.password_hash.is_not(None))
    return await database.fetch_one(found) is not None


async def count_ways(database: Database, user_id: int) -> int:
    """Return how many ways a user has."""
    passkeys = await database.fetch_all(select(Passkey.id).where(Passkey.user_id == user_id))
    return int(await has_password(database, user_id)) + len(passkeys)
