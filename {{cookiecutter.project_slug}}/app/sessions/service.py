"""The life of a session: create, load, rotate its token, revoke."""

#{% if cookiecutter.oidc and cookiecutter.session_backend != "signed-cookie" %}
from collections.abc import Callable, Collection
#{% else %}
from collections.abc import Callable
#{% endif %}
from dataclasses import dataclass

from app import security_log
from app.config import Settings
from app.models import User
from app.sessions.active_session import ActiveSession
from app.sessions.encryption import SessionCipher
from app.sessions.session import (
    CLOCK_LEEWAY_SECONDS,
    FRESH_SECONDS,
    TOUCH_SECONDS,
    Amr,
    ClientInfo,
    Session,
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    SessionNotFound,
    #{% endif %}
    SignIn,
    session_expiry,
)
from app.sessions.store import SessionStore
from app.sessions.token import SessionTokens


@dataclass(frozen=True)
class SessionService:
    """All that the rest of the app does with sessions. clock: Unix time in seconds.

    Methods that ask the store raise StoreUnavailable when it is out of reach.
    """

    store: SessionStore
    tokens: SessionTokens
    cipher: SessionCipher
    settings: Settings
    clock: Callable[[], float]

    async def create(
        self, sign_in: SignIn, client: ClientInfo, *, remember: bool = False
    ) -> ActiveSession:
        """Create a session for somebody who has just proved who they are.

        Its token is always new: one that came with the request may have been set by an attacker
        (session fixation, ASVS 5.0 7.2.4).
        """
        now = self.clock()
        session = Session(
            user_id=sign_in.user_id,
            session_version=sign_in.session_version,
            created_at=now,
            last_seen_at=now,
            authenticated_at=now,
            expires_at=now,
            remember=remember,
            amr=sign_in.amr,
            #{% if cookiecutter.session_backend != "signed-cookie" %}
            ip=client.ip,
            user_agent=client.user_agent,
            #{% endif %}
        )
        token, record = self.tokens.generate(self._with_expiry(session))
        await self.store.add(record)
        #{% if cookiecutter.session_backend != "signed-cookie" %}
        await self._end_surplus(record)
        #{% endif %}
        security_log.event(
            "session_created",
            actor=record.user_id,
            session=record.key,
            user_agent=client.user_agent,
        )
        # Sessions come only from here, so cleaning up here keeps what is stored bounded.
        await self.store.delete_expired(now)
        return self._active(record, token, token_changed=True)

    async def load(self, token: str) -> ActiveSession | None:
        """Return the session of a token: one read, and seldom a write."""
        claim = self.tokens.verify(token)
        if claim is None:
            return None
        now = self.clock()
        #{% if cookiecutter.session_backend == "database" %}
        record = await self.store.get_usable(claim, now)
        #{% else %}
        record = await self.store.get(claim, now)
        #{% endif %}
        return await self._touched(record, token, now) if record else None

    async def load_with_user(self, token: str) -> tuple[ActiveSession, User] | None:
        """Return the session of a token and its user, if the account may still be used."""
        claim = self.tokens.verify(token)
        if claim is None:
            return None
        now = self.clock()
        found = await self.store.get_with_user(claim, now)
        if found is None:
            return None
        record, user = found
        session = await self._touched(record, token, now)
        return (session, user) if session else None

    async def is_active(self, token: str) -> bool:
        """Whether a token and its account are valid. Does not count as activity."""
        claim = self.tokens.verify(token)
        now = self.clock()
        found = await self.store.get_with_user(claim, now) if claim else None
        return found is not None and not self._has_expired(found[0], now)

    def is_fresh(self, session: ActiveSession) -> bool:
        """Whether the user has authenticated recently."""
        return self.clock() - session.record.authenticated_at <= FRESH_SECONDS

    async def rotate_token(
        self, session: ActiveSession, session_version: int, amr: Amr = Amr.NONE
    ) -> bool:
        """Give a new token to a session. amr: how its user has just proved who they are.

        The old token is invalid from then on. Returns False if the session has been revoked in the
        meantime.
        """
        old = session.record
        # The clock of the host that wrote it may be ahead of this one's: no time goes back.
        now = max(self.clock(), old.last_seen_at)
        used = self._with_expiry(old._replace(last_seen_at=now))
        at = now if amr else old.authenticated_at
        token, renewed = self.tokens.generate(
            used._replace(session_version=session_version, authenticated_at=at, amr=old.amr | amr)
        )
        if renewed.expires_at <= now or not await self.store.replace(old, renewed):
            return False
        session.replace(renewed, token)
        security_log.event(
            "session_renewed", actor=old.user_id, session=renewed.key, amr=renewed.methods
        )
        return True

    async def revoke(self, *tokens: str) -> None:
        """Revoke the sessions of these tokens, no matter whose they are."""
        for token in dict.fromkeys(tokens):
            claim = self.tokens.verify(token)
            if claim is None:
                continue
            #{% if cookiecutter.session_backend == "signed-cookie" %}
            # Even when this token has expired: there may be a copy that was issued later.
            await self._revoke(claim)
            #{% else %}
            # By a clock far ahead it has expired, and would be active again once that is right.
            record = await self.store.get(claim, 0)
            if record is not None:
                await self._revoke(record)
            #{% endif %}

    async def revoke_others(self, session: ActiveSession) -> None:
        """End every other session of the same user."""
        #{% if cookiecutter.session_backend == "signed-cookie" %}
        await session.revoke_others()
        #{% else %}
        await self.store.delete_others(session.record)
        #{% endif %}
        security_log.event(
            "session_expired", actor=session.record.user_id, reason="revoked", which="others"
        )

    async def revoke_before(self, session_version: int, user_id: int) -> None:
        """End every session of a user of an earlier session version."""
        await self.store.delete_before(session_version, user_id)
        security_log.event(
            "session_expired", actor=user_id, reason="revoked", before_version=session_version
        )
    #{% if cookiecutter.session_backend != "signed-cookie" %}

    async def revoke_one(self, user_id: int, session_id: str) -> Session:
        """End a session of a user, and return it.

        Raises SessionNotFound, also when it is somebody else's.
        """
        try:
            key = bytes.fromhex(session_id)
        except ValueError:
            raise SessionNotFound from None
        record = await self.store.get(key, self.clock())
        if record is None or record.user_id != user_id or not await self._revoke(record):
            raise SessionNotFound
        return record

    #{% if cookiecutter.oidc %}
    async def revoke_begun(self, user_id: int, times: Collection[float]) -> None:
        """End the sessions of a user that were created at these times."""
        # As often as there are any: one may have been given a new token meanwhile. Whatever the
        # clock says, since it may be wrong.
        while begun := [
            each for each in await self.store.list_for_user(user_id, 0) if each.created_at in times
        ]:
            for each in begun:
                await self._revoke(each)

    #{% endif %}
    async def _end_surplus(self, newest: Session) -> None:
        """End the sessions of a user beyond SESSION_MAX_PER_USER, those unused for longest."""
        found = await self.list_for_user(newest.user_id)
        others = [each for each in found if each.key != newest.key]
        for surplus in others[self.settings.session_max_per_user - 1 :]:
            await self._revoke(surplus)

    async def list_for_user(self, user_id: int) -> list[Session]:
        """Return the active sessions of a user, the last used first."""
        now = self.clock()
        stored = await self.store.list_for_user(user_id, now)
        found = [each for each in stored if not self._has_expired(each, now)]
        # Those of an earlier version are revoked, and only wait to be deleted.
        version = max((each.session_version for each in found), default=0)
        return [each for each in found if each.session_version == version]
    #{% endif %}

    async def delete_expired(self) -> int:
        """Delete a batch of expired sessions, and return how many."""
        return await self.store.delete_expired(self.clock())

    async def _revoke(self, record: Session) -> bool:
        revoked = await self.store.delete(record)
        if revoked:
            security_log.event(
                "session_expired", actor=record.user_id, session=record.key, reason="revoked"
            )
        return revoked

    async def _touched(self, record: Session, token: str, now: float) -> ActiveSession | None:
        """Record that a session was used; None when limits lowered since have ended it."""
        if self._has_expired(record, now):
            return None
        session = self._active(record, token)
        if now - record.last_seen_at >= min(TOUCH_SECONDS, self.settings.session_idle_timeout / 20):
            await session.touch(self._with_expiry(record._replace(last_seen_at=now)))
        return session

    def _has_expired(self, record: Session, now: float) -> bool:
        # No other time of a session is later than the one at which it was last seen.
        is_from_future = record.last_seen_at > now + CLOCK_LEEWAY_SECONDS
        return is_from_future or now >= session_expiry(record, self.settings)

    def _with_expiry(self, record: Session) -> Session:
        return record._replace(expires_at=session_expiry(record, self.settings))

    def _active(self, record: Session, token: str, *, token_changed: bool = False) -> ActiveSession:
        #{% if cookiecutter.session_backend == "signed-cookie" %}
        parts = (self.store, self.cipher, self.tokens)
        return ActiveSession(record, token, *parts, token_changed=token_changed)
        #{% else %}
        return ActiveSession(record, token, self.store, self.cipher, token_changed=token_changed)
        #{% endif %}
