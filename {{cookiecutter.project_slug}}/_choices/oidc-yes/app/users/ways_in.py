"""The ways in which somebody can sign in. The last one is not removed."""

from sqlalchemy import Executable, delete, select

from app.config import Settings
from app.database import Database
#{% if cookiecutter.passkeys %}
from app.models import Identity, Passkey, User
#{% else %}
from app.models import Identity, User
#{% endif %}
from app.oidc_settings import title_of
from app.sessions.session import ClientInfo
from app.users.account_events import AccountEvents


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


async def unlink_all(events: AccountEvents, user: User, client: ClientInfo) -> list[Executable]:
    """Return the statements that let no account elsewhere open a user's, and tell the user.

    Whoever has known the password may have linked one of their own.
    """
    of_user = Identity.user_id == user.id
    linked = await events.database.fetch_all(select(Identity.provider).where(of_user))
    titles = ", ".join(sorted({title_of(each.provider) for each in linked}))
    notice = await events.notify(user, "identity removed", client, titles) if linked else []
    return [delete(Identity).where(of_user), *notice]


def is_configured(issuer: str, settings: Settings) -> bool:
    """Whether people can sign in with an account there, or could only once."""
    return any(each.accepts(issuer) for each in settings.oidc_providers.values())
