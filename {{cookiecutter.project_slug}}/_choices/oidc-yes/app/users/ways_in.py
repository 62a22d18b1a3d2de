"""The ways in which somebody can sign in. The last one is not removed."""

from sqlalchemy import select

from app.config import Settings
from app.database import Database
#{% if cookiecutter.passkeys %}
from app.models import Identity, Passkey, User
#{% else %}
from app.models import Identity, User
#{% endif %}


async def has_password(database: Database, user_id: int) -> bool:
    """Whether a user can sign in with a password."""
    found = select(User.id).where(User.id == user_id, User.password_hash.is_not(None))
    return await database.fetch_one(found) is not None


async def count_ways(
    database: Database, user_id: int, settings: Settings, *, without: int = 0
) -> int:
    """Return how many ways a user has. without: the id of an identity that is to be removed."""
    ways = int(await has_password(database, user_id))
    #{% if cookiecutter.passkeys %}
    ways += len(await database.fetch_all(select(Passkey.id).where(Passkey.user_id == user_id)))
    #{% endif %}
    identities = await database.fetch_all(
        select(Identity.issuer).where(Identity.user_id == user_id, Identity.id != without)
    )
    return ways + sum(is_configured(each.issuer, settings) for each in identities)


def is_configured(issuer: str, settings: Settings) -> bool:
    """Whether people can sign in with an account there, or could only once."""
    return any(each.accepts(issuer) for each in settings.oidc_providers.values())
