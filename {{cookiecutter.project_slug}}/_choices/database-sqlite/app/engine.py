"""How SQLite is reached: the engines, and what every connection sets."""

import os
import sqlite3
from contextlib import suppress
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    ProgrammingError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from app.database_url import parse, path_of
from app.fast_lookup import OpenFile

# How long the app waits for a free connection, or for a lock, before it answers 503.
TIMEOUT_SECONDS = 2

# How many of the app's statements write at once in a process, and how long one waits for its turn.
# Whoever waits for the lock of a file tries again and again, and is overtaken; here the first comes
# first, so that a crowd that signs in at once is served.
MAX_WRITERS = 1
WRITE_TURN_SECONDS = 2 * TIMEOUT_SECONDS
# A statement may wait for its turn and for the lock. This only ends what hangs for another reason.
DEADLINE_SECONDS = WRITE_TURN_SECONDS + TIMEOUT_SECONDS + 1

# INSERT with ``on_conflict_do_update``.
insert_or_update = sqlite.insert

# The isolation level of several statements that belong together.
TRANSACTION = "SERIALIZABLE"

# The connections with which the current request has used DbSession.
_session_connections: ContextVar[tuple[PoolProxiedConnection, ...]] = ContextVar(
    "session_connections", default=()
)


class _FileConnection(sqlite3.Connection):
    """A connection that ends its statements when it is closed.

    Of a request that was cancelled, a statement may be left that nobody has read to its end. It
    would keep the file open, and locked for everybody, until the garbage collector finds it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, *arguments: Any) -> Any:
        cursor = super().cursor(*arguments)
        self._cursors.add(cursor)
        return cursor

    def close(self) -> None:
        for cursor in [*self._cursors]:
            cursor.close()
        super().close()


def is_statement_error(error: DBAPIError) -> bool:
    """Whether an error is of a statement, not of the database."""
    return isinstance(error, (DataError, IntegrityError, ProgrammingError))


def create_app_engine(url: str) -> AsyncEngine:
    """Return the engine for the app's own statements: one transaction each, bounded in time."""
    engine = create_async_engine(
        parse(url),
        isolation_level="AUTOCOMMIT",
        pool_timeout=TIMEOUT_SECONDS,
        # Nothing is open when a statement has ended.
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
        connect_args={"timeout": TIMEOUT_SECONDS, "factory": _FileConnection},
        # Values stay out of errors and logs: there are password hashes among them.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _prepare)
    _follow_file(engine, url)
    return engine


def create_migration_engine(url: str) -> AsyncEngine:
    """Return the engine of the migrations. The file is created, unless there is one.

    Its owner alone can read it, whatever the umask; SQLite gives its -wal and -shm the same mode.
    """
    with suppress(FileExistsError):
        os.close(os.open(path_of(url), os.O_CREAT | os.O_EXCL, 0o600))
    # The driver begins no transaction for CREATE TABLE and the like.
    options = {"isolation_level": None}
    engine = create_async_engine(parse(url), poolclass=NullPool, connect_args=options)
    event.listen(engine.sync_engine, "connect", _use_log)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def create_session_engine(url: str, pool_size: int, statement_timeout: int) -> AsyncEngine:
    """Return the engine of ``DbSession``.

    Reading takes no lock. The first write of a transaction takes the write lock at once
    (BEGIN IMMEDIATE), since one that has read before could not get it later.
    statement_timeout: seconds to wait for the lock.
    """
    engine = create_async_engine(
        parse(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=TIMEOUT_SECONDS,
        connect_args={
            "timeout": statement_timeout,
            "isolation_level": "IMMEDIATE",
            "factory": _FileConnection,
        },
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _prepare)
    _follow_file(engine, url)
    event.listen(engine.sync_engine, "savepoint", _begin)
    event.listen(engine.sync_engine, "after_cursor_execute", _note_connection)
    return engine


def _follow_file(engine: AsyncEngine, url: str) -> None:
    """Let no connection be used whose file was replaced or removed since it was opened.

    Such a connection would go on as if nothing had happened, beside new ones that see another file.
    """
    path = path_of(url)

    def remember(_: Dialect, entry: ConnectionPoolEntry, *__: Any) -> None:
        entry.info["file"] = OpenFile(path)

    def compare(_: DBAPIConnection, entry: ConnectionPoolEntry, __: PoolProxiedConnection) -> None:
        if entry.info["file"].is_replaced():
            # The pool opens another one.
            raise DisconnectionError

    event.listen(engine.sync_engine, "do_connect", remember)
    event.listen(engine.sync_engine, "checkout", compare)


def _note_connection(connection: Connection, *_: Any) -> None:
    # One that is back in the pool is not valid, whoever has it then.
    others = (
        each
        for each in _session_connections.get()
        if each.is_valid and each is not connection.connection
    )
    _session_connections.set((*others, connection.connection))


def _holds_write_lock(connection: PoolProxiedConnection) -> bool:
    """Whether changes were made by a connection of a DbSession, and not committed."""
    driver = connection.driver_connection if connection.is_valid else None
    return driver is not None and bool(driver.in_transaction)


def refuse_to_wait() -> None:
    """Say what is wrong, instead of waiting for a lock that the same request holds."""
    if any(map(_holds_write_lock, _session_connections.get())):
        raise RuntimeError(
            "DbSession has uncommitted changes, which lock SQLite for writing. Commit them before "
            "you change sessions or accounts."
        )


def _begin(connection: Connection, *_: str) -> None:
    """Begin a transaction where the driver does not, which does so for writes of rows only."""
    driver = connection.connection.driver_connection
    if driver is not None and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _use_log(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Let readers and one writer not wait for each other.

    The file keeps it. Otherwise, the first connections of the app would all want to set it at once.
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Set what SQLite keeps per connection."""
    cursor = connection.cursor()
    try:
        # The file may come from elsewhere.
        _use_log(connection, entry)
        # A logout that was answered must survive a power cut, so every commit is synced.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()
    except Exception:
        # It is not in the pool yet, so nobody else would close it.
        connection.close()
        raise
