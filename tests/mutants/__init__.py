"""Faults that someone might introduce into a generated project; its own tests catch each of them.

None is harmless: each breaks a promise of the app.
"""

from tests.mutants import accounts, mail, oidc, passkeys, sessions, totp, web
from tests.mutants.mutant import Mutant

MUTANTS = (
    *sessions.MUTANTS,
    *web.MUTANTS,
    *accounts.MUTANTS,
    *mail.MUTANTS,
    *totp.MUTANTS,
    *passkeys.MUTANTS,
    *oidc.MUTANTS,
)


def sample(day: int, count: int) -> tuple[Mutant, ...]:
    """Return the mutants whose turn it is on a day; in a row of days each has its turn."""
    places = range(day * count, day * count + min(count, len(MUTANTS)))
    return tuple(MUTANTS[place % len(MUTANTS)] for place in places)
