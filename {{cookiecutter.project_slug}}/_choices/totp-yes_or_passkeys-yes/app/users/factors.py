"""The second factors that accounts have, whichever kinds there are.

A kind is a folder of its own. Here they meet: a sign-in with a password, and whatever wants to know
again who somebody is, ask for the strongest that the account has (ASVS 5.0 6.3.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.users.errors import AccountError


class SecondFactorRequired(AccountError):
    """What was shown is right, but not enough. kinds: the names of what would do."""

    status, text = 401, "A second factor is needed."

    def __init__(self, kinds: Sequence[str]) -> None:
        super().__init__()
        self.kinds = kinds


class Factor(Protocol):
    """One kind of second factor."""

    async def kinds_of(self, user_id: int) -> list[str]:
        """Return the names of what that user could show; nothing if they have none."""


@dataclass(frozen=True)
class Factors:
    """All kinds, the strongest first. Raises StoreUnavailable."""

    factors: Sequence[Factor]

    async def kinds_of(self, user_id: int) -> list[str]:
        """Return the names of what a user could show, the strongest first."""
        return [kind for factor in self.factors for kind in await factor.kinds_of(user_id)]
