"""One writer at a time: what a request has to know of SQLite's lock."""

import pytest
from sqlalchemy import delete

from app import database
from app.errors import StoreUnavailable
from app.models import User
from app.services import Services
from app.web.dependencies import CurrentSession, CurrentUser, DbSession, Users
from tests.client import PASSWORD, Client
from tests.database import LockUsers
from tests.test_db_session import new_user


async def test_a_request_that_waits_for_its_own_lock_is_told_to_commit(client: Client) -> None:
    async def route(user: CurrentUser, db: DbSession, users: Users) -> str:
        db.add(new_user("bob"))
        await db.flush()
        with pytest.raises(RuntimeError) as caught:
            await users.register("carol", PASSWORD)
        await db.commit()
        await users.register("dave", PASSWORD)
        return f"{user.username} {caught.value}"

    client.app.add_api_route("/route", route)
    await client.signed_in()
    text = (await client.get("/route")).json()
    assert "Commit them before you change sessions or accounts." in text
    services: Services = client.app.state.services
    users = await services.users.list_users()
    assert [each.username for each in users] == ["alice", "bob", "dave"]


async def test_a_request_that_has_read_can_change_its_session_and_create_an_account(
    client: Client,
) -> None:
    async def route(
        user: CurrentUser, session: CurrentSession, db: DbSession, users: Users
    ) -> None:
        await db.refresh(await db.merge(user))
        await session.set("theme", "dark")
        await users.register("bob", PASSWORD)
        db.add(new_user("carol"))
        await db.commit()

    client.app.add_api_route("/route", route)
    await client.signed_in()
    assert (await client.get("/route")).status_code == 200
    assert (await client.get("/test/values")).json() == {"theme": "dark"}


async def test_a_statement_that_hangs_is_given_up(
    services: Services, lock_users: LockUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "DEADLINE_SECONDS", 0.1)
    await services.users.register("alice", PASSWORD)
    async with lock_users():
        with pytest.raises(StoreUnavailable):
            await services.database.execute(delete(User))
    assert [each.username for each in await services.users.list_users()] == ["alice"]
