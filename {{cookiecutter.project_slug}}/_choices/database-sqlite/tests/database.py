"""A database for each test, copied from one that was migrated once."""

import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from app import engine
from tests.migrate import migrate


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk, which takes a third of every test."""
    prepare = engine._prepare

    def prepare_without_sync(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        prepare(connection, entry)
        connection.cursor().execute("PRAGMA synchronous = OFF")

    monkeypatch.setattr(engine, "_prepare", prepare_without_sync)


@contextmanager
def new_database() -> Iterator[str]:
    """Make a migrated database for as long as the block lasts; yield its URL."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'new.db').as_posix()}"
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "migrated.db"
    migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def database_url(migrated: Path) -> str:
    """Return the URL of a database without rows, which is at the same place for each test."""
    for name in ("test.db", "test.db-wal", "test.db-shm"):
        migrated.with_name(name).unlink(missing_ok=True)
    path = shutil.copy(migrated, migrated.with_name("test.db"))
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def empty_database_url(tmp_path: Path) -> str:
    path = tmp_path / "empty.db"
    path.touch()
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def unreachable_database_url(tmp_path: Path) -> str:
    path = tmp_path / "broken.db"
    path.write_bytes(b"this is no database " * 1000)
    return f"sqlite+aiosqlite:///{path}"


# What bounds the wait for a connection, in app/engine.py.
TIMEOUT = "TIMEOUT_SECONDS"

LockUsers = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def lock_users(database_url: str) -> LockUsers:
    """Hold the write lock, as another program may."""

    @asynccontextmanager
    async def lock() -> AsyncIterator[None]:
        with closing(sqlite3.connect(str(make_url(database_url).database))) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    return lock
