#{% if cookiecutter.identity == "email" %}
"""The way back from a forgotten password: a link, which users ask for by mail.

Operators can hand one out, too. Whoever holds it may choose a new password, once.
"""
#{% else %}
"""The way back from a forgotten password: a link, which operators hand out.

Whoever holds it may choose a new password, once.
"""
#{% endif %}

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Executable, and_, delete, exists

from app import security_log
from app.models import Link, User
from app.sessions.session import ClientInfo
from app.users.errors import InvalidLink, UserDisabled
from app.users.links import RESET, Links
from app.users.service import UserService, bump_session_version
#{% if cookiecutter.oidc %}
from app.users.ways_in import unlink_all
#{% endif %}


@dataclass(frozen=True)
class PasswordRecovery:
    """Makes links, and redeems them. Every method raises StoreUnavailable."""

    users: UserService
    links: Links

    async def reset_link(self, name: str) -> str:
        """Return a link with which a user can choose a new password.

        Raises UserNotFound or UserDisabled.
        """
        user = await self.users.find(name)
        if not user.is_active:
            raise UserDisabled(name)
        address, link = self.new_link(user)
        await self.users.database.change(link)
        security_log.event("authn_token_created", actor=user.id, reason="reset link")
        return address

    def new_link(self, user: User) -> tuple[str, Executable]:
        """Return the address of a new link, and the statement that stores it."""
        return self.links.new(
            RESET, user.name, user_id=user.id, session_version=user.session_version
        )

    async def check_link(self, token: str) -> User:
        """Return whose password a link is for. Raises InvalidLink."""
        is_valid = self.links.is_valid(RESET, token)
        user = await self.users.one_or_none(is_valid, User.is_active, _is_link_of_user())
        if user is None:
            raise InvalidLink
        return user

    async def reset_password(self, token: str, new: str, client: ClientInfo) -> None:
        """Set a new password by a link, and end every session of the user; none begins.

        Raises InvalidLink, or PasswordRejected, which leaves the link good.
        """
        user = await self.check_link(token)
        new_hash = await self.users.passwords.hash(new, user.name)
        # Of two clicks at once, one finds the version of the link no more.
        unused = exists().where(self.links.is_valid(RESET, token), _is_link_of_user())
        notice = await self.users.events.notify(user, "password changed", client)
        #{% if cookiecutter.oidc %}
        notice += await unlink_all(self.users.events, user, client)
        #{% endif %}
        changed = await self.users.database.change(
            bump_session_version(self.users.clock(), password_hash=new_hash).where(
                User.id == user.id, User.is_active, unused
            ),
            delete(Link).where(Link.user_id == user.id),
            *notice,
        )
        if changed is None:
            raise InvalidLink
        await self.users.sessions.revoke_before(changed.session_version, user.id)
        await self.users.authenticator.rate_limiter.forget_failures(user.name)
        security_log.event("authn_password_change", actor=user.id, reason="link")


def _is_link_of_user() -> ColumnElement[bool]:
    """Return the condition that a link is a user's, as that user is now."""
    return and_(
        Link.user_id == User.id,
        Link.session_version == User.session_version,
        #{% if cookiecutter.identity == "email" %}
        # Not if it was on its way to the address that they had until a moment ago.
        Link.about == User.email,
        #{% endif %}
    )
