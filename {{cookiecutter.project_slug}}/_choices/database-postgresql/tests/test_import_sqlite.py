"""The move from SQLite: everything arrives, once, or nothing does."""

import sqlite3
from pathlib import Path

import pytest
from anyio import to_thread
from sqlalchemy import Engine, create_engine, insert, select, text
from sqlalchemy.exc import CompileError

from app.models import Base, User
from app.services import Services
from tests.cli import Run
from tests.client import Client
from tests.people import ALICE, BOB


def sqlite_engine(file: Path) -> Engine:
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(file))


@pytest.fixture
async def file(tmp_path: Path, client: Client, services: Services) -> Path:
    """Return a SQLite database with Alice in it, who is the only one left of forty."""
    await client.register()
    users = await services.database.fetch_all(select(*User.__table__.columns))
    [revision] = await services.database.fetch_all(text("SELECT version_num FROM alembic_version"))
    await services.users.delete(ALICE)
    file = tmp_path / "app #1?.db"
    engine = sqlite_engine(file)
    with engine.begin() as connection:
        try:
            Base.metadata.create_all(connection)
        except CompileError as error:
            # No SQLite file can have your tables, so there is nothing left to import.
            pytest.skip(f"Delete import-sqlite, as README.md says: {error}")
        connection.execute(insert(Base.metadata.tables["users"]), [row._asdict() for row in users])
        connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)"))
        connection.execute(text("INSERT INTO sqlite_sequence VALUES ('users', 40)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(
            text("INSERT INTO alembic_version VALUES (:head)"), {"head": revision[0]}
        )
    engine.dispose()
    return file


async def move(run: Run, file: Path) -> tuple[int, str, str]:
    return await to_thread.run_sync(run, "import-sqlite", str(file))


async def test_whoever_has_an_account_signs_in_and_the_next_gets_a_new_id(
    run: Run, file: Path, client: Client, services: Services
) -> None:
    assert (await client.sign_in()).status_code == 401
    status, out, _ = await move(run, file)
    assert status == 0
    assert "users\t1\n" in out
    assert (await client.sign_in()).status_code == 200
    assert (await client.get("/api/me")).json()["role"] == "user"
    await client.register(BOB)
    assert (await services.users.find(BOB)).id == 41


async def test_a_second_time_brings_nothing_back(
    run: Run, file: Path, client: Client, services: Services
) -> None:
    await move(run, file)
    await services.users.disable(ALICE)
    status, _, error = await move(run, file)
    assert status == 1
    assert "Nothing was copied. The database has accounts already." in error
    assert (await client.sign_in()).status_code == 401


async def test_a_file_that_cannot_be_copied_whole_is_not_copied(
    run: Run, file: Path, services: Services
) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("ALTER TABLE links RENAME TO other")
    status, _, error = await move(run, file)
    assert status == 1
    assert "This is no database of this app: no such table: links" in error
    assert await services.users.list_users() == []


async def test_a_file_of_another_version_is_not_copied(run: Run, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    status, _, error = await move(run, file)
    assert status == 1
    assert "alembic upgrade head" in error


def test_a_file_that_is_not_there_is_not_made(run: Run, tmp_path: Path) -> None:
    status, _, error = run("import-sqlite", str(tmp_path / "none.db"))
    assert status == 1
    assert "unable to open database file" in error
    assert [*tmp_path.iterdir()] == []
