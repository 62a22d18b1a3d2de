"""Looks up a few rows as fast as possible: the query of every authenticated request.

The statement is SQLAlchemy's, but SQLite is asked directly, and in the event loop: finding a row by
its primary key takes a fifth of the time of a round trip to the driver's thread. Nothing else uses
this connection, and nobody else waits when a lookup finds the database locked.
"""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.dialects.sqlite import dialect

from app.database_url import path_of
from app.errors import StoreUnavailable
from app.models import User

_DIALECT = dialect(paramstyle="named")

# How often, and after how long, a lookup is tried again while the database is locked.
LOCKED_ATTEMPTS, LOCKED_PAUSE_SECONDS = 20, 0.01

LOG_REMOVED = "the -wal file of the database was removed: restart the app"


class OpenFile:
    """The files that a connection has open: the database, and its log, the ``-wal``."""

    # Databases whose log was removed under a connection: only a new process can read on.
    _without_log: ClassVar[set[Path]] = set()

    def __init__(self, path: Path) -> None:
        if path in self._without_log:
            raise StoreUnavailable(LOG_REMOVED)
        self._path = path
        # SQLite puts it beside the file that a link leads to. A link may lead to itself.
        self._log_path = Path(f"{os.path.realpath(path)}-wal")
        self._file = _identify(path)
        self._log: tuple[int, int] | None = None

    def is_replaced(self) -> bool:
        """Whether there is another database of that name now, or none.

        Raises StoreUnavailable when only the log is another one: what other processes write then,
        this process would not see.
        """
        if _identify(self._path) != self._file:
            return True
        log = _identify(self._log_path)
        # There is none before the connection is used for the first time.
        self._log = self._log or log
        if log != self._log:
            self._without_log.add(self._path)
            raise StoreUnavailable(LOG_REMOVED)
        return False


def _identify(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one of the same name; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_locked(error: sqlite3.Error) -> bool:
    # The lowest byte says what it is, the others why.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


class CompiledSelect:
    """A SELECT of few rows, which an index leads to. Compiled once."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self.sql = str(statement.compile(dialect=_DIALECT))
        types = (column.type.dialect_impl(_DIALECT) for column in statement.selected_columns)
        processors = (each.result_processor(_DIALECT, None) for each in types)
        self._processors = [(at, each) for at, each in enumerate(processors) if each]

    def convert(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the driver's row with the types of the columns."""
        values = list(row)
        for at, process in self._processors:
            values[at] = process(values[at])
        return tuple(values)


# What any migrated database can answer.
_ANY_USER = CompiledSelect(select(User.id).where(User.id == bindparam("id")))


class FastLookup:
    """One connection for all lookups."""

    def __init__(self, url: str) -> None:
        self._path = path_of(url)
        self._file = OpenFile(self._path)
        self._connection: sqlite3.Connection | None = None

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
        for _ in range(LOCKED_ATTEMPTS):
            if self._connection is not None and self._file.is_replaced():
                # It was replaced or removed, and what this connection reads is no longer true.
                await self.close()
            try:
                connection = self._connection or self._open()
                rows = connection.execute(select.sql, values).fetchall()
            except sqlite3.Error as error:
                await self.close()
                if not _is_locked(error):
                    raise StoreUnavailable from error
                # For a moment, as while somebody else opens the database for the first time.
                await asyncio.sleep(LOCKED_PAUSE_SECONDS)
            else:
                return [select.convert(row) for row in rows]
        raise StoreUnavailable("the database is locked")

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers, is migrated, and can be written.

        It takes no lock: a crowd that is writing is no reason to be taken out of service.
        """
        await self.fetch_one(_ANY_USER, {"id": 0})
        if not os.access(self._path, os.W_OK) or not shutil.disk_usage(self._path).free:
            raise StoreUnavailable("the file is read-only, or its disk is full")

    async def close(self) -> None:
        """Close the connection; the next lookup opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        # With WAL, writers do not block readers. An exclusive lock is not waited for here, since
        # all other requests would wait as well.
        self._file = OpenFile(self._path)
        self._connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        return self._connection
