"""One writer at a time: who waits for SQLite's lock, and for how long."""

import asyncio
import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import delete, insert, select

from app import database
from app.database_url import path_of
from app.errors import StoreUnavailable
from app.fast_lookup import CompiledSelect, FastLookup
from app.models import LoginAttempt, User
from app.services import Services
from app.turns import hold
from app.web.dependencies import CurrentSession, CurrentUser, DbSession, Users
from tests.client import PASSWORD, Client
from tests.database import LockUsers
from tests.people import ALICE, BOB, CAROL, DAVE
from tests.test_db_session import new_user


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


@pytest.fixture
def no_garbage_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage_collector")
@pytest.mark.parametrize("by_session", [False, True])
async def test_whoever_is_cancelled_in_the_middle_of_a_statement_leaves_no_lock(
    services: Services, lock_users: LockUsers, monkeypatch: pytest.MonkeyPatch, by_session: bool
) -> None:
    execute, is_waiting = aiosqlite.Cursor.execute, asyncio.Event()

    async def note(cursor: aiosqlite.Cursor, sql: str, *values: Any) -> aiosqlite.Cursor:
        if sql.startswith("INSERT"):
            is_waiting.set()
        return await execute(cursor, sql, *values)

    async def write() -> None:
        if by_session:
            async with services.database.new_session() as db:
                db.add_all([new_user(BOB), new_user(CAROL)])
                await db.commit()
        else:
            await services.users.register(BOB, PASSWORD)

    monkeypatch.setattr(aiosqlite.Cursor, "execute", note)
    async with lock_users():
        writing = asyncio.create_task(write())
        await asyncio.wait_for(is_waiting.wait(), timeout=60)
        writing.cancel()
    # Nobody reads the result of the statement, which gets its lock now.
    await asyncio.wait({writing})
    await services.users.register(DAVE, PASSWORD)
    assert DAVE in [each.name for each in await services.users.list_users()]


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
    database_url: str,
) -> None:
    connection = sqlite3.connect(path_of(database_url))
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.parametrize("is_released", [True, False])
async def test_a_lock_of_a_moment_is_waited_for_and_a_longer_one_is_not(
    database_url: str, monkeypatch: pytest.MonkeyPatch, is_released: bool
) -> None:
    other = sqlite3.connect(path_of(database_url), isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")

    async def wait(_: float) -> None:
        if is_released:
            other.close()

    monkeypatch.setattr(asyncio, "sleep", wait)
    lookup = FastLookup(database_url)
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


async def test_of_many_that_write_at_once_the_first_comes_first(services: Services) -> None:
    async def write(number: int) -> None:
        values = {"name_hash": b"", "address": "", "at": number, "forget_at": number}
        await services.database.execute(insert(LoginAttempt).values(values))

    await asyncio.gather(*map(write, range(100)))
    rows = await services.database.fetch_all(select(LoginAttempt.at).order_by(LoginAttempt.id))
    assert [row.at for row in rows] == [*range(100)]


async def test_while_somebody_else_writes_nothing_is_deleted_where_nothing_has_expired(
    services: Services, database_url: str
) -> None:
    with closing(sqlite3.connect(path_of(database_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await services.delete_expired() == 0
