"""Looks up a few rows as fast as possible: the query of every authenticated request.

Statement and connection are SQLAlchemy's, but the driver is asked directly: through SQLAlchemy
a lookup takes twice as long.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any

from asyncpg import InterfaceError, PostgresError
from sqlalchemy import Float, Numeric, Select, bindparam, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.engine import DEADLINE_SECONDS, create_lookup_engine
from app.errors import StoreUnavailable
from app.models import User

# How many lookups are under way at once; the others wait. A connection is kept for each of them.
MAX_CONNECTIONS = 5

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()
_LOST = (InterfaceError, PostgresError, ConnectionError)


class CompiledSelect:
    """A SELECT of few rows, which an index leads to. Compiled once."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self._names = compiled.positiontup or ()
        # The driver returns numbers as they are.
        types = (
            (at, column.type.dialect_impl(_DIALECT))
            for at, column in enumerate(statement.selected_columns)
            if not isinstance(column.type, (Float, Numeric))
        )
        processors = ((at, each.result_processor(_DIALECT, None)) for at, each in types)
        self._processors = [(at, process) for at, process in processors if process]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order in which the statement asks for them."""
        return [values[name] for name in self._names]

    def convert(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return the driver's row with the types of the columns."""
        values = list(row)
        for at, process in self._processors:
            values[at] = process(values[at])
        return tuple(values)


# What any migrated database can answer, but for a replica: it locks no row.
_FOR_UPDATE = CompiledSelect(select(User.id).where(User.id == bindparam("id")).with_for_update())


class FastLookup:
    """A few connections for all lookups."""

    def __init__(self, url: str) -> None:
        self._engine = create_lookup_engine(url)
        self._semaphore = asyncio.Semaphore(MAX_CONNECTIONS)
        self._idle: list[tuple[AsyncConnection, Any]] = []

    async def fetch_one(
        self, select: CompiledSelect, values: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        """Return the first row, or None. Raises StoreUnavailable as below."""
        rows = await self.fetch_all(select, values)
        return rows[0] if rows else None

    async def fetch_all(
        self, select: CompiledSelect, values: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Return the rows. Raises StoreUnavailable when the database is out of reach."""
        arguments = select.arguments(values)
        ends_at = asyncio.get_running_loop().time() + DEADLINE_SECONDS
        waits = self._semaphore.locked() or not self._idle
        try:
            # The driver bounds a query by itself; doing so again costs 4 % of a request.
            async with asyncio.timeout_at(ends_at) if waits else nullcontext(), self._semaphore:
                rows = await self._fetch(select.sql, arguments, ends_at)
        except (DBAPIError, *_LOST, OSError) as error:
            raise StoreUnavailable from error
        return [select.convert(row) for row in rows]

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers, is migrated, and takes writes."""
        await self.fetch_one(_FOR_UPDATE, {"id": 0})

    async def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            await _terminate(*self._idle.pop())

    async def _fetch(self, sql: str, arguments: list[Any], ends_at: float) -> Any:
        if self._idle:
            # The server may have been restarted since this connection was opened.
            with suppress(*_LOST):
                return await self._query(*self._idle.pop(), sql, arguments)
        async with asyncio.timeout_at(ends_at):
            connection = await self._engine.connect()
            pooled = await connection.get_raw_connection()
            return await self._query(connection, pooled.driver_connection, sql, arguments)

    async def _query(
        self, connection: AsyncConnection, driver: Any, sql: str, arguments: list[Any]
    ) -> Any:
        try:
            rows = await driver.fetch(sql, *arguments)
        except BaseException:
            # A result that is still on its way would be taken for that of the next query.
            await _terminate(connection, driver)
            raise
        self._idle.append((connection, driver))
        return rows


async def _terminate(connection: AsyncConnection, driver: Any) -> None:
    # Immediately: a server that does not respond would not close the connection either.
    driver.terminate()
    await connection.invalidate()
    await connection.close()
