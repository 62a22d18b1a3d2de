"""Codes from an authenticator app (TOTP, RFC 6238), and recovery codes for whoever has lost it.

Each code is good once: the statement that accepts it makes it void, so that of two requests at once
one is refused.
"""

import hmac
from dataclasses import dataclass
from typing import NamedTuple

import pyotp
from sqlalchemy import ColumnElement, Executable, and_, delete, exists, or_, select, update

from app import security_log
from app.config import PROJECT
from app.engine import insert_or_update
from app.models import RecoveryCode, TotpSecret, User
from app.sessions.encryption import SessionCipher
from app.sessions.session import Amr, ClientInfo
from app.users.errors import AccountError
from app.users.recovery_codes import is_code, new_recovery_codes
from app.users.service import AuthContext, UserService

# What every authenticator app expects (RFC 6238, 5.2): a code is for a step of so many seconds.
STEP_SECONDS = 30
# Clocks of phones differ: the codes of so many steps before and after the current one are good.
TOLERANCE = 1

# Slowly and from many addresses, a code could be guessed in the end (NIST SP 800-63B-4, 3.2.2).
MAX_FAILURES_IN_A_ROW = 100
LOCKED = "Too many wrong codes in a row. Use a recovery code instead."

CODE_DIGITS = 6


class WrongCode(AccountError):
    """A code that is wrong, was used already, or is too old."""

    status, text = 403, "Wrong code, or one that was used already."


class TotpStateError(AccountError):
    """The account has an authenticator app already, or none yet."""

    status = 409


class Enrolment(NamedTuple):
    """What an authenticator app has to be told. uri: the same as a link, for a QR code."""

    secret: str
    uri: str


@dataclass(frozen=True)
class TotpService:
    """A user's authenticator app. Every method raises StoreUnavailable."""

    users: UserService
    cipher: SessionCipher

    async def kinds_of(self, user_id: int) -> list[str]:
        """Return the names of what a user could show: nothing if there is no app."""
        row = await self.users.database.fetch_one(
            select(TotpSecret.failures).where(_app_of(user_id))
        )
        if row is None:
            return []
        is_locked = row.failures >= MAX_FAILURES_IN_A_ROW
        return ["recovery_code"] if is_locked else ["totp", "recovery_code"]

    def deletions(self, user_id: int) -> list[Executable]:
        """Return the statements that take a user's app and recovery codes away."""
        tables = (TotpSecret, RecoveryCode)
        return [delete(table).where(table.user_id == user_id) for table in tables]

    async def verify(
        self, user_id: int, code: str, client: ClientInfo, *, is_confirmed: bool = True
    ) -> None:
        """Accept a code of a user's app or a recovery code, once.

        is_confirmed: whether the app is, or is still being set up. Raises WrongCode,
        TooManyFailures or Overloaded.
        """
        code = code.replace(" ", "").replace("-", "")
        limiter = self.users.authenticator.rate_limiter
        # A name that nobody can type, and not the password's: a right password must not make wrong
        # codes forgotten.
        async with limiter.checking(f"\0code {user_id}", client.ip) as attempt:
            if len(code) == CODE_DIGITS:
                accepted = await self._use_code(user_id, code, is_confirmed)
            else:
                accepted = await self._use_recovery_code(user_id, code, client)
            if accepted:
                await limiter.succeed(attempt)
                return
            await limiter.fail(attempt)
        security_log.event("authn_login_fail", actor=user_id, reason="code", warning=True)
        raise WrongCode

    async def confirm(self, auth: AuthContext, code: str) -> None:
        """Let a signed-in user prove again who they are; the session gets a new token.

        Raises as above, or SessionEnded when it was revoked meanwhile.
        """
        await self.verify(auth.user.id, code, auth.client)
        await self.users.renew(auth, Amr.OTP)

    async def begin(self, user: User) -> Enrolment:
        """Make a secret, which counts for nothing until a code has shown that the app knows it.

        Raises TotpStateError when there is an app already.
        """
        # 160 bits (RFC 4226, 4).
        secret = pyotp.random_base32()
        encrypted = self.cipher.encrypt(secret.encode(), str(user.id))
        values = {"encrypted": encrypted, "last_step": 0, "failures": 0}
        new = insert_or_update(TotpSecret).values(user_id=user.id, is_confirmed=False, **values)
        stored = new.on_conflict_do_update(
            index_elements=[TotpSecret.user_id],
            set_=values,
            where=TotpSecret.is_confirmed.is_(False),
        )
        if not await self.users.database.fetch_one(stored.returning(TotpSecret.user_id)):
            raise TotpStateError("You already have an authenticator app. Turn it off first.")
        return _enrolment(secret, user)

    async def begun(self, user: User) -> Enrolment:
        """Return what was begun. Raises TotpStateError when nothing was."""
        row = await self.users.database.fetch_one(
            select(TotpSecret.encrypted).where(_app_of(user.id, is_confirmed=False))
        )
        secret = self.cipher.decrypt(row.encrypted, str(user.id)) if row else None
        if secret is None:
            raise TotpStateError("No setup is in progress. Start again.")
        return _enrolment(secret.decode(), user)

    async def turn_on(self, auth: AuthContext, code: str) -> list[str]:
        """Ask for codes from now on; return the recovery codes, which nobody can show again.

        The user's other sessions end. Raises TotpStateError, SessionEnded, and as ``verify``.
        """
        await self.begun(auth.user)
        await self.verify(auth.user.id, code, auth.client, is_confirmed=False)
        codes, statements = new_recovery_codes(auth.user.id)
        await self.users.change_own(
            auth,
            "authenticator app added",
            # Not what was begun meanwhile, elsewhere: no code of that has been shown.
            update(TotpSecret)
            .where(TotpSecret.user_id == auth.user.id, TotpSecret.last_step > 0)
            .values(is_confirmed=True),
            *statements,
            amr=Amr.OTP,
        )
        if not await self.kinds_of(auth.user.id):
            raise WrongCode
        return codes

    async def turn_off(self, auth: AuthContext) -> None:
        """Ask for codes no more. The user's other sessions end.

        Raises TotpStateError when there is no app, or SessionEnded.
        """
        if not await self.kinds_of(auth.user.id):
            raise TotpStateError("There is no authenticator app to turn off.")
        removed = self.deletions(auth.user.id)
        await self.users.change_own(auth, "authenticator app removed", *removed)

    async def renew_recovery_codes(self, auth: AuthContext) -> list[str]:
        """Return new recovery codes; the old ones are void.

        Raises TotpStateError when there is no app.
        """
        user_id = auth.user.id
        codes, statements = new_recovery_codes(user_id)
        what = "recovery codes renewed"
        statements += await self.users.events.notify(auth.user, what, auth.client)
        # Changes nothing, but takes the lock: of two requests at once, one has the last word.
        is_on = update(TotpSecret).where(_app_of(user_id)).values(is_confirmed=True)
        if not await self.users.database.change(is_on.returning(TotpSecret.user_id), *statements):
            raise TotpStateError("Recovery codes come with an authenticator app. Set one up first.")
        key = auth.session.record.key
        security_log.event("user_updated", actor=user_id, session=key, reason=what)
        return codes

    async def _use_code(self, user_id: int, code: str, is_confirmed: bool) -> bool:
        # Counted before it is checked, as attempts at a password are.
        row = await self.users.database.fetch_one(
            update(TotpSecret)
            .where(
                _app_of(user_id, is_confirmed=is_confirmed),
                TotpSecret.failures < MAX_FAILURES_IN_A_ROW,
            )
            .values(failures=TotpSecret.failures + 1)
            .returning(TotpSecret.encrypted)
        )
        secret = self.cipher.decrypt(row.encrypted, str(user_id)) if row else None
        now = int(self.users.clock()) // STEP_SECONDS
        step = find_step(secret.decode(), code, now) if secret else None
        if row is None or secret is None or step is None:
            return False
        # A clock that was far ahead once must not make codes void for years.
        is_unused = or_(TotpSecret.last_step < step, TotpSecret.last_step > now + TOLERANCE)
        accepted = await self.users.database.execute(
            update(TotpSecret)
            .where(
                _app_of(user_id, is_confirmed=is_confirmed),
                # Not what was begun anew meanwhile.
                TotpSecret.encrypted == row.encrypted,
                is_unused,
            )
            .values(
                last_step=step,
                failures=0,
                # With the newest key: secrets outlive those of sessions.
                encrypted=self.cipher.encrypt(secret, str(user_id)),
            )
        )
        return accepted == 1

    async def _use_recovery_code(self, user_id: int, code: str, client: ClientInfo) -> bool:
        of_code = is_code(user_id, code)
        user = await self.users.one_or_none(User.id == user_id, exists().where(of_code))
        if user is None:
            return False
        what = "recovery code used"
        used = await self.users.database.change(
            delete(RecoveryCode).where(of_code).returning(RecoveryCode.key),
            # Whoever has one is no guesser, so codes of the app count again.
            update(TotpSecret).where(TotpSecret.user_id == user_id).values(failures=0),
            *await self.users.events.notify(user, what, client),
        )
        if used is None:
            return False
        security_log.event("user_updated", actor=user_id, reason=what, warning=True)
        return True


def find_step(secret: str, code: str, now: int) -> int | None:
    """Return the step whose code it is, or None. secret: in base 32. now: the current step."""
    totp, typed = pyotp.TOTP(secret), code.encode()
    # Every step is tried, in constant time: how long it takes says nothing about the right code.
    steps = [
        step
        for step in range(now - TOLERANCE, now + TOLERANCE + 1)
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed)
    ]
    return max(steps, default=None)


def _app_of(user_id: int, *, is_confirmed: bool = True) -> ColumnElement[bool]:
    """Return what restricts a query to a user's app."""
    return and_(TotpSecret.user_id == user_id, TotpSecret.is_confirmed.is_(is_confirmed))


def _enrolment(secret: str, user: User) -> Enrolment:
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.name, issuer_name=PROJECT["name"])
    return Enrolment(secret, uri)
