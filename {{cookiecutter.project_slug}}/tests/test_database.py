"""The database: migrations that fit, units of work, and what happens without it."""

import asyncio
#{% if cookiecutter.database == "postgresql" %}
import os
#{% endif %}

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
#{% if cookiecutter.database == "postgresql" %}
from sqlalchemy import Connection, bindparam, delete, select, text
#{% else %}
from sqlalchemy import Connection, bindparam, select
#{% endif %}
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from app.models import Base, User
from app.fast_lookup import CompiledSelect
from app.services import Services
#{% if cookiecutter.database == "postgresql" %}
from app.errors import StoreUnavailable
#{% endif %}
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Start
from tests.migrate import migrate


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
    cookie = f"{COOKIE}={client.token}"
    app = await start(database_url=unreachable_database_url)
    #{% if cookiecutter.session_backend == "memory" %}
    store = app.state.services.sessions._store
    store._sessions = client.app.state.services.sessions._store._sessions
    #{% endif %}
    cut_off = Client(app)
    for path in ("/api/me", "/api/session/data", "/health/ready"):
        response = await cut_off.send_cookie(cookie, path)
        assert response.status_code == 503, path
        assert response.headers["retry-after"].isdigit()
    for path in ("/api/public", "/health/live"):
        assert (await cut_off.get(path)).status_code == 200
    assert (await cut_off.sign_in()).status_code == 503


async def test_a_unit_of_work_is_kept_whole_or_not_at_all(client: Client) -> None:
    await client.register()
    database = client.app.state.services.database
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as work:
            (await work.get_one(User, 1)).role = "admin"
            await work.flush()
            raise ZeroDivisionError
    async with database.transaction() as work:
        assert (await work.get_one(User, 1)).role == "user"


async def test_an_error_of_the_block_itself_is_not_taken_for_the_database(
    client: Client,
) -> None:
    database = client.app.state.services.database
    with pytest.raises(FileNotFoundError):
        async with database.transaction():
            raise FileNotFoundError


async def test_two_units_of_work_that_read_before_they_write_both_succeed(
    client: Client,
) -> None:
    await client.register()
    database = client.app.state.services.database

    async def count_up() -> None:
        async with database.transaction() as work:
            user = await work.get_one(User, 1, with_for_update=True)
            user.session_version += 1

    await asyncio.gather(*(count_up() for _ in range(8)))
    async with database.transaction() as work:
        assert (await work.get_one(User, 1)).session_version == 8


async def test_an_account_that_is_deleted_takes_its_sessions_along(client: Client) -> None:
    await client.signed_in()
    async with client.app.state.services.database.transaction() as work:
        await work.delete(await work.get_one(User, 1))
    assert not await client.is_signed_in()


async def test_an_error_does_not_show_the_values(client: Client) -> None:
    await client.register("alice")
    with pytest.raises(IntegrityError) as caught:
        async with client.app.state.services.database.transaction() as work:
            work.add(User(id=1, username="bob", password_hash="a secret hash", role="user"))
    assert "a secret hash" not in str(caught.value)


#{% if cookiecutter.database == "postgresql" %}
async def test_a_connection_that_only_reads_does_not_stay(services: Services) -> None:
    await services.users.register("alice", PASSWORD)
    await services.database.run(text("SET default_transaction_read_only = on"))
    with pytest.raises(StoreUnavailable):
        await services.database.run(delete(User))
    assert await services.database.run(delete(User)) == 1


#{% endif %}
async def test_a_database_that_is_not_migrated_is_not_ready(
    start: Start, empty_database_url: str
) -> None:
    app = await start(database_url=empty_database_url)
    assert (await Client(app).get("/health/ready")).status_code == 503


#{% if cookiecutter.database == "postgresql" %}
def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def test_a_server_that_was_started_anew_is_found_by_itself(client: Client) -> None:
    await client.signed_in()

    database = client.app.state.services.database

    async def ask_all() -> set[int]:
        # So many at once that there are several connections of each kind.
        paths = ["/api/me", "/health/ready"] * 3
        statements = [asyncio.create_task(database.run(text("SELECT 1"))) for _ in range(5)]
        statuses = {each.status_code for each in await asyncio.gather(*map(client.get, paths))}
        await asyncio.gather(*statements)
        return statuses

    assert await ask_all() == {200}
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    async with database.transaction() as work:
        processes = list(await work.scalars(text(f"SELECT pid {others}")))
        await work.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
        # With the process goes its connection.
        while any(map(exists, processes)):
            await work.execute(text("SELECT 1"))
    assert await ask_all() == {200}


#{% endif %}
async def test_those_who_are_the_first_to_come_are_all_let_in(
    start: Start, client: Client
) -> None:
    await client.signed_in()
    app = await start()
    #{% if cookiecutter.session_backend == "memory" %}
    store = app.state.services.sessions._store
    store._sessions = client.app.state.services.sessions._store._sessions
    #{% endif %}
    anew = Client(app)
    assert all(await asyncio.gather(*(anew.opens(client.token) for _ in range(8))))


async def test_what_the_database_gives_has_the_types_of_its_columns(services: Services) -> None:
    await services.users.register("alice", PASSWORD)
    columns = (User.id, User.username, User.is_active, User.created_at)
    lookup = CompiledSelect(select(*columns).where(User.username == bindparam("name")))
    row = await services.database.fetch_row(lookup, {"name": "alice"})
    assert row == (1, "alice", True, services.clock())
    assert [type(value) for value in row or ()] == [int, str, bool, float]
    assert await services.database.fetch_row(lookup, {"name": "bob"}) is None


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
