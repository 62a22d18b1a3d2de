"""The database: single statements for the app's own work, sessions for yours."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    Row,
    delete,
    event,
    select,
)
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, async_sessionmaker
from sqlalchemy.orm import InstrumentedAttribute

from app.config import Settings
from app.engine import (
    DEADLINE_SECONDS,
    MAX_WRITERS,
    TRANSACTION,
    WRITE_TURN_SECONDS,
    create_app_engine,
    create_session_engine,
    is_statement_error,
    #{% if cookiecutter.database == "sqlite" %}
    refuse_to_wait,
    #{% endif %}
)
from app.errors import Overloaded, StoreUnavailable
from app.fast_lookup import FastLookup
from app.models import User
from app.turns import hold

# Enough to keep up with what expires, few enough to hold a lock for milliseconds only.
DELETE_BATCH = 100

AnyRow = Row[*tuple[Any, ...]]
AnyResult = CursorResult[*tuple[Any, ...]]
T = TypeVar("T")


class Database:
    """The connections of one running app.

    Whatever is done here raises StoreUnavailable when the database is out of reach, and works again
    by itself once it is back: the app's own statements within DEADLINE_SECONDS, yours within
    DATABASE_STATEMENT_TIMEOUT.
    """

    def __init__(self, settings: Settings) -> None:
        url = settings.database_url.get_secret_value()
        self._engine = create_app_engine(url)
        self._session_engine = create_session_engine(
            url, settings.database_pool_size, settings.database_statement_timeout
        )
        for engine in (self._engine, self._session_engine):
            event.listen(engine.sync_engine, "handle_error", _store_unavailable)
        self._writers = asyncio.Semaphore(MAX_WRITERS)
        self.new_session = async_sessionmaker(self._session_engine, expire_on_commit=False)
        self.fast_lookup = FastLookup(url)

    async def fetch_one(self, statement: Executable) -> AnyRow | None:
        """Run one statement in a transaction of its own; return its first row, or None."""
        return await self._run(statement, CursorResult.first)

    async def fetch_all(self, statement: Executable) -> Sequence[AnyRow]:
        """Run one statement in a transaction of its own; return its rows."""
        return await self._run(statement, CursorResult.all)

    async def execute(self, statement: Executable) -> int:
        """Run one statement in a transaction of its own; return how many rows it changed."""
        return await self._run(statement, lambda result: result.rowcount)

    async def change(self, statement: Executable, *more: Executable) -> AnyRow | None:
        """Run a statement and, if it returns a row, more of them: all in one transaction, or none.

        Returns that row. The first statement has to write: it is the one that waits for a lock.
        """
        if not more:
            return await self.fetch_one(statement)
        async with self._connect(writes=True) as connection:
            await connection.execution_options(isolation_level=TRANSACTION)
            async with connection.begin():
                row = (await connection.execute(statement)).first()
                for each in more if row else ():
                    await connection.execute(each)
        return row

    async def delete_batch(
        self, key: InstrumentedAttribute[Any], condition: ColumnElement[bool]
    ) -> int:
        """Delete a batch of the rows that meet a condition, and return how many.

        key: their primary key.
        """
        batch = select(key).where(condition).limit(DELETE_BATCH)
        # Looking first: SQLite waits for its lock even to delete nothing.
        if not await self.fetch_one(batch):
            return 0
        return await self.execute(delete(key.class_).where(key.in_(batch)))

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers, is migrated, and takes writes."""
        await self.fast_lookup.ping()
        await self.fetch_one(select(User.id).where(User.id == 0))

    async def close(self) -> None:
        """Close all connections."""
        await self.fast_lookup.close()
        await self._engine.dispose()
        await self._session_engine.dispose()

    async def _run(self, statement: Executable, fetch: Callable[[AnyResult], T]) -> T:
        async with self._connect(writes=statement.is_dml) as connection:
            return fetch(await connection.execute(statement))

    @asynccontextmanager
    async def _connect(self, *, writes: bool) -> AsyncIterator[AsyncConnection]:
        deadline = asyncio.timeout(DEADLINE_SECONDS)
        turn = hold(self._writers, WRITE_TURN_SECONDS) if writes else nullcontext()
        #{% if cookiecutter.database == "sqlite" %}
        if writes:
            refuse_to_wait()
        #{% endif %}
        try:
            async with deadline, turn, self._engine.connect() as connection:
                yield connection
        except (PoolTimeoutError, OSError, Overloaded) as error:
            raise StoreUnavailable from error


def _store_unavailable(context: ExceptionContext) -> StoreUnavailable | None:
    """Return what is raised in the place of an error that is not the statement's."""
    error = context.sqlalchemy_exception
    is_from_database = isinstance(error, DBAPIError) and not is_statement_error(error)
    if not is_from_database and not isinstance(context.original_exception, OSError):
        return None
    return StoreUnavailable(type(context.original_exception).__name__)
