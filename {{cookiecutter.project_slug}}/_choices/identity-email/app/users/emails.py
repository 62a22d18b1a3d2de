"""What people do with their address: register, verify it, change it, and reset their password.

A stranger must not learn who has an account (ASVS 5.0 6.3.8): whatever somebody asks for is
answered alike, costs the same, and the mail says the rest to whoever owns the address.
"""

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Executable, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from app import security_log
from app.config import Settings
from app.database import AnyRow
from app.email.outbox import Outbox
from app.models import ROLES, Link, User
from app.request_limit import RequestLimiter
from app.sessions.session import ClientInfo
from app.users.errors import InvalidLink
from app.users.links import CHANGE_EMAIL, RESET, VERIFY
from app.users.names import mailbox_of, mask, normalise
from app.users.recovery import PasswordRecovery
from app.users.service import AuthContext, UserService

# At most this many mails to one address that somebody else may have caused.
MAX_MAILS, MAILS_WINDOW_SECONDS = 5, 3_600


@dataclass(frozen=True)
class EmailService:
    """Every method raises InvalidName for what is no address, and StoreUnavailable."""

    users: UserService
    recovery: PasswordRecovery
    outbox: Outbox
    limiter: RequestLimiter
    settings: Settings

    async def register(self, email: str, password: str, client: ClientInfo) -> None:
        """Let whoever owns an address create an account, by the link that is sent to it.

        The password is kept with the link: until it is followed there is no account, and an earlier
        registration by somebody else is void. Raises PasswordRejected or TooManyRequests.
        """
        email = normalise(email)
        # Before it is known whether there is an account, so that the time does not tell.
        hashed = await self.users.passwords.hash(password, email)
        user = await self._prepare(email)
        if user:
            await self._mail_reset_link(email, user, "already_registered", client)
        else:
            await self._mail_verification(email, hashed, client)

    async def resend(self, email: str, client: ClientInfo) -> None:
        """Send the link of a registration once more. Raises TooManyRequests."""
        email = normalise(email)
        user = await self._prepare(email)
        hashed = await self.users.database.fetch_one(
            select(Link.password_hash).where(
                Link.about == email, Link.purpose == VERIFY, Link.expires_at > self.users.clock()
            )
        )
        if hashed and not user and self.settings.allow_registration:
            await self._mail_verification(email, hashed.password_hash, client)
        else:
            await self._mail_reset_link(email, user, "reset", client)

    async def find_link(self, purpose: str, token: str) -> AnyRow:
        """Return a link that was not used yet. Raises InvalidLink."""
        if purpose == VERIFY and not self.settings.allow_registration:
            raise InvalidLink
        link = await self.users.database.fetch_one(
            select(Link).where(self.recovery.links.is_valid(purpose, token))
        )
        if link is None:
            raise InvalidLink
        return link

    async def verify(self, token: str) -> None:
        """Create the account that a link is about. Raises InvalidLink."""
        link = await self.find_link(VERIFY, token)
        account = insert(User).values(
            email=link.about,
            password_hash=link.password_hash,
            role=ROLES[0],
            created_at=self.users.clock(),
        )
        row = await self._redeem(account.returning(User.id), Link.key == link.key)
        security_log.event("user_created", actor=row.id, role=ROLES[0])

    async def forgot_password(self, email: str, client: ClientInfo) -> None:
        """Send a link with which to choose a new password. Raises TooManyRequests."""
        email = normalise(email)
        user = await self._prepare(email)
        await self._mail_reset_link(email, user, "reset", client)

    async def ask_for_change(self, auth: AuthContext, new: str) -> None:
        """Send a link to another address of the user's, and tell the one that they have.

        Raises TooManyRequests.
        """
        new = normalise(new)
        # The notices go to one address, whichever the new ones are.
        await self.limiter.acquire(f"change {auth.user.id}", MAX_MAILS, MAILS_WINDOW_SECONDS)
        taken = await self._prepare(new)
        address, link = self.recovery.links.new(
            CHANGE_EMAIL,
            auth.user.email,
            user_id=auth.user.id,
            session_version=auth.user.session_version,
            new_email=new,
        )
        to_new = "address_taken" if taken else "change_email"
        account = mask(auth.user.email)
        what = "change of address requested"
        await self.users.database.change(
            link,
            self.outbox.mail(new, to_new, auth.client, link=address, account=account),
            *await self.users.events.notify(auth.user, what, auth.client, new),
        )
        security_log.event("user_updated", actor=auth.user.id, reason=what)

    async def change(self, token: str, client: ClientInfo) -> None:
        """Let a user have the address that a link was sent to. Raises InvalidLink."""
        link = await self.find_link(CHANGE_EMAIL, token)
        changed = (
            update(User)
            .where(
                User.id == link.user_id,
                User.is_active,
                User.session_version == link.session_version,
                exists().where(Link.key == link.key),
                # Of two clicks at once, the second waits for the first, and finds another address.
                User.email == link.about,
            )
            .values(email=link.new_email)
        )
        what = "address changed"
        event = self.users.events.record(link.user_id, what, client)
        # The links that were sent to the address that it had, too.
        row = await self._redeem(changed.returning(User.id), Link.user_id == link.user_id, *event)
        security_log.event("user_updated", actor=row.id, reason=what)

    async def _redeem(
        self, change: Executable, used: ColumnElement[bool], *more: Executable
    ) -> AnyRow:
        """Make the change that a link is for, which is used up then. Raises InvalidLink."""
        try:
            row = await self.users.database.change(change, delete(Link).where(used), *more)
        except IntegrityError:
            # Somebody else has the address by now; or of two clicks at once, this is the second.
            raise InvalidLink from None
        if row is None:
            raise InvalidLink
        return row

    async def _prepare(self, email: str) -> User | None:
        """Limit mails to an address; return the account that it can sign in to."""
        name_hash = self.users.authenticator.rate_limiter.hash_name(mailbox_of(email))
        await self.limiter.acquire(f"mail {name_hash.hex()}", MAX_MAILS, MAILS_WINDOW_SECONDS)
        return await self.users.one_or_none(User.email == email)

    async def _mail_verification(self, email: str, hashed: str, client: ClientInfo) -> None:
        address, link = self.recovery.links.new(VERIFY, email, password_hash=hashed)
        mail = self.outbox.mail(email, "verify", client, link=address)
        await self.users.database.change(link, mail)

    async def _mail_reset_link(
        self, email: str, user: User | None, template: str, client: ClientInfo
    ) -> None:
        """Send a link for an account. Without one the same is done, and the link opens nothing."""
        if user is None or not user.is_active:
            template = "no_account"
            address, link = self.recovery.links.new(RESET, email)
        else:
            address, link = self.recovery.new_link(user)
        mail = self.outbox.mail(email, template, client, link=address)
        # Of an account that is deleted this moment, nobody is left to write to.
        with suppress(IntegrityError):
            await self.users.database.change(link, mail)
        security_log.event(
            "authn_token_created", actor=user.id if user else None, reason=f"mail {template}"
        )
