"""What people and operators do with accounts.

Whatever ends all sessions of a user first moves the user's epoch on, in the same statement as the
change itself, and only then removes the sessions. From that statement on they open nothing of the
user's, even if the process is killed before it removes them, or a sign-in with the old password is
still under way.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Executable, and_, bindparam, delete, update
from sqlalchemy.exc import IntegrityError

from app import security_log
from app.accounts.credentials import Credentials
from app.accounts.errors import NameTaken, NoSuchUser, SignInFailed, WrongPassword
from app.accounts.names import normalise
from app.accounts.passwords import Passwords
from app.database import Database
from app.models import ROLES, User
from app.sessions.live import LiveSession
from app.sessions.service import Sessions
from app.sessions.session import Client, Principal, SessionEnded

_MOVE_ON = update(User).values(epoch=User.epoch + 1).returning(User.id, User.epoch)
# The epoch of a session: one that was ended meanwhile changes nothing.
_is_unmoved = and_(User.id == bindparam("user_id"), User.epoch == bindparam("old_epoch"))
_CHANGE_PASSWORD = _MOVE_ON.where(_is_unmoved).values(password_hash=bindparam("new_hash"))
_CLOSE_OWN = _MOVE_ON.where(_is_unmoved).values(is_active=False)
_is_named = User.username == bindparam("name")
_DISABLE = _MOVE_ON.where(_is_named).values(is_active=False)
_END_SESSIONS = _MOVE_ON.where(_is_named)
_CHANGE_ROLE = _MOVE_ON.where(_is_named).values(role=bindparam("new_role"))
_DELETE = delete(User).where(User.id == bindparam("user_id"))


class Accounts:
    """Register, sign in, change a password, close an account. clock: Unix time in seconds.

    Every method raises Unavailable when a store is out of reach.
    """

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        passwords: Passwords,
        credentials: Credentials,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._passwords = passwords
        self._credentials = credentials
        self._clock = clock

    async def register(self, username: str, password: str, role: str = ROLES[0]) -> Principal:
        """Open an account. Raises InvalidName, PasswordRefused or NameTaken."""
        name = normalise(username)
        await self._passwords.check(password, name)
        user = User(
            username=name,
            password_hash=await self._passwords.hash(password),
            role=role,
            created_at=self._clock(),
        )
        try:
            async with self._database.transaction() as work:
                work.add(user)
        except IntegrityError:
            raise NameTaken from None
        security_log.event("user_created", actor=user.id, role=role)
        return Principal(user.id, user.username, user.role)

    async def sign_in(
        self,
        username: str,
        password: str,
        client: Client,
        *,
        remember: bool = False,
        old_tickets: Sequence[str] = (),
    ) -> tuple[LiveSession, Principal]:
        """Check a password and start a session; those that came with the request end.

        Raises InvalidName, TooManyFailures, or SignInFailed for every other reason alike.
        """
        row = await self._credentials.check(normalise(username), password, client.ip)
        if row is None:
            raise SignInFailed
        session = await self._sessions.start(row.id, row.epoch, client, remember=remember)
        await self._sessions.end(*old_tickets)
        # The account may have been closed, or its password changed, since the row was read.
        started = await self._sessions.resume_with_user(session.ticket)
        if started is None:
            await self._sessions.end(session.ticket)
            raise SignInFailed
        security_log.event("authn_login_success", actor=row.id, session=session.record.key)
        return session, started[1]

    async def change_password(
        self, user: Principal, session: LiveSession, client: Client, current: str, new: str
    ) -> None:
        """Set a new password, end the user's other sessions, and give this one a new ticket.

        Raises PasswordRefused, TooManyFailures, WrongPassword when the current one is not right, or
        SessionEnded when this session was ended meanwhile.
        """
        await self._prove(user, session, client, current, "authn_password_change_fail")
        await self._passwords.check(new, user.username)
        values = {
            "user_id": user.id,
            # The session's, not the row's: one that was ended meanwhile must not come back.
            "old_epoch": session.record.epoch,
            "new_hash": await self._passwords.hash(new),
        }
        changed = await self._database.first(_CHANGE_PASSWORD, values)
        if changed is None:
            raise SessionEnded
        security_log.event("authn_password_change", actor=user.id, session=session.record.key)
        try:
            renewed = await self._sessions.renew(session, changed.epoch)
        finally:
            await self._sessions.end_before(changed.epoch, user.id)
        if not renewed:
            raise SessionEnded

    async def confirm_password(
        self, user: Principal, session: LiveSession, client: Client, password: str
    ) -> None:
        """Let somebody who is signed in prove again who they are; the session gets a new ticket.

        Raises TooManyFailures, WrongPassword, or SessionEnded when it was ended meanwhile.
        """
        await self._prove(user, session, client, password, "authn_login_fail")
        if not await self._sessions.renew(session, session.record.epoch):
            raise SessionEnded

    async def disable(self, username: str) -> None:
        """Close an account and end its sessions. Raises NoSuchUser."""
        user_id = await self._end_all(_DISABLE, username)
        security_log.event("user_archived", actor=user_id)

    async def delete(self, username: str) -> None:
        """Delete an account and end its sessions. Raises NoSuchUser.

        It is closed first, so that it can be tried again when the sessions' store is out of reach.
        """
        await self._delete(await self._end_all(_DISABLE, username))

    async def delete_own(self, user: Principal, session: LiveSession) -> None:
        """Let somebody delete their own account.

        Raises SessionEnded when this session was ended meanwhile, by another deletion perhaps.
        """
        values = {"user_id": user.id, "old_epoch": session.record.epoch}
        moved = await self._database.first(_CLOSE_OWN, values)
        if moved is None:
            raise SessionEnded
        await self._sessions.end_before(moved.epoch, moved.id)
        await self._delete(moved.id)

    async def change_role(self, username: str, role: str) -> None:
        """Give an account another role and end its sessions. Raises NoSuchUser."""
        user_id = await self._end_all(_CHANGE_ROLE, username, new_role=role)
        security_log.event("privilege_permissions_changed", actor=user_id, role=role)

    async def end_sessions(self, username: str) -> None:
        """Sign a user out everywhere. Raises NoSuchUser."""
        await self._end_all(_END_SESSIONS, username)

    async def _delete(self, user_id: int) -> None:
        await self._database.run(_DELETE, {"user_id": user_id})
        security_log.event("user_deleted", actor=user_id)

    async def _prove(
        self, user: Principal, session: LiveSession, client: Client, password: str, failure: str
    ) -> None:
        key = session.record.key
        if not await self._credentials.check(
            user.username, password, client.ip, failure=failure, session=key
        ):
            raise WrongPassword

    async def _end_all(self, move_on: Executable, username: str, **values: str) -> int:
        """End all sessions of a user; whose."""
        moved = await self._database.first(move_on, {"name": normalise(username), **values})
        if moved is None:
            raise NoSuchUser(username)
        await self._sessions.end_before(moved.epoch, moved.id)
        return int(moved.id)
