"""The shortest way to one row: what every authenticated request asks for.

Statement and connection are SQLAlchemy's, but the driver is asked directly: by way of SQLAlchemy
a look-up takes twice as long.
"""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from typing import Any

from asyncpg import InterfaceError, PostgresError
from sqlalchemy import Select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.unavailable import Unavailable

# How many look-ups are under way at once; the others wait. A connection is kept for each of them.
MAX_READERS = 5

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()
_LOST = (InterfaceError, PostgresError, ConnectionError)


class Lookup:
    """A SELECT of one row at most, compiled once."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self._names = compiled.positiontup or ()

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order in which the statement asks for them."""
        return [values[name] for name in self._names]


class Reader:
    """A few connections for all look-ups.

    engine: one without a pool, whose connections are always new, and bound each answer in time.
    timeout: seconds that a look-up may take.
    """

    def __init__(self, engine: AsyncEngine, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout
        self._turns = asyncio.Semaphore(MAX_READERS)
        self._idle: list[tuple[AsyncConnection, Any]] = []

    async def first(self, lookup: Lookup, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the row, or None. Raises Unavailable when the database is out of reach."""
        arguments = lookup.arguments(values)
        ends_at = asyncio.get_running_loop().time() + self._timeout
        waits = self._turns.locked() or not self._idle
        try:
            # The driver bounds an answer by itself; to do so again costs 4 % of a request.
            async with asyncio.timeout_at(ends_at) if waits else nullcontext(), self._turns:
                found = await self._fetch(lookup.sql, arguments, ends_at)
        except (DBAPIError, *_LOST, OSError) as error:
            raise Unavailable from error
        return tuple(found) if found else None

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            await _drop(*self._idle.pop())

    async def _fetch(self, sql: str, arguments: list[Any], ends_at: float) -> Any:
        if self._idle:
            # The server may have been started anew since this connection was made.
            with suppress(*_LOST):
                return await self._ask(*self._idle.pop(), sql, arguments)
        async with asyncio.timeout_at(ends_at):
            connection = await self._engine.connect()
            pooled = await connection.get_raw_connection()
            return await self._ask(connection, pooled.driver_connection, sql, arguments)

    async def _ask(
        self, connection: AsyncConnection, driver: Any, sql: str, arguments: list[Any]
    ) -> Any:
        try:
            found = await driver.fetchrow(sql, *arguments)
        except BaseException:
            # An answer that is still on its way would be taken for that to the next question.
            await _drop(connection, driver)
            raise
        self._idle.append((connection, driver))
        return found


async def _drop(connection: AsyncConnection, driver: Any) -> None:
    # At once: a server that is silent would not say goodbye either.
    driver.terminate()
    await connection.invalidate()
    await connection.close()
