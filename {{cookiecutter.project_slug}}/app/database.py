"""The way to the database: single statements for most things, a unit of work where two belong."""

#{% if cookiecutter.database == "postgresql" %}
import asyncio
#{% endif %}
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeVar

#{% if cookiecutter.database == "sqlite" %}
from sqlalchemy import Connection, CursorResult, Executable, Row, bindparam, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
#{% else %}
from sqlalchemy import CursorResult, Executable, Row, bindparam, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidatePoolError,
    ProgrammingError,
)
#{% endif %}
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
#{% if cookiecutter.database == "sqlite" %}
from sqlalchemy.pool import ConnectionPoolEntry
#{% else %}
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection
#{% endif %}

from app.models import User
from app.reader import Lookup, Reader
from app.unavailable import Unavailable

#{% if cookiecutter.database == "sqlite" %}
# How long one step may take before the request is answered 503: waiting for a free
# connection, or for a lock.
TIMEOUT_SECONDS = 2

#{% else %}
# How long a statement may take before the request is answered 503: waiting for a free connection,
# connecting, and waiting for the answer.
TIMEOUT_SECONDS = 2

# Said when connecting. It means nothing to PostgreSQL, but PgBouncer refuses what it does not know:
# one that gives another connection to each transaction would lose our statements, or run somebody
# else's. Where it keeps them for us, its ignore_startup_parameters names this.
_NEEDS = "needs.prepared_statements"

#{% endif %}
# The database answers: it is the statement that is wrong.
_OF_THE_STATEMENT = (DataError, IntegrityError, ProgrammingError)

# What every database answers that is migrated.
_NOBODY = Lookup(select(User.id).where(User.id == bindparam("id")))

Values = Mapping[str, Any]
AnyRow = Row[*tuple[Any, ...]]
AnyResult = CursorResult[*tuple[Any, ...]]
T = TypeVar("T")


class Database:
    """A pool of connections.

    Every method raises Unavailable within a few seconds when the database is out of reach, and
    works again by itself once it is back.
    """

    def __init__(self, url: str) -> None:
        #{% if cookiecutter.database == "sqlite" %}
        # isolation_level None: the driver begins nothing by itself, ``_begin`` below does.
        self._engine = create_async_engine(
            url,
            # Values stay out of errors and logs: there are password hashes among them.
            hide_parameters=True,
            pool_timeout=TIMEOUT_SECONDS,
            connect_args={"isolation_level": None, "timeout": TIMEOUT_SECONDS},
        )
        event.listen(self._engine.sync_engine, "connect", _prepare)
        event.listen(self._engine.sync_engine, "begin", _begin)
        self._autocommit = self._engine.execution_options(single_statement=True)
        self._reader = Reader(self._engine)
        #{% else %}
        # One step ends before the whole does: what is left is for closing the connection, which
        # a server that has stopped answering would put off for seconds.
        step = TIMEOUT_SECONDS * 0.75
        options: dict[str, Any] = {
            # Values stay out of errors and logs: there are password hashes among them.
            "hide_parameters": True,
            "connect_args": {
                "timeout": step,
                "command_timeout": step,
                "server_settings": {_NEEDS: "on"},
            },
        }
        # With the reader's, fifteen connections at most.
        self._engine = create_async_engine(
            url, pool_timeout=TIMEOUT_SECONDS, max_overflow=5, **options
        )
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)
        event.listen(self._engine.sync_engine, "handle_error", _let_go)
        # One network turn instead of three: no BEGIN and COMMIT around a single statement.
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        reading = create_async_engine(url, poolclass=NullPool, **options)
        self._reader = Reader(reading, TIMEOUT_SECONDS)
        #{% endif %}

    async def look_up(self, lookup: Lookup, values: Values) -> tuple[Any, ...] | None:
        """Return the row of a look-up, or None, in one round trip."""
        return await self._reader.first(lookup, values)

    async def first(self, statement: Executable, values: Values | None = None) -> AnyRow | None:
        """Run one statement, atomically; its first row, or None."""
        return await self._execute(statement, values, CursorResult.first)

    async def one(self, statement: Executable, values: Values | None = None) -> AnyRow:
        """Run one statement, atomically, that gives exactly one row."""
        return await self._execute(statement, values, CursorResult.one)

    async def all(self, statement: Executable, values: Values | None = None) -> Sequence[AnyRow]:
        """Run one statement, atomically; all its rows."""
        return await self._execute(statement, values, CursorResult.all)

    async def run(self, statement: Executable, values: Values | None = None) -> int:
        """Run one statement, atomically; how many rows it changed."""
        return await self._execute(statement, values, lambda result: result.rowcount)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Begin a unit of work: all is kept when the block ends well, nothing when it raises."""
        with _reachable():
            connection = await self._engine.connect()
        # An OSError from here on may be one of the block's own.
        with _reachable((DBAPIError,)):
            async with (
                aclosing(connection),
                AsyncSession(connection, expire_on_commit=False) as work,
                work.begin(),
            ):
                yield work

    async def ping(self) -> None:
        """Raise Unavailable unless the database answers and is migrated."""
        await self.look_up(_NOBODY, {"id": 0})

    async def close(self) -> None:
        """Give all connections back."""
        await self._reader.close()
        await self._engine.dispose()

    async def _execute(
        self, statement: Executable, values: Values | None, fetch: Callable[[AnyResult], T]
    ) -> T:
        with _reachable():
            #{% if cookiecutter.database == "postgresql" %}
            async with asyncio.timeout(TIMEOUT_SECONDS), self._autocommit.connect() as connection:
                return fetch(await connection.execute(statement, values))
            #{% else %}
            async with self._autocommit.connect() as connection:
                return fetch(await connection.execute(statement, values))
            #{% endif %}


@contextmanager
def _reachable(
    causes: tuple[type[Exception], ...] = (DBAPIError, PoolTimeoutError, OSError),
) -> Iterator[None]:
    """Turn errors of these kinds into Unavailable."""
    try:
        yield
    except _OF_THE_STATEMENT:
        raise
    except causes as error:
        raise Unavailable from error
#{% if cookiecutter.database == "sqlite" %}


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Set what SQLite keeps per connection."""
    cursor = connection.cursor()
    try:
        # Readers and one writer do not wait for each other.
        cursor.execute("PRAGMA journal_mode = WAL")
        # A logout that was answered must survive a power cut, so every commit is synced.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()
    except Exception:
        # It is not in the pool yet, so nobody else would close it.
        connection.close()
        raise


def _begin(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first could not get it later."""
    if not connection.get_execution_options().get("single_statement"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
#{% else %}


def _refuse_closed(
    connection: DBAPIConnection, _: ConnectionPoolEntry, __: PoolProxiedConnection
) -> None:
    """Let the pool make new connections when the server has closed those it has."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def _let_go(context: ExceptionContext) -> None:
    """Let the pool make new connections when more than a statement was wrong.

    One that has received nonsense may wait for the rest of it, and one to a server that has become
    a replica would go on to be refused.
    """
    error = context.sqlalchemy_exception
    if isinstance(error, DBAPIError) and not isinstance(error, _OF_THE_STATEMENT):
        context.is_disconnect = True
#{% endif %}
