"""The shortest way to one row: what every authenticated request asks for.

Statement and connection are SQLAlchemy's, but the driver is asked directly: by way of SQLAlchemy
a look-up takes several turns of the driver's thread, and three times as long.
"""

import asyncio
import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.unavailable import Unavailable

_DIALECT = dialect(paramstyle="named")


class Lookup:
    """A SELECT of one row at most, compiled once."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self.sql = str(statement.compile(dialect=_DIALECT))
        types = (column.type.dialect_impl(_DIALECT) for column in statement.selected_columns)
        processors = (each.result_processor(_DIALECT, None) for each in types)
        self._processors = [(at, each) for at, each in enumerate(processors) if each]

    def row(self, found: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what the driver has found in the types of the columns."""
        values = list(found)
        for at, process in self._processors:
            values[at] = process(values[at])
        return tuple(values)


class Reader:
    """One connection for all look-ups: its thread takes them in turn.

    timeout: seconds that a look-up may take.
    """

    def __init__(self, engine: AsyncEngine, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout
        self._opening = asyncio.Lock()
        self._connection: AsyncConnection | None = None
        self._driver: Any = None

    async def first(self, lookup: Lookup, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the row, or None. Raises Unavailable when the database is out of reach."""
        try:
            async with asyncio.timeout(self._timeout):
                driver = self._driver or await self._open()
                found = await driver.execute_fetchall(lookup.sql, values)
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise Unavailable from error
        return lookup.row(found[0]) if found else None

    async def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            await self._connection.close()

    async def _open(self) -> Any:
        async with self._opening:
            if self._driver is None:
                self._connection = await self._engine.connect()
                pooled = await self._connection.get_raw_connection()
                self._driver = pooled.driver_connection
            return self._driver
