"""One file, and one writer at a time: what is peculiar to SQLite."""

import asyncio
import gc
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
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import OperationalError

from app import database
from app.config import ROOT
from app.database_url import path_of
from app.errors import StoreUnavailable
from app.fast_lookup import CompiledSelect, FastLookup
from app.models import LoginAttempt, User
from app.services import Services
from app.turns import hold
from app.web.dependencies import CurrentSession, CurrentUser, DbSession, Users, public
from tests.client import PASSWORD, Client
from tests.conftest import KEY, Start
from tests.database import LockUsers
from tests.migrate import alembic_config, migrate
from tests.people import ALICE, BOB, CAROL, DAVE, FIELD, REGISTERED, name_of
from tests.routes import http_routes
from tests.test_db_session import new_user


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


async def test_a_request_that_waits_for_its_own_lock_is_told_to_commit(client: Client) -> None:
    async def route(user: CurrentUser, db: DbSession, users: Users) -> str:
        db.add(new_user(BOB))
        await db.flush()
        with pytest.raises(RuntimeError) as caught:
            await users.register(CAROL, PASSWORD)
        await db.commit()
        await users.register(DAVE, PASSWORD)
        return f"{user.name} {caught.value}"

    client.app.add_api_route("/route", route)
    await client.signed_in()
    text = (await client.get("/route")).json()
    assert "Commit them before you change sessions or accounts." in text
    services: Services = client.app.state.services
    users = await services.users.list_users()
    assert [each.name for each in users] == [ALICE, BOB, DAVE]


async def test_whoever_is_told_to_commit_waits_for_nobody(services: Services) -> None:
    new_session = services.database.new_session
    async with new_session() as db, new_session() as reading:
        db.add(new_user(BOB))
        await db.flush()
        # Another session that the request has used since holds no lock.
        await reading.scalar(select(User.id))
        # Somebody else has the turn to write, and waits for the lock of this request.
        async with hold(services.database._writers, seconds=10):
            with pytest.raises(RuntimeError):
                await services.users.register(CAROL, PASSWORD)


async def test_whoever_is_cancelled_in_the_middle_of_a_statement_leaves_no_lock(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_written = asyncio.Event()

    async def read_no_result(_: object) -> None:
        has_written.set()
        await asyncio.Event().wait()

    async def register() -> User:
        return await services.users.register(ALICE, PASSWORD)

    async def add() -> None:
        async with services.database.new_session() as db:
            db.add_all([new_user(BOB), new_user(CAROL)])
            await db.commit()

    # Nothing is left to the garbage collector.
    gc.disable()
    try:
        for write in (register, add):
            has_written.clear()
            with monkeypatch.context() as patched:
                patched.setattr("aiosqlite.Cursor.fetchall", read_no_result)
                writing = asyncio.create_task(write())
                await asyncio.wait_for(has_written.wait(), timeout=60)
                writing.cancel()
                await asyncio.wait({writing})
            await services.users.register(name_of(f"after-{write.__name__}"), PASSWORD)
    finally:
        gc.enable()
    names = [each.name for each in await services.users.list_users()]
    assert names == [name_of("after-register"), name_of("after-add")]


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


async def test_a_session_that_has_ended_holds_no_lock(services: Services) -> None:
    new_session = services.database.new_session
    async with new_session() as db:
        db.add(new_user(BOB))
        await db.flush()
    await services.users.register(CAROL, PASSWORD)
    async with new_session.begin() as db:
        db.add(new_user(DAVE))
        await db.flush()
    await services.users.register(ALICE, PASSWORD)
    users = await services.users.list_users()
    assert [each.name for each in users] == [CAROL, DAVE, ALICE]


async def test_a_request_that_has_read_can_change_its_session_and_create_an_account(
    client: Client,
) -> None:
    async def route(
        user: CurrentUser, session: CurrentSession, db: DbSession, users: Users
    ) -> None:
        await db.refresh(await db.merge(user))
        await session.set("theme", "dark")
        await users.register(BOB, PASSWORD)
        db.add(new_user(CAROL))
        await db.commit()

    client.app.add_api_route("/route", route)
    await client.signed_in()
    assert (await client.get("/route")).status_code == 200
    assert (await client.get("/test/values")).json() == {"theme": "dark"}


def test_readers_and_a_writer_do_not_wait_for_each_other_from_the_first_connection_on(
    database_file: Path,
) -> None:
    connection = sqlite3.connect(database_file)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.parametrize("is_released", [True, False])
async def test_a_lock_of_a_moment_is_waited_for_and_a_longer_one_is_not(
    database_file: Path, monkeypatch: pytest.MonkeyPatch, is_released: bool
) -> None:
    other = sqlite3.connect(database_file, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")

    async def wait(_: float) -> None:
        if is_released:
            other.close()

    monkeypatch.setattr(asyncio, "sleep", wait)
    lookup = FastLookup(url_of(database_file))
    if is_released:
        assert await lookup.fetch_all(CompiledSelect(select(User.id)), {}) == []
    else:
        with pytest.raises(StoreUnavailable):
            await lookup.fetch_all(CompiledSelect(select(User.id)), {})
        other.close()
    await lookup.close()


async def test_a_statement_that_hangs_is_given_up(
    services: Services, lock_users: LockUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.users.register(ALICE, PASSWORD)
    async with lock_users():
        with monkeypatch.context() as patched, pytest.raises(StoreUnavailable):
            patched.setattr(database, "DEADLINE_SECONDS", 0.1)
            await services.database.execute(delete(User))
    assert [each.name for each in await services.users.list_users()] == [ALICE]


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


async def test_of_many_that_write_at_once_the_first_comes_first(services: Services) -> None:
    async def write(number: int) -> None:
        values = {"name_hash": b"", "address": "", "at": number, "forget_at": number}
        await services.database.execute(insert(LoginAttempt).values(values))

    await asyncio.gather(*map(write, range(100)))
    rows = await services.database.fetch_all(select(LoginAttempt.at).order_by(LoginAttempt.id))
    assert [row.at for row in rows] == [*range(100)]


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


async def test_while_somebody_else_writes_nothing_is_deleted_where_nothing_has_expired(
    services: Services, database_url: str
) -> None:
    with closing(sqlite3.connect(path_of(database_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await services.delete_expired() == 0


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
