"""Identities: accounts at providers that open accounts here.

An identity is an issuer and a subject, never an address: those change hands. It opens the account
that its user has linked it to, or whose address both the provider and this app have verified.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
#{% if cookiecutter.identity == "username" %}
from typing import Any, NamedTuple
#{% else %}
from typing import Any
#{% endif %}

from sqlalchemy import ColumnElement, Executable, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app import security_log
from app.config import Settings
from app.database import AnyRow
from app.engine import insert_or_update
from app.models import ROLES, Identity, ProviderSession, RequestCount, User
from app.oidc_settings import title_of
from app.sessions.active_session import ActiveSession
from app.sessions.session import CLOCK_LEEWAY_SECONDS, Amr, ClientInfo, SignIn, session_end
#{% if cookiecutter.identity == "email" %}
from app.users.errors import InvalidName, SignInFailed
#{% if cookiecutter.totp or cookiecutter.passkeys %}
from app.users.factors import Factors
#{% endif %}
#{% else %}
from app.users.errors import NameTaken, SignInFailed
#{% endif %}
from app.users.names import normalise
from app.users.oidc_errors import (
    #{% if cookiecutter.identity == "email" %}
    EmailNotVerified,
    #{% endif %}
    #{% if cookiecutter.identity == "email" and (cookiecutter.totp or cookiecutter.passkeys) %}
    FactorWanted,
    #{% endif %}
    IdentityNotFound,
    IdentityTaken,
    LastWay,
    ProviderError,
    RegistrationClosed,
)
from app.users.providers import Person, hash_of, log_failure
from app.users.service import AuthContext, UserService
from app.users.ways_in import count_ways, is_configured

MAX_IDENTITIES = 20

# For how long a sign-in may wait for its last step, and by how much clocks may differ.
WAIT_SECONDS = 720

# How much longer than a session it is remembered where it began: by a clock that is ahead, it seems
# to have ended.
KEEP_SECONDS = 30 * 86_400


#{% if cookiecutter.identity == "username" %}
class NewAccount(NamedTuple):
    """Somebody who comes from a provider, and has no account yet. The rest: as in ``Person``."""

    provider: str
    issuer: str
    subject: str
    email: str = ""
    sid: str = ""
    auth_time: float | None = None
    answered_at: float = 0


# Who is to be signed in.
Arrival = SignIn | NewAccount
#{% else %}
# Who is to be signed in.
Arrival = SignIn
#{% endif %}


@dataclass(frozen=True)
class Identities:
    """Every method raises StoreUnavailable when the database is out of reach."""

    users: UserService
    settings: Settings
    #{% if cookiecutter.identity == "email" and (cookiecutter.totp or cookiecutter.passkeys) %}
    factors: Factors
    #{% endif %}

    #{% if cookiecutter.identity == "email" %}
    async def sign_in(self, provider: str, person: Person, client: ClientInfo) -> SignIn:
        """Sign in whoever has the identity, or the address, or else to a new account."""
        row = await self.find(person)
        if row is None:
            await self._begin_account(provider, person, client)
            row = await self.find(person)
        return await self._use(provider, person, row)

    async def _begin_account(self, provider: str, person: Person, client: ClientInfo) -> None:
        """Link the account that has the address, or create it."""
        try:
            # Of what is not ASCII, the address of somebody else could become this one.
            email = normalise(person.email if person.email.isascii() else "")
        except InvalidName:
            raise EmailNotVerified from None
        user = await self.users.one_or_none(User.email == email)
        if user is None:
            await self._create(email, provider, person)
            return
        if not user.is_active:
            log_failure(provider, "the account is disabled")
            raise ProviderError
        #{% if cookiecutter.totp or cookiecutter.passkeys %}
        if await self.factors.kinds_of(user.id):
            # Whoever holds the mailbox alone must not add a way in for later.
            log_failure(provider, "the account has a second factor")
            raise FactorWanted
        #{% endif %}
        await self._check_room(user.id)
        # Every address of an account was verified here, too, when it became the account's.
        what = "identity added"
        notice = await self.users.events.notify(user, what, client, title_of(provider))
        # Neither the address nor the factors may have changed meanwhile.
        as_read = (User.email == email, User.session_version == user.session_version)
        same = update(User).where(User.id == user.id, User.is_active, *as_read).values(email=email)
        identity = _new_identity(provider, person, user.id, self.users.clock())
        await self._store(same.returning(User.id), identity, *notice)
        security_log.event("user_updated", actor=user.id, reason=what)
    #{% else %}
    async def sign_in(self, provider: str, person: Person, _: ClientInfo) -> Arrival:
        """Sign in whoever has the identity. Anybody else chooses a name first."""
        row = await self.find(person)
        if row is not None:
            return await self._use(provider, person, row)
        if not self.settings.allow_registration:
            raise RegistrationClosed
        return NewAccount(provider, *person)

    async def register(self, new: NewAccount, name: str) -> SignIn:
        """Create an account without a password. Raises InvalidName, NameTaken or ProviderError."""
        name, person = normalise(name), Person(*new[1:])
        if await self.users.database.fetch_one(select(User.id).where(User.name == name)):
            raise NameTaken
        await self._create(name, new.provider, person)
        return await self._use(new.provider, person, await self.find(person))
    #{% endif %}

    async def _use(self, provider: str, person: Person, row: AnyRow | None) -> SignIn:
        """Sign in with an identity that is known here."""
        if row is None or not row.is_active:
            log_failure(provider, "the account is disabled")
            raise ProviderError
        used = update(Identity).where(Identity.id == row.id)
        await self.users.database.execute(used.values(last_used_at=self.users.clock()))
        version, sid, answered_at = row.session_version, person.sid, person.answered_at
        return SignIn(row.user_id, version, Amr.FED, row.id, sid, answered_at)

    async def _create(self, name: str, provider: str, person: Person) -> None:
        """Create an account without a password."""
        if not self.settings.allow_registration:
            raise RegistrationClosed
        now = self.users.clock()
        account = insert(User).values(name=name, role=ROLES[0], created_at=now)
        user_id = select(User.id).where(User.name == name).scalar_subquery()
        identity = _new_identity(provider, person, user_id, now)
        row = await self._store(account.returning(User.id), identity)
        security_log.event("user_created", actor=row.id, role=ROLES[0])

    async def _store(self, statement: Executable, *more: Executable) -> AnyRow:
        """Write something together. Raises ProviderError if another tab was faster."""
        try:
            row = await self.users.database.change(statement, *more)
        except IntegrityError:
            raise ProviderError from None
        if row is None:
            raise ProviderError
        return row

    async def link(self, auth: AuthContext, provider: str, person: Person) -> None:
        await self._check_room(auth.user.id)
        now = self.users.clock()
        added = _new_identity(provider, person, auth.user.id, now)
        try:
            await self.users.change_own(auth, "identity added", added, detail=title_of(provider))
        except IntegrityError:
            raise IdentityTaken from None

    async def confirm(self, auth: AuthContext, person: Person) -> None:
        row = await self.find(person)
        if row is None or row.user_id != auth.user.id:
            raise ProviderError
        await self.users.renew(auth, Amr.FED)

    async def list_for_user(self, user_id: int) -> Sequence[AnyRow]:
        """Return the identities of a user, the oldest first: the columns of ``Identity``."""
        of_user = select(Identity).where(Identity.user_id == user_id)
        return await self.users.database.fetch_all(of_user.order_by(Identity.id))

    async def remove(self, auth: AuthContext, identity_id: int) -> None:
        """Remove an identity. The user's other sessions end.

        Raises IdentityNotFound, LastWay, or SessionEnded.
        """
        identities = await self.list_for_user(auth.user.id)
        found = [each for each in identities if each.id == identity_id]
        if not found:
            raise IdentityNotFound
        # What is removed meanwhile ends this session, and then nothing is removed here.
        user_id, database = auth.user.id, self.users.database
        if not await count_ways(database, user_id, self.settings, without=identity_id):
            raise LastWay
        removed = delete(Identity).where(Identity.id == identity_id)
        title = title_of(found[0].provider)
        await self.users.change_own(auth, "identity removed", removed, detail=title)

    async def note_session(self, sign_in: SignIn, session: ActiveSession) -> None:
        """Remember which session began at a provider, so that the provider can end it.

        Raises SignInFailed if it has become void while it waited, and ends the session.
        """
        if not sign_in.identity_id:
            return
        new = insert(ProviderSession).values(
            identity_id=sign_in.identity_id,
            sid_hash=hash_of(sign_in.sid),
            created_at=session.record.created_at,
            ends_at=session_end(session.record, self.settings),
        )
        # An identity that was removed this moment has ended the session.
        with suppress(IntegrityError):
            await self.users.database.execute(new)
        # Not before it can be found: whoever leaves this moment would be missed.
        if await self._is_void(sign_in):
            await self.users.sessions.revoke(session.token)
            raise SignInFailed

    async def note_logout(self, claims: Mapping[str, Any]) -> None:
        """Remember what a logout token says, for sign-ins that have no session yet."""
        kind = "sid" if "sid" in claims else "sub"
        row = {"resets_at": claims["iat"] + WAIT_SECONDS}
        key = _logout_key(claims["iss"], kind, claims[kind])
        new = insert_or_update(RequestCount).values(key=key, count=1, **row)
        await self.users.database.execute(
            new.on_conflict_do_update(
                index_elements=[RequestCount.key], set_=row, where=~self._noted_since(claims["iat"])
            )
        )

    async def _is_void(self, sign_in: SignIn) -> bool:
        """Whether the provider is gone, or somebody has left there, since it answered."""
        of_identity = select(Identity).where(Identity.id == sign_in.identity_id)
        row = await self.users.database.fetch_one(of_identity)
        if row is None:
            return False
        if not is_configured(row.issuer, self.settings):
            return True
        keys = [_logout_key(row.issuer, "sub", row.subject)]
        if sign_in.sid:
            keys.append(_logout_key(row.issuer, "sid", sign_in.sid))
        since = self._noted_since(sign_in.answered_at)
        noted = select(RequestCount.key).where(RequestCount.key.in_(keys), since)
        return await self.users.database.fetch_one(noted) is not None

    def _noted_since(self, time: float) -> ColumnElement[bool]:
        """Whether somebody has left then or later, by the clock of the provider.

        It dates both tokens. The clocks of this app's hosts differ.
        """
        # What is dated later was noted by a clock far ahead.
        latest = self.users.clock() + WAIT_SECONDS + CLOCK_LEEWAY_SECONDS
        return RequestCount.resets_at.between(time + WAIT_SECONDS, latest)

    async def delete_expired(self) -> int:
        """Delete a batch of records of sessions that ended long ago, and return how many."""
        is_over = ProviderSession.ends_at <= self.users.clock() - KEEP_SECONDS
        return await self.users.database.delete_batch(ProviderSession.id, is_over)

    async def _check_room(self, user_id: int) -> None:
        """Raise IdentityTaken when a user has as many as there may be."""
        if len(await self.list_for_user(user_id)) >= MAX_IDENTITIES:
            raise IdentityTaken(f"You have {MAX_IDENTITIES} of them. Remove one first.")

    async def find(self, person: Person) -> AnyRow | None:
        """Return the identity of somebody, and what their account needs for a session."""
        return await self.users.database.fetch_one(
            select(Identity.id, Identity.user_id, User.session_version, User.is_active)
            .join_from(Identity, User)
            .where(Identity.issuer == person.issuer, Identity.subject == person.subject)
        )


def _logout_key(issuer: str, kind: str, name: object) -> bytes:
    return hash_of(f"logout {issuer} {kind} {name}")


def _new_identity(provider: str, person: Person, user_id: Any, now: float) -> Executable:
    """Return the statement that adds an identity. user_id: or what selects it."""
    new = insert(Identity).values(
        user_id=user_id,
        provider=provider,
        issuer=person.issuer,
        subject=person.subject,
        created_at=now,
    )
    return new.returning(Identity.id)
