"""What people and operators do with accounts.

Whatever ends all sessions of a user first changes the user's session version, in the same statement
as the change itself, and only then deletes the sessions. From that statement on they are invalid,
even if the process is killed before it deletes them, or a sign-in with the old password is still
under way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnExpressionArgument, Executable, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from app import security_log
from app.database import AnyRow, Database
from app.models import ROLES, USER_COLUMNS, User, next_session_version, user_from_row
from app.sessions.active_session import ActiveSession
from app.sessions.service import SessionService
from app.sessions.session import Amr, ClientInfo, SessionEnded, SignIn
from app.users.account_events import OPERATOR, AccountEvents
from app.users.authentication import Authenticator
from app.users.errors import NameTaken, SignInFailed, UserNotFound, WrongPassword
from app.users.names import normalise
from app.users.passwords import Passwords
#{% if cookiecutter.oidc %}
from app.users.ways_in import unlink_all
#{% endif %}


class AuthContext(NamedTuple):
    """Who is signed in, with which session, and from where."""

    user: User
    session: ActiveSession
    client: ClientInfo


@dataclass(frozen=True)
class UserService:
    """Register, sign in, change a password, delete an account. clock: Unix time in seconds.

    Every method raises StoreUnavailable when a store is out of reach.
    """

    database: Database
    sessions: SessionService
    passwords: Passwords
    authenticator: Authenticator
    events: AccountEvents
    clock: Callable[[], float]

    async def register(self, name: str, password: str, role: str = ROLES[0]) -> User:
        """Create an account. Raises InvalidName, PasswordRejected or NameTaken."""
        name = normalise(name)
        # First, so that a taken name costs no hash.
        if await self.database.fetch_one(select(User.id).where(User.name == name)):
            raise NameTaken
        statement = insert(User).values(
            name=name,
            password_hash=await self.passwords.hash(password, name),
            role=role,
            created_at=self.clock(),
        )
        try:
            [row] = await self.database.fetch_all(statement.returning(*USER_COLUMNS))
        except IntegrityError:
            raise NameTaken from None
        user = user_from_row(row)
        security_log.event("user_created", actor=user.id, role=role)
        return user

    async def check_password(self, name: str, password: str, ip: str) -> SignIn:
        """Begin a sign-in with a password.

        Raises InvalidName, TooManyFailures, or SignInFailed for every other reason alike.
        """
        row = await self.authenticator.authenticate(normalise(name), password, ip)
        if row is None:
            raise SignInFailed
        return SignIn(row.id, row.session_version)

    async def sign_in(
        self,
        sign_in: SignIn,
        client: ClientInfo,
        *,
        remember: bool = False,
        old_tokens: Sequence[str] = (),
    ) -> tuple[ActiveSession, User]:
        """Create a session for a sign-in; those that came with the request end.

        Raises SignInFailed when the account has been changed meanwhile.
        """
        session = await self.sessions.create(sign_in, client, remember=remember)
        await self.sessions.revoke(*old_tokens)
        # The account may have been disabled, or its password changed, since it was read.
        found = await self.sessions.load_with_user(session.token)
        if found is None:
            await self.sessions.revoke(session.token)
            raise SignInFailed
        return session, found[1]

    async def note_sign_in(self, session: ActiveSession, client: ClientInfo) -> None:
        """List a sign-in, and log it. Raises SignInFailed if the account is deleted this moment."""
        user_id, key, amr = session.record.user_id, session.record.key, session.record.methods
        try:
            await self.database.change(*self.events.record(user_id, "signed in", client))
        except IntegrityError:
            raise SignInFailed from None
        security_log.event("authn_login_success", actor=user_id, session=key, amr=amr)

    async def change_password(self, auth: AuthContext, current: str, new: str) -> None:
        """Set a new password, end the user's other sessions, and give this one a new token.

        Raises PasswordRejected, TooManyFailures, WrongPassword or SessionEnded.
        """
        await self._verify(auth, current, "authn_password_change_fail")
        await self.change_own(
            auth,
            "password changed",
            #{% if cookiecutter.totp or cookiecutter.passkeys %}
            # A password makes nothing fresh that a second factor began: with a stolen session and
            # password, that factor could be turned off.
            amr=Amr.NONE if auth.session.record.is_strong else Amr.PWD,
            #{% else %}
            amr=Amr.PWD,
            #{% endif %}
            event="authn_password_change",
            password_hash=await self.passwords.hash(new, auth.user.name),
        )

    async def change_own(
        self,
        auth: AuthContext,
        what: str,
        *more: Executable,
        amr: Amr = Amr.NONE,
        detail: str = "",
        event: str = "user_updated",
        **changes: Any,
    ) -> None:
        """Change a signed-in user, end their other sessions, and give this one a new token.

        what, detail: see ``AccountEvents``. more: statements for the same transaction. amr: what
        they have just shown. event: for the log. Raises SessionEnded when this session was revoked
        meanwhile; nothing is changed.
        """
        notice = await self.events.notify(auth.user, what, auth.client, detail)
        changed = await self._end_own(auth, *more, *notice, **changes)
        key = auth.session.record.key
        security_log.event(event, actor=auth.user.id, session=key, reason=what)
        try:
            # Without a new token when the session was revoked this moment: the change is made.
            await self.sessions.rotate_token(auth.session, changed.session_version, amr)
        finally:
            await self.sessions.revoke_before(changed.session_version, auth.user.id)

    async def confirm_password(self, auth: AuthContext, password: str) -> None:
        """Let a signed-in user prove again who they are; the session gets a new token.

        Raises TooManyFailures, WrongPassword, or SessionEnded when it was revoked meanwhile.
        """
        await self._verify(auth, password, "authn_login_fail")
        await self.renew(auth, Amr.PWD)

    async def renew(self, auth: AuthContext, amr: Amr) -> None:
        """Give a new token to the session of a user who has proved again who they are. amr: how.

        Raises SessionEnded when it was revoked meanwhile.
        """
        version = auth.session.record.session_version
        if not await self.sessions.rotate_token(auth.session, version, amr):
            raise SessionEnded

    async def delete_own(self, auth: AuthContext) -> None:
        """Let a user delete their own account. Raises SessionEnded."""
        changed = await self._end_own(auth, delete(User).where(User.id == auth.user.id))
        security_log.event("user_deleted", actor=changed.id)
        await self.sessions.revoke_before(changed.session_version, changed.id)

    async def list_users(self, *, after: int = 0, limit: int | None = None) -> list[User]:
        """Return the accounts by id: those after an id, and at most so many."""
        statement = select(*USER_COLUMNS).where(User.id > after).order_by(User.id).limit(limit)
        return [user_from_row(row) for row in await self.database.fetch_all(statement)]

    async def find(self, name: str) -> User:
        """Return the account of that name. Raises InvalidName or UserNotFound."""
        user = await self.one_or_none(User.name == normalise(name))
        if user is None:
            raise UserNotFound(name)
        return user

    async def one_or_none(self, *conditions: ColumnExpressionArgument[bool]) -> User | None:
        """Return the account that meets all conditions."""
        row = await self.database.fetch_one(select(*USER_COLUMNS).where(*conditions))
        return user_from_row(row) if row else None

    async def set_password(self, name: str, password: str) -> None:
        """Set a user's password and end their sessions. Raises UserNotFound or PasswordRejected."""
        user = await self.find(name)
        new_hash = await self.passwords.hash(password, user.name)
        notice = await self.events.notify(user, "password set", OPERATOR)
        #{% if cookiecutter.oidc %}
        notice += await unlink_all(self.events, user, OPERATOR)
        #{% endif %}
        await self.end_sessions(user.name, *notice, password_hash=new_hash)
        security_log.event("authn_password_change", actor=user.id)

    async def disable(self, name: str) -> None:
        """Disable an account and end its sessions. Raises UserNotFound."""
        user_id = await self.end_sessions(name, is_active=False)
        security_log.event("user_archived", actor=user_id)

    async def enable(self, name: str) -> None:
        """Enable an account again. Raises UserNotFound."""
        user = await self.find(name)
        await self.database.execute(update(User).where(User.id == user.id).values(is_active=True))
        security_log.event("user_updated", actor=user.id, is_active=True)

    async def delete(self, name: str) -> None:
        """Delete an account and end its sessions. Raises UserNotFound.

        It is disabled first, so that it can be tried again when the session store is out of reach.
        """
        user_id = await self.end_sessions(name, is_active=False)
        await self.database.execute(delete(User).where(User.id == user_id))
        security_log.event("user_deleted", actor=user_id)

    async def change_role(self, name: str, role: str) -> None:
        """Give an account another role and end its sessions. Raises UserNotFound."""
        user_id = await self.end_sessions(name, role=role)
        security_log.event("privilege_permissions_changed", actor=user_id, role=role)

    async def end_sessions(self, name: str, *more: Executable, **changes: Any) -> int:
        """Sign a user out everywhere, and change them; return whose id. Raises UserNotFound.

        more: statements for the same transaction.
        """
        ended = bump_session_version(self.clock(), **changes).where(User.name == normalise(name))
        changed = await self.database.change(ended, *more)
        if changed is None:
            raise UserNotFound(name)
        await self.sessions.revoke_before(changed.session_version, changed.id)
        return int(changed.id)

    async def end_all_sessions(self) -> None:
        """Sign everybody out."""
        version = next_session_version(self.clock())
        async with self.database.new_session.begin() as db:
            await db.execute(update(User).values(session_version=version))
        #{% if cookiecutter.session_backend == "redis" %}
        # Whatever asks Redis alone would still find them.
        await self.sessions.store.delete_all()
        #{% endif %}
        security_log.event("session_expired", reason="all revoked")

    async def _verify(self, auth: AuthContext, password: str, failure: str) -> None:
        """Raise WrongPassword unless it is the user's. failure: the event to log when it is not."""
        name, ip, key = auth.user.name, auth.client.ip, auth.session.record.key
        if not await self.authenticator.authenticate(
            name, password, ip, failure=failure, session=key
        ):
            raise WrongPassword

    async def _end_own(self, auth: AuthContext, *more: Executable, **changes: Any) -> AnyRow:
        """Do the same as end_sessions for whoever is signed in. Raises SessionEnded."""
        own = bump_session_version(self.clock(), **changes).where(
            User.id == auth.user.id,
            User.session_version == auth.session.record.session_version,
        )
        # What led here took a while, as hashing does, in which somebody may have ended the session.
        if not await self.sessions.is_active(auth.session.token):
            raise SessionEnded
        changed = await self.database.change(own, *more)
        if changed is None:
            raise SessionEnded
        return changed


def bump_session_version(now: float, **changes: Any) -> ReturningUpdate[int, int]:
    """Return the change of a user's row that ends all sessions of the user."""
    return (
        update(User)
        .values(session_version=next_session_version(now), **changes)
        .returning(User.id, User.session_version)
    )
