"""The second factors that accounts have, whichever kinds there are.

A kind is a module of its own. Here they meet: a sign-in with a password, and whatever wants to know
again who somebody is, ask for the strongest that the account has (ASVS 5.0 6.3.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Executable

from app import security_log
from app.sessions.session import SignIn
from app.users.account_events import OPERATOR
from app.users.errors import AccountError
from app.users.service import AuthContext, UserService


class StrongerFactorRequired(AccountError):
    """A password was shown, and the account has more. kinds: the names of what would do."""

    status, text = 403, "A password is not enough for this account: use its second factor."

    def __init__(self, kinds: Sequence[str], text: str = "") -> None:
        super().__init__(text)
        self.kinds = kinds


class SecondFactorRequired(StrongerFactorRequired):
    """Not signed in yet. sign_in: what was shown so far."""

    status, text = 401, "A second factor is needed."

    def __init__(self, kinds: Sequence[str], sign_in: SignIn, text: str = "") -> None:
        super().__init__(kinds, text)
        self.sign_in = sign_in


class Factor(Protocol):
    """One kind of second factor."""

    async def kinds_of(self, user_id: int) -> list[str]:
        """Return the names of what that user could show; nothing if they have none."""

    def deletions(self, user_id: int) -> list[Executable]:
        """Return the statements that take it away from that user."""


@dataclass(frozen=True)
class Factors:
    """All kinds, the strongest first. Every method raises StoreUnavailable."""

    users: UserService
    factors: Sequence[Factor]

    async def kinds_of(self, user_id: int) -> list[str]:
        """Return the names of what a user could show, the strongest first."""
        return [kind for factor in self.factors for kind in await factor.kinds_of(user_id)]

    async def confirm_password(self, auth: AuthContext, password: str) -> None:
        """Let a signed-in user prove again who they are, unless they have more than a password.

        Raises StrongerFactorRequired, and as ``UserService.confirm_password``.
        """
        if kinds := await self.kinds_of(auth.user.id):
            raise StrongerFactorRequired(kinds)
        await self.users.confirm_password(auth, password)

    async def reset(self, name: str) -> None:
        """Take all factors of a user away, and end their sessions. Raises UserNotFound."""
        user = await self.users.find(name)
        statements = [each for factor in self.factors for each in factor.deletions(user.id)]
        what = "second factors removed"
        statements += await self.users.events.notify(user, what, OPERATOR)
        await self.users.end_sessions(name, *statements)
        security_log.event("user_updated", actor=user.id, reason=what)
