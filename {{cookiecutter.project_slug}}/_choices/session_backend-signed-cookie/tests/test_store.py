"""Sessions in their tokens: what they cost, what they say, and what the server remembers."""

from collections.abc import AsyncIterator

import pytest
from fastapi import BackgroundTasks, Request, WebSocket
from fastapi.responses import StreamingResponse
from itsdangerous.encoding import base64_decode
from sqlalchemy import func, select

from app.models import EndedSession
from app.services import Services
from app.sessions.active_session import ActiveSession
from app.sessions.session import Amr, Session, SessionEnded, TooMuchData
from app.sessions.store import KEEP_SECONDS
from app.sessions.token import SessionTokens
from app.web.dependencies import CurrentSession, public
from app.web.request_session import get_request_session
from tests.client import COOKIE, Client
from tests.conftest import KEY, Clock, Start
from tests.people import ALICE
from tests.sessions import Begin, load
from tests.websocket import Socket

PRIVATE = (ALICE, "Telephone/1.0", "192.0.2.1", "a readable text", "theme")


async def count_revoked(services: Services) -> int:
    [row] = await services.database.fetch_all(select(func.count()).select_from(EndedSession))
    return int(row[0])


@pytest.mark.parametrize("path", ["/api/session", "/api/me", "/test/values"])
async def test_an_authenticated_request_costs_one_statement(
    client: Client, statements: list[str], path: str
) -> None:
    await client.signed_in()
    statements.clear()
    assert (await client.get(path)).status_code == 200
    assert [statement.split()[0] for statement in statements] == ["SELECT"]


async def test_an_expired_token_costs_no_statement(
    client: Client, statements: list[str], clock: Clock
) -> None:
    await client.signed_in()
    token = client.token
    clock.turn(3599)
    assert await client.opens(token)
    clock.turn(1)
    statements.clear()
    assert not await client.opens(token)
    assert statements == []


async def test_nothing_personal_can_be_read_in_a_token(client: Client) -> None:
    client.headers["user-agent"] = "Telephone/1.0"
    await client.signed_in()
    await client.put("/test/values/theme", json="a readable text")
    readable = b"".join(map(base64_decode, str(client.token).split(".")))
    for words in PRIVATE:
        assert words.encode() not in readable


async def test_a_token_is_renewed_once_a_minute(client: Client, clock: Clock) -> None:
    await client.signed_in()
    first = client.token
    clock.turn(59)
    assert "set-cookie" not in (await client.get("/api/me")).headers
    clock.turn(1)
    [cookie] = (await client.get("/api/session")).headers.get_list("set-cookie")
    assert cookie.startswith(f"{COOKIE}={client.token}; Path=/; HttpOnly; Secure; SameSite=")
    assert "Max-Age" not in cookie
    assert client.token != first
    assert "set-cookie" not in (await client.get("/api/me")).headers


async def test_a_remembered_session_keeps_its_end_when_its_token_is_renewed(
    client: Client, clock: Clock
) -> None:
    await client.register()
    await client.sign_in(remember=True)
    clock.turn(86_400)
    response = await client.get("/api/me")
    assert response.headers["set-cookie"].endswith(f"; Max-Age={2_592_000 - 86_400}")


async def test_values_fit_into_the_cookie_or_are_refused(client: Client) -> None:
    await client.signed_in()
    sizes = []
    for size in range(2_000, 3_200, 20):
        response = await client.put("/test/values/x", json="x" * size)
        assert response.status_code in (204, 413)
        if response.status_code == 204:
            sizes.append(size)
            assert len(f"{COOKIE}={client.token}") <= 4096 + 1
        assert await client.is_signed_in()
    assert sizes == list(range(2_000, sizes[-1] + 1, 20))
    assert 2_600 < sizes[-1] < 3_000


async def test_recording_the_use_of_a_full_session_keeps_its_token_the_same_size(
    begin: Begin, clock: Clock
) -> None:
    session = await begin()
    with pytest.raises(TooMuchData):
        for size in range(2_000, 3_200):
            await session.set("x", "x" * size)
    length = len(session.token)
    clock.turn(0.123_456_789)
    session._change(session.record._replace(last_seen_at=clock.now, session_version=2**40))
    assert len(session.token) == length


async def test_logout_revokes_every_token_of_the_session(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    copies = [session]
    for _ in range(3):
        clock.turn(60)
        copies.append(await load(services, copies[-1]))
    await services.sessions.revoke(copies[1].token)
    for copy in copies:
        assert await services.sessions.load(copy.token) is None


async def test_a_revoked_session_is_remembered_until_all_its_tokens_have_long_expired(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session, remembered = await begin(), await begin(remember=True)
    await services.sessions.revoke(session.token, remembered.token)
    clock.turn(KEEP_SECONDS + 43_199)
    assert await services.sessions.delete_expired() == 0
    clock.turn(1)
    assert await services.sessions.delete_expired() == 1
    clock.turn(2_592_000 - 43_200)
    assert await services.delete_expired() == 1
    assert await services.sessions.load(remembered.token) is None


async def test_no_clock_that_was_days_ahead_once_reopens_what_was_revoked(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    clock.turn(KEEP_SECONDS)
    await begin()
    await services.delete_expired()
    clock.turn(60 - KEEP_SECONDS)
    assert await services.sessions.load(session.token) is None


async def test_each_sign_in_forgets_what_has_expired(
    services: Services, begin: Begin, clock: Clock
) -> None:
    for _ in range(3):
        await services.sessions.revoke((await begin()).token)
        clock.turn(KEEP_SECONDS + 43_200)
    assert await count_revoked(services) == 1
    await begin()
    assert await count_revoked(services) == 0


async def test_a_host_whose_clock_is_behind_can_revoke_a_session(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    clock.turn(-100)
    await services.sessions.revoke(session.token)
    clock.turn(100)
    assert await services.sessions.load(session.token) is None


async def test_creating_a_session_writes_nothing(services: Services, begin: Begin) -> None:
    await begin()
    assert await count_revoked(services) == 0


async def test_a_token_from_the_far_future_is_refused(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    clock.turn(-60)
    assert await services.sessions.load(session.token)
    clock.turn(-1)
    assert await services.sessions.load(session.token) is None


async def test_there_is_no_list_of_sessions(client: Client) -> None:
    await client.signed_in()
    assert (await client.get("/api/sessions")).status_code == 405
    session_id = (await client.get("/api/session")).json()["id"]
    assert (await client.delete(f"/api/sessions/{session_id}")).status_code == 404
    assert await client.is_signed_in()


async def test_ending_all_other_sessions_gives_this_one_a_new_token(client: Client) -> None:
    await client.signed_in()
    old = client.token
    response = await client.delete("/api/sessions")
    assert len(response.headers.get_list("set-cookie")) == 1
    assert await client.is_signed_in()
    assert not await client.opens(old)


async def test_of_two_requests_that_end_all_other_sessions_one_survives(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    first, second = await load(services, session), await load(services, session)
    await services.sessions.revoke_others(first)
    with pytest.raises(SessionEnded):
        await services.sessions.revoke_others(second)
    assert await services.sessions.load(first.token)
    assert await services.sessions.load(second.token) is None


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


async def test_what_changes_after_the_cookie_was_sent_is_an_error_and_not_lost(
    client: Client,
) -> None:
    errors: list[str] = []

    async def change(session: ActiveSession) -> None:
        for each in (session.set("a", 1), session.delete("a"), session.revoke_others()):
            with pytest.raises(RuntimeError) as raised:
                await each
            errors.append(str(raised.value))

    @client.app.put("/in-the-background")
    async def in_the_background(session: CurrentSession, tasks: BackgroundTasks) -> None:
        tasks.add_task(change, session)

    @client.app.put("/stream")
    async def stream(session: CurrentSession) -> StreamingResponse:
        async def send() -> AsyncIterator[bytes]:
            await change(session)
            yield b"sent"

        return StreamingResponse(send())

    @client.app.put("/found-late")
    @public
    async def found_late(request: Request, tasks: BackgroundTasks) -> None:
        async def find_and_change() -> None:
            session = await get_request_session(request).load_session()
            assert session is not None
            await change(session)

        tasks.add_task(find_and_change)

    @client.app.websocket("/socket")
    async def talk(websocket: WebSocket, session: CurrentSession) -> None:
        await change(session)
        await websocket.accept()

    await client.signed_in()
    assert (await client.put("/in-the-background")).status_code == 200
    assert (await client.put("/stream")).text == "sent"
    assert (await client.put("/found-late")).status_code == 200
    async with Socket(client, path="/socket") as socket:
        await socket.accepted()
        await socket.rest()
    assert len(errors) == 12
    assert "change the session before" in errors[0]
    # Nor is anybody signed out.
    assert await client.is_signed_in()


@pytest.mark.parametrize("text", ["A" * 110 + ".", "A" * 109 + ".", "." * 3, "A" * 5000], ids=len)
def test_a_text_without_the_form_of_a_token_is_refused(text: str) -> None:
    assert SessionTokens([KEY]).verify(text) is None


def test_the_claims_of_a_token_are_those_of_its_session() -> None:
    fields = Session(1, 2, 3.5, 4.5, 5.5, 6.5, remember=True, amr=Amr.PWD)
    token, session = SessionTokens([KEY]).generate(fields)
    assert SessionTokens([KEY]).verify(token) == session
    assert session[:8] == (1, 2, 3.5, 4.5, 5.5, 6.5, True, Amr.PWD)
