"""Authenticates users by name and password."""

from dataclasses import dataclass

from sqlalchemy import select, update

from app import security_log
from app.database import AnyRow, Database
from app.models import User
from app.users.passwords import Passwords
from app.users.rate_limit import RateLimiter


@dataclass(frozen=True)
class Authenticator:
    """Checks passwords, and rate limits those who guess."""

    database: Database
    passwords: Passwords
    rate_limiter: RateLimiter

    async def authenticate(
        self,
        name: str,
        password: str,
        ip: str,
        *,
        failure: str = "authn_login_fail",
        session: bytes | None = None,
    ) -> AnyRow | None:
        """Return id and session version of the account whose password it is, or None.

        failure: the event to log when it is wrong. session: the key of the session in which it was
        asked for. Raises TooManyFailures, Overloaded or StoreUnavailable.
        """
        async with self.rate_limiter.checking(name, ip) as attempt:
            row = await self.database.fetch_one(
                select(User.id, User.password_hash, User.is_active, User.session_version).where(
                    User.name == name
                )
            )
            hashed = row.password_hash if row else None
            right, newer_hash = await self.passwords.verify(password, hashed)
            if row is None or not right or not row.is_active:
                await self.rate_limiter.fail(attempt)
                security_log.event(
                    failure,
                    actor=row.id if row else None,
                    name_hash=attempt.name_hash,
                    session=session,
                    warning=True,
                )
                return None
            await self.rate_limiter.succeed(attempt)
            if newer_hash:
                await self.database.execute(
                    update(User)
                    .where(User.id == row.id, User.session_version == row.session_version)
                    .values(password_hash=newer_hash)
                )
            return row
