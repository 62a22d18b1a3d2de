"""The database: migrations that match the models, outages, and the columns of a user."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fastapi import FastAPI
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.ext.asyncio import create_async_engine

from app.config import ROOT
from app.fast_lookup import CompiledSelect
from app.models import Base, User
from app.services import Services
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Start
from tests.migrate import migrate
#{% if cookiecutter.session_backend == "memory" %}
from tests.sessions import HERE
#{% endif %}


def test_the_migrations_make_the_tables_of_the_models(empty_database_url: str) -> None:
    migrate(empty_database_url)
    assert differences(empty_database_url) == []


def test_the_migrations_can_be_undone_and_done_again(empty_database_url: str) -> None:
    for revision in ("head", "base", "head"):
        migrate(empty_database_url, revision)
    assert differences(empty_database_url) == []


async def test_without_the_database_nothing_is_open_and_nothing_is_broken(
    start: Start, client: Client, unreachable_database_url: str
) -> None:
    await client.signed_in()
    app = await start(database_url=unreachable_database_url)
    cut_off = Client(app)
    cookie = f"{COOKIE}={await known_token(app, client)}"
    for path in ("/api/me", "/test/user", "/health/ready"):
        response = await cut_off.send_cookie(cookie, path)
        assert response.status_code == 503, path
        assert response.headers["retry-after"].isdigit()
    for path in ("/test/public", "/health/live"):
        assert (await cut_off.get(path)).status_code == 200
    assert (await cut_off.sign_in()).status_code == 503
    assert (await cut_off.register("bob")).status_code == 503


async def test_a_database_that_is_not_migrated_is_not_ready(
    start: Start, empty_database_url: str
) -> None:
    app = await start(database_url=empty_database_url)
    assert (await Client(app).get("/health/ready")).status_code == 503


async def test_the_first_requests_of_a_new_process_are_all_let_in(
    start: Start, client: Client
) -> None:
    await client.signed_in()
    app = await start()
    token = await known_token(app, client)
    assert all(await asyncio.gather(*(Client(app).opens(token) for _ in range(8))))


async def test_a_user_who_is_deleted_from_the_database_is_signed_out(client: Client) -> None:
    await client.signed_in()
    assert await client.app.state.services.database.execute(delete(User)) == 1
    assert not await client.is_signed_in()


async def test_a_lookup_returns_the_types_of_the_columns(services: Services) -> None:
    await services.users.register("alice", PASSWORD)
    columns = (User.id, User.username, User.is_active, User.created_at)
    lookup = CompiledSelect(select(*columns).where(User.username == bindparam("name")))
    row = await services.database.fast_lookup.fetch_one(lookup, {"name": "alice"})
    assert row == (1, "alice", True, services.clock())
    assert [type(value) for value in row or ()] == [int, str, bool, float]
    assert await services.database.fast_lookup.fetch_one(lookup, {"name": "bob"}) is None


# What an owner adds to the model of a user.
COLUMNS = """
    nickname: Mapped[str] = mapped_column(String(64), default="Al")
    birthday: Mapped[datetime.date] = mapped_column(default=datetime.date(2001, 2, 3))
    plan: Mapped[Plan] = mapped_column(default=Plan.FREE)
    preferences: Mapped[dict[str, Any]] = mapped_column(JSON, default={"theme": "dark"})
"""
IMPORTS = """
import datetime
import enum

from sqlalchemy import JSON


class Plan(enum.Enum):
    FREE = 1

"""
USE = """
import asyncio

from app.config import Settings
from app.main import create_app
from app.models import Base
from app.web.dependencies import CurrentUser
from tests.client import Client

app = create_app(Settings.load())


@app.get("/profile")
async def profile(user: CurrentUser) -> tuple[str, int, str, str]:
    return user.nickname, user.birthday.year, user.plan.name, user.preferences["theme"]


async def main() -> None:
    async with app.state.services.database.new_session() as session:
        await (await session.connection()).run_sync(Base.metadata.create_all)
        await session.commit()
    client = await Client(app).signed_in()
    print((await client.get("/profile")).text)
    await app.state.services.close()


asyncio.run(main())
"""


def test_columns_that_the_owner_adds_to_a_user_are_on_the_user_of_a_request(
    settings: dict[str, Any], empty_database_url: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "app", tmp_path / "app")
    models = tmp_path / "app" / "models.py"
    code = models.read_text("utf-8").replace("\n\n\nclass Base(", f"\n{IMPORTS}\n\nclass Base(")
    created_at = "    created_at: Mapped[float]\n"
    models.write_text(code.replace(created_at, created_at + COLUMNS, 1), "utf-8")
    changed = {**settings, "database_url": empty_database_url}
    variables = {name.upper(): value for name, value in changed.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={**os.environ, **variables, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == '["Al",2001,"FREE","dark"]\n', done.stderr


async def known_token(app: FastAPI, client: Client) -> str:
    """Return a token for the user of a client that another app knows, as another process would."""
    #{% if cookiecutter.session_backend == "memory" %}
    user_id = (await client.get("/api/me")).json()["id"]
    session = await app.state.services.sessions.create(user_id, 0, HERE)
    return str(session.token)
    #{% else %}
    assert app is not client.app
    return str(client.token)
    #{% endif %}


def differences(database_url: str) -> list[object]:
    """Compare a database with the models."""

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async def connect() -> list[object]:
        engine = create_async_engine(database_url)
        async with engine.connect() as connection:
            found = await connection.run_sync(compare)
        await engine.dispose()
        return found

    return asyncio.run(connect())
