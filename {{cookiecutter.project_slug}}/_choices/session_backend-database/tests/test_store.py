"""Sessions in the database: what they cost, and what the tables hold."""

import pytest
from sqlalchemy import delete, func, select

from app.models import Base, SessionValue, User, UserSession
from app.services import Services
from tests.client import COOKIE, Client
from tests.conftest import Clock, Start
from tests.sessions import Begin


async def count_rows(services: Services, model: type[Base]) -> int:
    [row] = await services.database.fetch_all(select(func.count()).select_from(model))
    return int(row[0])


@pytest.mark.parametrize("path", ["/api/session", "/api/me", "/api/sessions"])
async def test_an_authenticated_request_costs_one_statement(
    client: Client, statements: list[str], path: str
) -> None:
    await client.signed_in()
    statements.clear()
    assert (await client.get(path)).status_code == 200
    statement, *listing = statements
    assert statement.startswith("SELECT")
    assert ("users.role" in statement) == (path != "/api/session")
    assert len(listing) == (path == "/api/sessions")


async def test_recording_that_a_session_was_used_costs_one_statement_more(
    client: Client, statements: list[str], clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(60)
    statements.clear()
    await client.get("/api/session")
    assert [statement.split()[0] for statement in statements] == ["SELECT", "UPDATE"]


async def test_the_token_of_a_revoked_session_costs_one_statement(
    services: Services, begin: Begin, statements: list[str]
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    statements.clear()
    assert await services.sessions.load(session.token) is None
    assert [statement.split()[0] for statement in statements] == ["SELECT"]


async def test_values_are_deleted_with_their_session(services: Services, begin: Begin) -> None:
    session = await begin()
    await session.set("theme", "dark")
    assert await count_rows(services, SessionValue) == 1
    await services.sessions.revoke(session.token)
    assert await count_rows(services, SessionValue) == 0


async def test_the_sessions_of_a_user_are_deleted_with_the_user(
    services: Services, begin: Begin
) -> None:
    await (await begin()).set("theme", "dark")
    async with services.database.new_session() as session:
        await session.execute(delete(User))
        await session.commit()
    assert await count_rows(services, UserSession) == 0
    assert await count_rows(services, SessionValue) == 0


async def test_expired_sessions_are_deleted_with_their_values(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    clock.turn(3599)
    assert await services.sessions.delete_expired() == 0
    clock.turn(1)
    assert await services.sessions.delete_expired() == 1
    assert await services.delete_expired() == 0
    assert await count_rows(services, UserSession) == 0
    assert await count_rows(services, SessionValue) == 0


async def test_each_sign_in_deletes_expired_sessions(
    services: Services, begin: Begin, clock: Clock
) -> None:
    for _ in range(3):
        await begin()
        clock.turn(3600)
    assert await count_rows(services, UserSession) == 1


async def test_a_logout_without_the_database_is_an_error_and_keeps_the_cookie(
    start: Start, client: Client, unreachable_database_url: str
) -> None:
    await client.signed_in()
    cookie = f"{COOKIE}={client.token}"
    cut_off = Client(await start(database_url=unreachable_database_url))
    assert (await cut_off.send_cookie(cookie, "/api/session")).status_code == 503
    response = await cut_off.post("/api/logout", headers={"cookie": cookie})
    assert response.status_code == 503
    assert "set-cookie" not in response.headers
