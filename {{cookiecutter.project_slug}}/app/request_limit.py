"""Counts requests in the database: all workers share the counts, and a restart keeps them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

#{% if cookiecutter.passkeys or cookiecutter.oidc %}
from sqlalchemy import Executable, bindparam, case, insert, or_, select
#{% else %}
from sqlalchemy import bindparam, case, or_, select
#{% endif %}

from app.database import Database
from app.engine import insert_or_update
from app.errors import TooManyRequests
from app.fast_lookup import CompiledSelect
from app.models import RequestCount
from app.turns import Turns

_FULL = CompiledSelect(
    select(RequestCount.resets_at).where(
        RequestCount.key == bindparam("key"),
        RequestCount.count >= bindparam("limit"),
        RequestCount.resets_at > bindparam("now"),
        RequestCount.resets_at <= bindparam("latest"),
    )
)


#{% if cookiecutter.passkeys or cookiecutter.oidc %}
def use_once(what: bytes, until: float) -> Executable:
    """Return the statement that uses something up; it raises IntegrityError the second time.

    until: Unix time in seconds, from which on it would be refused anyway.
    """
    key = hashlib.sha256(what).digest()
    return insert(RequestCount).values(key=key, count=1, resets_at=until)


#{% endif %}
#{% if cookiecutter.oidc %}
def used_up(what: bytes) -> Executable:
    """Return the statement that looks for what ``use_once`` has used up."""
    return select(RequestCount.key).where(RequestCount.key == hashlib.sha256(what).digest())


#{% endif %}
@dataclass(frozen=True)
class RequestLimiter:
    """Limits how often something is done. clock: Unix time in seconds."""

    database: Database
    clock: Callable[[], float]
    turns: Turns = field(default_factory=Turns)

    async def acquire(self, name: str, limit: int, window: int) -> None:
        """Count one more under a name.

        window: seconds from the first that is counted until the count begins anew. Raises
        TooManyRequests above the limit, Overloaded or StoreUnavailable.
        """
        key = hashlib.sha256(name.encode()).digest()
        # One after another: many at once would take all connections to the database.
        async with self.turns.take(name):
            now = self.clock()
            # Looking first: who is refused takes no lock, which everybody else would wait for.
            values = {"key": key, "limit": limit, "now": now, "latest": now + window}
            full = await self.database.fast_lookup.fetch_one(_FULL, values)
            if full:
                raise TooManyRequests(full[0] - now)
            first = insert_or_update(RequestCount).values(key=key, count=1, resets_at=now + window)
            # A clock that was wrong once must not block anyone for longer than the window.
            is_over = or_(RequestCount.resets_at <= now, RequestCount.resets_at > now + window)
            statement = first.on_conflict_do_update(
                index_elements=[RequestCount.key],
                set_={
                    "count": case((is_over, 1), else_=RequestCount.count + 1),
                    "resets_at": case((is_over, now + window), else_=RequestCount.resets_at),
                },
            )
            counted = statement.returning(RequestCount.count, RequestCount.resets_at)
            [(count, resets_at)] = await self.database.fetch_all(counted)
            if count == 1:
                await self.delete_expired()
        if count > limit:
            raise TooManyRequests(resets_at - now)

    async def delete_expired(self) -> int:
        """Delete a batch of counts that are over, and return how many."""
        is_over = RequestCount.resets_at <= self.clock()
        return await self.database.delete_batch(RequestCount.key, is_over)
