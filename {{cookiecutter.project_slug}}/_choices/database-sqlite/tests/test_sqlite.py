"""One writer at a time: what a request has to know of SQLite's lock."""

import pytest

from app import engine
from app.services import Services
from app.web.dependencies import CurrentSession, CurrentUser, DbSession, Users
from tests.client import PASSWORD, Client
from tests.conftest import Start
from tests.database import TIMEOUT
from tests.test_db_session import new_user


async def test_an_account_cannot_be_created_while_the_request_holds_the_write_lock(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, TIMEOUT, 0.3)
    client = Client(await start())

    async def route(user: CurrentUser, db: DbSession, users: Users, commit: bool) -> str:
        db.add(new_user("bob"))
        await db.flush()
        if commit:
            await db.commit()
        await users.register("carol", PASSWORD)
        return user.username

    client.app.add_api_route("/route", route)
    await client.signed_in()
    assert (await client.get("/route", params={"commit": False})).status_code == 503
    assert (await client.get("/route", params={"commit": True})).status_code == 200
    services: Services = client.app.state.services
    assert [each.username for each in await services.users.list_users()] == [
        "alice",
        "bob",
        "carol",
    ]


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
