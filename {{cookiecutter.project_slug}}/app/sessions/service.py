"""Start, resume, renew, end: the only door to the sessions for the rest of the app."""

from collections.abc import Callable

from app import security_log
from app.sessions.live import LiveSession
from app.sessions.seal import Seal
from app.sessions.session import FRESH_SECONDS, Client, Limits, Principal, Session
from app.sessions.store import SessionStore
from app.sessions.ticket import Tickets


class Sessions:
    """The life of a session.

    A ticket is the text in the cookie. clock: returns Unix time in seconds.
    Methods that ask the store raise Unavailable when it is out of reach.
    """

    def __init__(
        self,
        store: SessionStore,
        tickets: Tickets,
        seal: Seal,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._tickets = tickets
        self._seal = seal
        self._limits = limits
        self._clock = clock

    async def start(
        self, user_id: int, epoch: int, client: Client, *, remember: bool = False
    ) -> LiveSession:
        """Begin a session for somebody who has just proved who they are.

        Its ticket is always new: one that the visitor brought along may have been planted
        (session fixation, ASVS 5.0 7.2.4).
        """
        now = self._clock()
        ticket, record = self._tickets.issue(
            Session(
                user_id=user_id,
                epoch=epoch,
                created_at=now,
                last_seen_at=now,
                authenticated_at=now,
                expires_at=self._limits.expires_at(
                    created_at=now, last_seen_at=now, remember=remember
                ),
                remember=remember,
                #{% if cookiecutter.session_backend != "signed-cookie" %}
                ip=client.ip,
                user_agent=client.user_agent,
                #{% endif %}
            )
        )
        #{% if cookiecutter.session_backend != "signed-cookie" %}
        await self._store.add(record)
        #{% endif %}
        security_log.event(
            "session_created", actor=user_id, session=record.key, user_agent=client.user_agent
        )
        #{% if cookiecutter.session_backend != "redis" %}
        # Sessions come only from here, so sweeping here keeps what is stored bounded.
        await self.sweep()
        #{% endif %}
        session = self._live(record, ticket)
        session.has_new_ticket = True
        return session

    async def resume(self, ticket: str) -> LiveSession | None:
        """Return the session that a ticket stands for: one read, and seldom a write."""
        claim = self._tickets.read(ticket)
        if claim is None:
            return None
        now = self._clock()
        record = await self._store.get(claim, now)
        return await self._seen(record, ticket, now) if record else None

    async def resume_with_user(self, ticket: str) -> tuple[LiveSession, Principal] | None:
        """Return the session and its user, if the account still stands by it."""
        claim = self._tickets.read(ticket)
        if claim is None:
            return None
        now = self._clock()
        found = await self._store.get_with_user(claim, now)
        if found is None:
            return None
        record, user = found
        session = await self._seen(record, ticket, now)
        return (session, user) if session else None

    async def is_live(self, ticket: str) -> bool:
        """Whether a ticket is good, and the account stands by it. To ask is not to use it."""
        claim = self._tickets.read(ticket)
        now = self._clock()
        found = await self._store.get_with_user(claim, now) if claim else None
        return found is not None and not self._has_expired(found[0], now)

    def is_fresh(self, session: LiveSession) -> bool:
        """Whether the password was asked for a short while ago."""
        return self._clock() - session.record.authenticated_at <= FRESH_SECONDS

    async def renew(self, session: LiveSession, epoch: int) -> bool:
        """Give a new ticket to a session whose user has proved again who they are.

        The old ticket is dead from then on. False when the session was ended meanwhile.
        """
        old = session.record
        # The clock of the host that has noted it may be ahead of this one's: no time goes back.
        now = max(self._clock(), old.last_seen_at)
        ticket, renewed = self._tickets.issue(
            self._used(old, now)._replace(epoch=epoch, authenticated_at=now)
        )
        if renewed.expires_at <= now or not await self._store.replace(old, renewed):
            return False
        session.replace(renewed, ticket)
        security_log.event("session_renewed", actor=old.user_id, session=renewed.key)
        return True

    async def end(self, *tickets: str) -> None:
        """End the sessions of tickets, whoever's they are."""
        for ticket in dict.fromkeys(tickets):
            claim = self._tickets.read(ticket)
            if claim is None:
                continue
            #{% if cookiecutter.session_backend == "signed-cookie" %}
            # Even when this ticket has expired: there may be a copy that was issued later.
            await self._end(claim)
            #{% else %}
            record = await self._store.get(claim, self._clock())
            if record is not None:
                await self._end(record)
            #{% endif %}
    #{% if cookiecutter.session_backend != "signed-cookie" %}

    async def end_one(self, user_id: int, key: bytes) -> bool:
        """End a session by its key; false when it is not one of this user's."""
        record = await self._store.get(key, self._clock())
        return record is not None and record.user_id == user_id and await self._end(record)
    #{% endif %}

    async def end_others(self, session: LiveSession) -> None:
        """End every other session of the same user."""
        await session.end_others()
        security_log.event(
            "session_expired", actor=session.record.user_id, reason="revoked", which="others"
        )

    async def end_before(self, epoch: int, user_id: int) -> None:
        """End every session of a user that was started before that epoch."""
        #{% if cookiecutter.session_backend == "signed-cookie" %}
        # Nothing is left to do: no ticket of an earlier epoch is good any more.
        #{% else %}
        await self._store.remove_before(epoch, user_id)
        #{% endif %}
        security_log.event("session_expired", actor=user_id, reason="revoked", before_epoch=epoch)
    #{% if cookiecutter.session_backend != "signed-cookie" %}

    async def of_user(self, user_id: int) -> list[Session]:
        """Return the live sessions of a user, the latest seen first."""
        return await self._store.of_user(user_id, self._clock())
    #{% endif %}
    #{% if cookiecutter.session_backend != "redis" %}

    async def sweep(self) -> int:
        """Delete a batch of what has expired; how many."""
        return await self._store.sweep(self._clock())
    #{% endif %}

    async def _end(self, record: Session) -> bool:
        ended = await self._store.remove(record)
        if ended:
            security_log.event(
                "session_expired", actor=record.user_id, session=record.key, reason="revoked"
            )
        return ended

    async def _seen(self, record: Session, ticket: str, now: float) -> LiveSession | None:
        """Note that a session was used; None when it has ended by limits lowered since."""
        if self._has_expired(record, now):
            return None
        session = self._live(record, ticket)
        if now - record.last_seen_at >= self._limits.touch_interval:
            await session.touch(self._used(record, now))
        return session

    def _has_expired(self, record: Session, now: float) -> bool:
        return now >= self._expires_at(record, record.last_seen_at)

    def _used(self, record: Session, now: float) -> Session:
        return record._replace(last_seen_at=now, expires_at=self._expires_at(record, now))

    def _expires_at(self, record: Session, last_seen_at: float) -> float:
        return self._limits.expires_at(
            created_at=record.created_at, last_seen_at=last_seen_at, remember=record.remember
        )

    def _live(self, record: Session, ticket: str) -> LiveSession:
        #{% if cookiecutter.session_backend == "signed-cookie" %}
        return LiveSession(record, ticket, self._store, self._seal, self._tickets)
        #{% else %}
        return LiveSession(record, ticket, self._store, self._seal)
        #{% endif %}
