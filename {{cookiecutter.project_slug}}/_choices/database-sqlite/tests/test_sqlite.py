"""One file, and one writer at a time: what is peculiar to SQLite."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from stat import S_IMODE
from unittest.mock import Mock

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from anyio import to_thread
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.config import ROOT
from app.database_url import path_of
from app.models import User
from app.services import Services
from app.web.dependencies import DbSession, public
from tests.client import PASSWORD, Client
from tests.conftest import KEY, Start
from tests.migrate import alembic_config, migrate
from tests.people import BOB, FIELD, REGISTERED
from tests.routes import http_routes


def url_of(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """Return the path of a database of the test's own, with empty tables."""
    path = tmp_path / "app.db"
    migrate(url_of(path))
    return path


def files_of(path: Path) -> list[Path]:
    """Return the file of a database, and those that SQLite keeps beside it."""
    return list(path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize(
    "fault", [("os.access", False), ("shutil.disk_usage", Mock(free=0))], ids=["mode", "disk"]
)
async def test_a_file_that_cannot_be_written_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch, fault: tuple[str, object]
) -> None:
    assert (await client.get("/health/ready")).status_code == 200
    name, answer = fault
    monkeypatch.setattr(name, lambda *_: answer)
    assert (await client.get("/health/ready")).status_code == 503


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.usefixtures("no_umask")
async def test_only_its_owner_can_read_the_database(start: Start, tmp_path: Path) -> None:
    url = url_of(tmp_path / "new.db")
    await to_thread.run_sync(migrate, url)
    assert (await Client(await start(database_url=url)).signed_in()).token
    for name in ("new.db", "new.db-shm", "new.db-wal"):
        assert S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_the_mode_of_a_database_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    path.touch()
    path.chmod(0o640)
    migrate(url_of(path))
    assert S_IMODE(path.stat().st_mode) == 0o640


async def test_no_request_creates_a_database_but_one_that_comes_is_used(
    start: Start, tmp_path: Path
) -> None:
    path = tmp_path / "none.db"
    client = Client(await start(database_url=url_of(path)))
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.register()).status_code == 503
    assert not path.exists()
    await to_thread.run_sync(migrate, url_of(path))
    assert (await client.register()).status_code == REGISTERED


async def test_a_database_that_is_replaced_is_used_by_every_connection(
    start: Start, database_file: Path
) -> None:
    async def count(db: DbSession) -> int:
        return len((await db.scalars(select(User.id))).all())

    app = await start(database_url=url_of(database_file))
    app.add_api_route("/count", public(count))
    client = Client(app)
    await client.signed_in()
    assert (await client.get("/api/me")).status_code == 200
    assert (await client.get("/count")).json() == 1
    restored = database_file.with_name("restored.db")
    await to_thread.run_sync(migrate, url_of(restored))
    remove(database_file)
    restored.rename(database_file)
    # The account is not in this one, nor whoever was signed in with it.
    assert (await client.get("/api/me")).status_code == 401
    assert (await client.get("/count")).json() == 0
    assert (await client.sign_in()).status_code == 401
    assert (await client.register(BOB)).status_code == REGISTERED
    assert (await client.get("/count")).json() == 1
    assert (await client.get("/health/ready")).status_code == 200


async def test_the_app_never_looks_at_every_row_of_a_table(
    client: Client, services: Services, statements: list[str], database_url: str
) -> None:
    """What takes longer with each user and each day would be noticed after a year."""
    await client.register()
    statements.clear()
    await client.post("/api/register", json={FIELD: BOB, "password": PASSWORD})
    await client.sign_in()
    for method, path in http_routes():
        # In development, all mail is shown.
        if method in ("GET", "DELETE") and not path.startswith("/dev/"):
            await client.request(method, path)
    await services.delete_expired()
    with closing(sqlite3.connect(path_of(database_url))) as connection:
        for sql in set(statements):
            values = Nothing() if ":" in sql else [None] * sql.count("?")
            plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
            assert not [step for *_, step in plan if step.startswith("SCAN")], sql


class Nothing(dict[str, None]):
    """The values of a statement that is explained and not run."""

    def __missing__(self, name: str) -> None:
        return None


@pytest.fixture
async def reader(start: Start, database_file: Path) -> Client:
    """Sign in to an app with a database of its own, where ``/read`` reads in a DbSession."""

    async def read(db: DbSession) -> None:
        await db.get(User, 1)

    app = await start(database_url=url_of(database_file))
    app.add_api_route("/read", public(read))
    return await Client(app).signed_in()


async def test_while_a_database_is_gone_everything_is_503_and_nothing_creates_it(
    reader: Client, database_file: Path
) -> None:
    for path in ("/api/me", "/read"):
        assert (await reader.get(path)).status_code == 200
    remove(database_file)
    for _ in range(2):
        for path in ("/api/me", "/read", "/health/ready"):
            assert (await reader.get(path)).status_code == 503
        assert (await reader.sign_in()).status_code == 503
        assert (await reader.register(BOB)).status_code == 503
    assert files_of(database_file) == []
    await to_thread.run_sync(migrate, url_of(database_file))
    assert (await reader.get("/health/ready")).status_code == 200
    assert (await reader.get("/read")).status_code == 200
    assert (await reader.register(BOB)).status_code == REGISTERED


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
async def test_a_link_that_leads_to_itself_is_no_database(
    reader: Client, database_file: Path
) -> None:
    remove(database_file)
    link(database_file, database_file)
    for path in ("/api/me", "/read", "/health/ready"):
        assert (await reader.get(path)).status_code == 503


async def test_without_its_log_a_database_is_503_until_the_app_is_started_again(
    reader: Client, database_file: Path
) -> None:
    paths = ("/api/me", "/read", "/health/ready")
    assert [(await reader.get(path)).status_code for path in paths] == [200, 200, 200]
    # What the commands write from now on is in another log, which this process does not read.
    for each in files_of(database_file):
        if each != database_file:
            each.unlink()
    for _ in range(2):
        assert [(await reader.get(path)).status_code for path in paths] == [503, 503, 503]
        assert (await reader.sign_in()).status_code == 503


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def remove(path: Path) -> None:
    for each in files_of(path):
        each.unlink()


NEW_MIGRATION = """
from alembic import op

revision, down_revision = "new", {head!r}


def upgrade():
    op.execute("CREATE TABLE rooms (id INTEGER)")
    op.execute("INSERT INTO rooms VALUES (1)")
    op.execute({last!r})
"""


def test_a_migration_that_fails_half_way_changes_nothing_and_runs_once_it_is_mended(
    tmp_path: Path,
) -> None:
    path = tmp_path / "app.db"

    def tables() -> set[str]:
        with closing(sqlite3.connect(path)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}

    new = tmp_path / "versions" / "new.py"
    new.parent.mkdir()
    config = alembic_config(url_of(path))
    folders = os.pathsep.join(map(str, (ROOT / "migrations" / "versions", new.parent)))
    config.set_main_option("version_locations", folders.replace("%", "%%"))
    head = ScriptDirectory.from_config(alembic_config(url_of(path))).get_current_head()
    new.write_text(NEW_MIGRATION.format(head=head, last="INSERT INTO misspelled VALUES (1)"))
    for _ in range(2):
        with pytest.raises(OperationalError, match="misspelled"):
            command.upgrade(config, "head")
        # Nor did those before it, which it was run together with.
        assert tables() == set()
    new.write_text(NEW_MIGRATION.format(head=head, last="INSERT INTO rooms VALUES (2)"))
    command.upgrade(config, "head")
    assert tables() >= {"users", "rooms"}


def test_migrations_say_in_a_sentence_that_there_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("no database, though long enough for one. " * 40, "utf-8")
    with pytest.raises(SystemExit, match="The database is unreachable"):
        migrate(url_of(path))


def test_the_project_may_be_in_a_folder_of_any_name(tmp_path: Path) -> None:
    # Windows allows no question mark.
    folder = tmp_path / ("50% off a#b %20" if os.name == "nt" else "50% off? a#b %20 what now?")
    for part in ("app", "migrations"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "alembic.ini", folder)
    environment = {**os.environ, "SECRET_KEYS": KEY, "PYTHONDONTWRITEBYTECODE": "1"}
    for each in ("alembic upgrade head", "app purge"):
        subprocess.run(
            [sys.executable, "-m", *each.split()], cwd=folder, env=environment, check=True
        )
    assert (folder / "app.db").is_file()
    assert [*tmp_path.iterdir()] == [folder]
