"""Start, resume, renew, end: the only door to the sessions for the rest of the app."""

from collections.abc import Callable

from app import security_log
from app.sessions.session import Client, Limits, Principal, Session
from app.sessions.store import SessionStore
from app.sessions.ticket import Tickets, key_of


class Sessions:
    """The life of a session.

    A ticket is the text in the cookie. clock: returns Unix time in seconds.
    Methods that ask the store raise Unavailable when it is out of reach.
    """

    def __init__(
        self,
        store: SessionStore,
        tickets: Tickets,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._tickets = tickets
        self._limits = limits
        self._clock = clock

    async def start(
        self, user_id: int, epoch: int, client: Client, *, remember: bool = False
    ) -> str:
        """Begin a session for somebody who has just proved who they are; return its ticket.

        The ticket is always new: one that the visitor brought along may have been planted
        (session fixation, ASVS 5.0 7.2.4).
        """
        now = self._clock()
        ticket = self._tickets.issue()
        session = Session(
            key=key_of(ticket),
            user_id=user_id,
            epoch=epoch,
            created_at=now,
            last_seen_at=now,
            authenticated_at=now,
            expires_at=self._limits.expires_at(created_at=now, last_seen_at=now, remember=remember),
            remember=remember,
            ip=client.ip,
            user_agent=client.user_agent,
        )
        await self._store.add(session)
        security_log.event("session_created", actor=user_id, session=session.key)
        # Sessions come only from here, so sweeping here keeps their number bounded.
        await self.sweep()
        return ticket

    async def resume(self, ticket: str) -> Session | None:
        """Return the session that a ticket stands for: one read, and seldom a write."""
        key = self._tickets.verify(ticket)
        if key is None:
            return None
        now = self._clock()
        session = await self._store.get(key, now)
        return await self._seen(session, now) if session else None

    async def resume_with_user(self, ticket: str) -> tuple[Session, Principal] | None:
        """Return the session and its user, both in one read."""
        key = self._tickets.verify(ticket)
        if key is None:
            return None
        now = self._clock()
        found = await self._store.get_with_user(key, now)
        if found is None:
            return None
        session, user = found
        return await self._seen(session, now), user

    async def renew(self, session: Session, epoch: int) -> str | None:
        """Return a new ticket for a session whose user has proved again who they are.

        The old ticket is dead from then on. None when the session was ended meanwhile.
        """
        now = self._clock()
        ticket = self._tickets.issue()
        renewed = session._replace(
            key=key_of(ticket),
            epoch=epoch,
            authenticated_at=now,
            last_seen_at=now,
            expires_at=self._expires_at(session, now),
        )
        if not await self._store.replace(session.key, renewed):
            return None
        security_log.event("session_renewed", actor=session.user_id, session=renewed.key)
        return ticket

    async def end(self, *tickets: str) -> None:
        """End the sessions of tickets, whoever's they are."""
        for ticket in tickets:
            session = await self.resume(ticket)
            if session is not None:
                await self.end_one(session.user_id, session.key)

    async def end_one(self, user_id: int, key: bytes) -> bool:
        """End a session by its key; false when it is not one of this user's."""
        ended = await self._store.remove(key, user_id)
        if ended:
            security_log.event("session_ended", actor=user_id, session=key)
        return ended

    async def end_others(self, session: Session) -> int:
        """End every other session of the same user; how many."""
        ended = await self._store.remove_others(session.key, session.user_id)
        _log_ended(session.user_id, ended)
        return ended

    async def end_before(self, epoch: int, user_id: int) -> int:
        """End every session of a user that was started before that epoch; how many."""
        ended = await self._store.remove_before(epoch, user_id)
        _log_ended(user_id, ended)
        return ended

    async def of_user(self, user_id: int) -> list[Session]:
        """Return the live sessions of a user, the latest seen first."""
        return await self._store.of_user(user_id, self._clock())

    async def sweep(self) -> int:
        """Delete a batch of expired sessions; how many."""
        return await self._store.sweep(self._clock())

    async def _seen(self, session: Session, now: float) -> Session:
        if now - session.last_seen_at < self._limits.touch_interval:
            return session
        seen = session._replace(last_seen_at=now, expires_at=self._expires_at(session, now))
        await self._store.touch(session, seen)
        return seen

    def _expires_at(self, session: Session, last_seen_at: float) -> float:
        return self._limits.expires_at(
            created_at=session.created_at, last_seen_at=last_seen_at, remember=session.remember
        )


def _log_ended(user_id: int, count: int) -> None:
    if count:
        security_log.event("session_ended", actor=user_id, count=count)
