"""``DbSession``: an ordinary AsyncSession of the request, used as SQLAlchemy documents it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError

from app import engine
from app.models import LoginAttempt, User
from app.services import Services
from app.web.dependencies import CurrentUser, DbSession, public
from tests.client import PASSWORD, Client
from tests.conftest import Start
from tests.database import TIMEOUT, LockUsers
from tests.people import ALICE, BOB, CAROL, DAVE, FIELD

Route = Callable[..., Any]


def new_user(name: str) -> User:
    return User(name=name, password_hash="a secret hash", role="user", created_at=0.0)


async def call(app: FastAPI, route: Route) -> httpx2.Response:
    """Add a route of the owner's, and let an anonymous client call it."""
    app.add_api_route(f"/{route.__name__}", public(route), methods=["POST"])
    return await Client(app).post(f"/{route.__name__}")


async def soon(waiting: Coroutine[Any, Any, object]) -> None:
    """Wait for what happens at once, unless the test fails."""
    await asyncio.wait_for(waiting, timeout=10)


async def names(app: FastAPI) -> list[str]:
    services: Services = app.state.services
    return [user.name for user in await services.users.list_users()]


async def test_what_is_added_and_committed_can_be_refreshed_and_stays(app: FastAPI) -> None:
    async def create(db: DbSession) -> list[Any]:
        user = new_user(BOB)
        db.add(user)
        await db.commit()
        assert user.id == 1
        await db.refresh(user)
        return [user.name, user.is_active, user.session_version]

    assert (await call(app, create)).json() == [BOB, True, 0]
    assert await names(app) == [BOB]


async def test_a_begin_block_commits_at_its_end_and_rolls_back_on_an_error(app: FastAPI) -> None:
    async def create(db: DbSession) -> None:
        async with db.begin():
            db.add(new_user(BOB))
        with suppress(ZeroDivisionError):
            async with db.begin():
                db.add(new_user(CAROL))
                await db.flush()
                raise ZeroDivisionError

    assert (await call(app, create)).status_code == 200
    assert await names(app) == [BOB]


async def test_a_session_goes_on_after_a_rollback(app: FastAPI) -> None:
    async def create(db: DbSession) -> None:
        for name in (BOB, BOB, CAROL):
            db.add(new_user(name))
            try:
                await db.commit()
            except IntegrityError:
                await db.rollback()

    assert (await call(app, create)).status_code == 200
    assert await names(app) == [BOB, CAROL]


async def test_a_savepoint_is_rolled_back_alone_and_with_its_transaction(app: FastAPI) -> None:
    async def create(db: DbSession) -> None:
        async with db.begin_nested():
            db.add(new_user(BOB))
        await db.rollback()
        db.add(new_user(CAROL))
        with suppress(ZeroDivisionError):
            async with db.begin_nested():
                db.add(new_user(DAVE))
                await db.flush()
                raise ZeroDivisionError
        await db.commit()

    assert (await call(app, create)).status_code == 200
    assert await names(app) == [CAROL]


async def test_what_is_not_committed_is_rolled_back_with_the_request(app: FastAPI) -> None:
    async def forget_to_commit(db: DbSession) -> list[str]:
        db.add(new_user(BOB))
        return list(await db.scalars(select(User.name)))

    async def fail(db: DbSession) -> None:
        db.add(new_user(CAROL))
        await db.flush()
        raise ZeroDivisionError

    assert (await call(app, forget_to_commit)).json() == [BOB]
    assert (await call(app, fail)).status_code == 500
    assert await names(app) == []


async def test_a_commit_that_fails_is_no_success_for_the_client(client: Client) -> None:
    await client.register(ALICE)

    async def create(db: DbSession) -> None:
        db.add(new_user(ALICE))
        await db.commit()

    assert (await call(client.app, create)).status_code == 500
    assert await names(client.app) == [ALICE]


async def test_reading_holds_up_no_writer(start: Start) -> None:
    app = await start(database_statement_timeout=1)
    is_read, may_go = asyncio.Barrier(4), asyncio.Event()

    async def read(db: DbSession) -> int:
        found = (await db.scalars(select(User))).all()
        await soon(is_read.wait())
        await may_go.wait()
        return len(found)

    async def write(db: DbSession) -> None:
        db.add(new_user(BOB))
        await db.commit()

    app.add_api_route("/read", public(read))
    reading = [asyncio.create_task(Client(app).get("/read")) for _ in range(3)]
    await soon(is_read.wait())
    written = await call(app, write)
    may_go.set()
    assert written.status_code == 200
    assert [each.json() for each in await asyncio.gather(*reading)] == [0, 0, 0]


async def test_requests_that_read_before_they_write_all_succeed(app: FastAPI) -> None:
    """None is refused for what it has read: the first write takes the write lock at once."""
    await app.state.services.users.register(ALICE, PASSWORD)
    have_read = asyncio.Barrier(4)

    async def count(db: DbSession) -> None:
        user = await db.get_one(User, 1)
        await soon(have_read.wait())
        more = update(User).where(User.id == user.id).values(created_at=User.created_at + 1)
        await db.execute(more)
        await db.commit()

    before = (await app.state.services.users.find(ALICE)).created_at
    responses = await asyncio.gather(*(call(app, count) for _ in range(4)))
    assert [each.status_code for each in responses] == [200] * 4
    assert (await app.state.services.users.find(ALICE)).created_at == before + 4


async def test_a_request_that_finds_no_free_connection_gets_503(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, TIMEOUT, 0.1)
    app = await start(database_pool_size=1)
    monkeypatch.undo()
    is_read, may_go = asyncio.Event(), asyncio.Event()

    async def read(db: DbSession) -> None:
        await db.get(User, 1)
        is_read.set()
        await may_go.wait()

    first = asyncio.create_task(call(app, read))
    await soon(is_read.wait())
    second = await Client(app).post("/read")
    assert second.status_code == 503
    assert second.headers["retry-after"].isdigit()
    # The app's own connections are apart.
    client = await Client(app).signed_in()
    may_go.set()
    assert (await first).status_code == 200
    assert (await client.post("/read")).status_code == 200


async def test_an_unreachable_database_is_answered_with_503(
    start: Start, unreachable_database_url: str
) -> None:
    async def read(db: DbSession) -> None:
        await db.get(User, 1)

    response = await call(await start(database_url=unreachable_database_url), read)
    assert response.status_code == 503
    assert response.headers["retry-after"].isdigit()


async def test_a_lock_that_another_program_holds_is_answered_with_503(
    start: Start, lock_users: LockUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, TIMEOUT, 1)
    app = await start(database_statement_timeout=1)
    client = await Client(app).signed_in()

    async def write(db: DbSession) -> None:
        db.add(new_user(BOB))
        await db.commit()

    async with lock_users():
        mine, own = await asyncio.gather(call(app, write), client.register(CAROL))
    assert (mine.status_code, own.status_code) == (503, 503)
    assert (await client.post("/write")).status_code == 200
    assert await names(app) == [ALICE, BOB]


@pytest.mark.parametrize("error", [FileNotFoundError, TimeoutError, ConnectionError])
async def test_an_error_of_the_route_is_not_taken_for_one_of_the_database(
    app: FastAPI, error: type[OSError]
) -> None:
    async def fail(db: DbSession) -> None:
        await db.get(User, 1)
        raise error

    assert (await call(app, fail)).status_code == 500


@pytest.mark.parametrize(
    "condition", [LoginAttempt.name_hash == "text", User.id == 2**80], ids=["type", "size"]
)
async def test_a_value_that_does_not_fit_its_column_is_an_error_of_the_route(
    app: FastAPI, condition: ColumnElement[bool]
) -> None:
    async def find(db: DbSession) -> None:
        await db.scalar(select(1).where(condition))

    assert (await call(app, find)).status_code == 500


async def test_an_error_does_not_show_the_values(client: Client) -> None:
    await client.register(ALICE)
    services: Services = client.app.state.services
    async with services.database.new_session() as session:
        session.add(new_user(ALICE))
        with pytest.raises(IntegrityError) as caught:
            await session.commit()
    assert "a secret hash" not in str(caught.value)


async def test_the_user_of_a_request_can_be_changed_in_its_session(client: Client) -> None:
    async def change(user: CurrentUser, db: DbSession) -> str:
        db.add(user)
        user.role = "admin"
        await db.commit()
        await db.refresh(user, ["role"])
        return user.role

    client.app.add_api_route("/change", change)
    await client.signed_in()
    assert (await client.get("/change")).json() == "admin"
    assert (await client.get("/api/me")).json()["role"] == "admin"
    assert (await client.sign_in()).status_code == 200


async def test_the_user_of_a_request_has_no_password_hash(client: Client) -> None:
    async def show(user: CurrentUser) -> Any:
        return user

    client.app.add_api_route("/show", show, response_model=None)
    await client.signed_in()
    shown = (await client.get("/show")).json()
    assert shown[FIELD] == ALICE
    assert set(shown) == {column.key for column in User.__table__.columns} - {"password_hash"}
