"""The ways in which somebody can sign in. The last one is not removed."""

from sqlalchemy import case, func, select

from app.database import Database
#{% if cookiecutter.passkeys %}
from app.models import Identity, Passkey, User

TABLES = (Identity, Passkey)
#{% else %}
from app.models import Identity, User

TABLES = (Identity,)
#{% endif %}

_HAS_PASSWORD = case((User.password_hash.is_not(None), 1), else_=0)


async def has_password(database: Database, user_id: int) -> bool:
    """Whether a user can sign in with a password."""
    row = await database.fetch_one(select(_HAS_PASSWORD).where(User.id == user_id))
    return bool(row and row[0])


async def count_ways(database: Database, user_id: int) -> int:
    """Return how many ways a user has: a password, and what is in these tables."""
    counts = [
        select(func.count()).where(table.user_id == User.id).scalar_subquery() for table in TABLES
    ]
    row = await database.fetch_one(select(sum(counts, _HAS_PASSWORD)).where(User.id == user_id))
    return int(row[0]) if row else 0
