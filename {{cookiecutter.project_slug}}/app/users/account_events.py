#{% if cookiecutter.identity == "email" %}
"""What has happened to an account: its user sees it, and is told of changes by mail.

Whoever sees something that they did not do knows that somebody else did (ASVS 5.0 6.3.5, 6.3.7).
"""
#{% else %}
"""What has happened to an account, for its user to see.

Whoever sees something that they did not do knows that somebody else did (ASVS 5.0 6.3.5).
"""
#{% endif %}

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Executable, bindparam, delete, insert, select

from app.database import Database
#{% if cookiecutter.identity == "email" %}
from app.email.outbox import Outbox
#{% endif %}
from app.fast_lookup import CompiledSelect
from app.models import AccountEvent, User
#{% if cookiecutter.identity == "email" %}
from app.request_limit import RequestLimiter
#{% endif %}
from app.sessions.session import ClientInfo
#{% if cookiecutter.identity == "email" %}
from app.users.rate_limit import subscriber
#{% endif %}

# So many of each user are kept, so that nobody fills the table by signing in; and for so long.
MAX_EVENTS = 20
KEEP_SECONDS = 90 * 86_400
#{% if cookiecutter.identity == "email" %}
# How many mails one address may cause at each account, and at none.
MAILS_PER_MINUTE = 20
#{% endif %}

# Where an operator does it, who has no browser.
OPERATOR = ClientInfo("", "")


class Event(NamedTuple):
    """Something that has happened. at: Unix time in seconds. ip, user_agent: of whoever did it."""

    what: str
    detail: str
    at: float
    ip: str
    user_agent: str


_RECENT = CompiledSelect(
    select(*(getattr(AccountEvent, name) for name in Event._fields))
    .where(AccountEvent.user_id == bindparam("user_id"))
    .order_by(AccountEvent.id.desc())
)


@dataclass(frozen=True)
class AccountEvents:
    """clock: Unix time in seconds. What asks the database raises StoreUnavailable."""

    database: Database
    #{% if cookiecutter.identity == "email" %}
    outbox: Outbox
    limiter: RequestLimiter
    #{% endif %}
    clock: Callable[[], float]

    def record(
        self, user_id: int, what: str, client: ClientInfo, detail: str = ""
    ) -> list[Executable]:
        """Return the statements that store an event, for the transaction of what it is about.

        what: in words, such as "password changed". detail: what has been added, for example.
        """
        of_user = AccountEvent.user_id == user_id
        new = insert(AccountEvent).values(
            user_id=user_id, what=what, detail=detail, at=self.clock(), **client._asdict()
        )
        newest = select(AccountEvent.id).where(of_user).order_by(AccountEvent.id.desc())
        surplus = delete(AccountEvent).where(
            of_user, AccountEvent.id.not_in(newest.limit(MAX_EVENTS))
        )
        return [new.returning(AccountEvent.id), surplus]

    #{% if cookiecutter.identity == "email" %}
    async def limit_mail(self, client: ClientInfo, user_id: int = 0) -> None:
        """Count a mail that somebody causes. Raises TooManyRequests.

        user_id: whose account lets them; 0 for none. A stranger behind the same address must not
        keep its users from doing what they are told of by mail.
        """
        if client != OPERATOR:
            key = f"mail {user_id} {subscriber(client.ip)}"
            await self.limiter.acquire(key, MAILS_PER_MINUTE, 60)

    #{% endif %}
    async def notify(
        self, user: User, what: str, client: ClientInfo, detail: str = ""
    ) -> list[Executable]:
        #{% if cookiecutter.identity == "email" %}
        """Do as ``record``, and tell the user by the mail of that name in ``app/email/templates``.

        detail: stands in the mail. It must not be text that anybody can choose. Raises
        TooManyRequests.
        """
        await self.limit_mail(client, user.id)
        mail = self.outbox.mail(user.email, what.replace(" ", "_"), client, detail=detail)
        return [*self.record(user.id, what, client, detail), mail]
        #{% else %}
        """Do as ``record``, for a change to the account: a message of yours could go out here."""
        return self.record(user.id, what, client, detail)
        #{% endif %}

    async def list_recent(self, user_id: int) -> list[Event]:
        """Return the latest events of a user, the newest first."""
        rows = await self.database.fast_lookup.fetch_all(_RECENT, {"user_id": user_id})
        return [Event._make(row) for row in rows]

    async def delete_expired(self) -> int:
        """Delete a batch of old events, and return how many."""
        old = AccountEvent.at <= self.clock() - KEEP_SECONDS
        return await self.database.delete_batch(AccountEvent.id, old)
