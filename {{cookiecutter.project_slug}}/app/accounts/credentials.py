"""A name and a password, and whose they are."""

from sqlalchemy import bindparam, select, update

from app import security_log
from app.accounts.passwords import Passwords
from app.accounts.throttle import Throttle
from app.database import AnyRow, Database
from app.models import User

_FIND = select(User.id, User.password_hash, User.is_active, User.epoch).where(
    User.username == bindparam("username")
)
_REHASH = (
    update(User)
    .where(User.id == bindparam("user_id"), User.epoch == bindparam("old_epoch"))
    .values(password_hash=bindparam("new_hash"))
)


class Credentials:
    """Checks passwords, and slows down those who guess."""

    def __init__(self, database: Database, passwords: Passwords, throttle: Throttle) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle

    async def check(
        self,
        username: str,
        password: str,
        address: str,
        *,
        failure: str = "authn_login_fail",
        session: bytes | None = None,
    ) -> AnyRow | None:
        """Return id and epoch of the account whose password it is; None for every other case.

        failure: how the security log calls it when it is wrong. session: the key of the session
        in which it was asked for. Raises TooManyFailures, or Unavailable.
        """
        attempt = await self._throttle.admit(username, address)
        row = await self._database.first(_FIND, {"username": username})
        right, newer_hash = await self._passwords.verify(
            password, row.password_hash if row else None
        )
        if row is None or not right or not row.is_active:
            await self._throttle.fail(attempt)
            security_log.event(
                failure,
                actor=row.id if row else None,
                name_hash=attempt.name_hash,
                session=session,
                warning=True,
            )
            return None
        await self._throttle.succeed(attempt)
        if newer_hash:
            values = {"user_id": row.id, "old_epoch": row.epoch, "new_hash": newer_hash}
            await self._database.run(_REHASH, values)
        return row
