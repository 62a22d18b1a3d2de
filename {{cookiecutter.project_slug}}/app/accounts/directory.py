"""Who there is, as operators see it. Nothing is changed here."""

from typing import NamedTuple

from sqlalchemy import bindparam, select

from app.accounts.errors import NoSuchUser
from app.accounts.names import normalise
from app.database import Database
from app.models import User


class Account(NamedTuple):
    """An account. created_at: Unix time in seconds."""

    id: int
    username: str
    role: str
    is_active: bool
    #{% if cookiecutter.session_backend in ("database", "redis") %}
    epoch: int
    """A session of an earlier one is dead."""
    #{% endif %}
    created_at: float


_columns = [getattr(User, name) for name in Account._fields]
_ALL = select(*_columns).order_by(User.username)
_FIND = select(*_columns).where(User.username == bindparam("name"))


class Directory:
    """Looks accounts up. Every method raises Unavailable when the database is out of reach."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Account]:
        """Return every account, by name."""
        return [Account._make(row) for row in await self._database.all(_ALL)]

    async def find(self, username: str) -> Account:
        """Return the account of that name. Raises InvalidName or NoSuchUser."""
        row = await self._database.first(_FIND, {"name": normalise(username)})
        if row is None:
            raise NoSuchUser(f"There is no user {username!r}.")
        return Account._make(row)
