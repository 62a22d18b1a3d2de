"""Sessions in the database: what they cost, and what the tables hold."""

import pytest
from sqlalchemy import text

from app.services import Services
from tests.client import COOKIE, Client
from tests.conftest import Clock, Start
from tests.sessions import Begin


@pytest.mark.parametrize("path", ["/api/session", "/api/me", "/api/data"])
async def test_an_authenticated_request_costs_one_statement(
    client: Client, statements: list[str], path: str
) -> None:
    await client.signed_in()
    statements.clear()
    assert (await client.get(path)).status_code == 200
    [statement] = statements
    assert statement.startswith("SELECT")
    assert ("users" in statement) == (path != "/api/session")


async def test_noting_that_a_session_was_used_costs_one_more(
    client: Client, statements: list[str], clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(60)
    statements.clear()
    await client.get("/api/session")
    assert [statement.split()[0] for statement in statements] == ["SELECT", "UPDATE"]


async def test_one_that_we_signed_but_do_not_know_costs_one(
    services: Services, begin: Begin, statements: list[str]
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    statements.clear()
    assert await services.sessions.load(session.token) is None
    assert [statement.split()[0] for statement in statements] == ["SELECT"]


async def test_values_go_with_their_session(services: Services, begin: Begin) -> None:
    session = await begin()
    await session.set("theme", "dark")
    await services.sessions.revoke(session.token)
    count = text("SELECT count(*) FROM session_values")
    assert (await services.database.one(count))[0] == 0


async def test_expired_sessions_are_swept_away(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    clock.turn(3600)
    assert await services.sessions.delete_expired() == 1
    assert await services.delete_expired() == 0


async def test_signing_in_sweeps_so_that_the_table_stays_bounded(
    services: Services, begin: Begin, clock: Clock
) -> None:
    for _ in range(3):
        await begin()
        clock.turn(3600)
    count = text("SELECT count(*) FROM sessions")
    assert (await services.database.one(count))[0] == 1


async def test_a_logout_that_cannot_be_done_is_not_pretended(
    start: Start, client: Client, unreachable_database_url: str
) -> None:
    await client.signed_in()
    cookie = f"{COOKIE}={client.token}"
    cut_off = Client(await start(database_url=unreachable_database_url))
    assert (await cut_off.send_cookie(cookie, "/api/session")).status_code == 503
    response = await cut_off.post("/api/logout", headers={"cookie": cookie})
    assert response.status_code == 503
    assert "set-cookie" not in response.headers
