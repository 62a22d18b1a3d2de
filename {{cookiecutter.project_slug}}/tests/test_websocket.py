"""WebSockets: opened by the session, and no longer open than it is active."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from starlette.websockets import WebSocket

from app.errors import StoreUnavailable
from app.sessions.service import SessionService
from app.web import websocket as web_websocket
from app.web.dependencies import CurrentAuth, CurrentUser, Sessions
from app.web.websocket import push_until_session_ends, run_until_session_ends
from tests.client import COOKIE, ORIGIN, Client
from tests.conftest import PRODUCTION, Clock, Start
from tests.people import ALICE, BOB, FIELD
from tests.websocket import SESSION_ENDED, Socket

FRONT_END = "https://front.example"


@pytest.fixture
def checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check sessions without waiting in between."""
    monkeypatch.setattr(web_websocket, "CHECK_SECONDS", 0.01)


async def unreachable(*_: object) -> bool:
    raise StoreUnavailable


async def test_a_websocket_knows_who_is_signed_in(client: Client) -> None:
    await client.signed_in()
    async with Socket(client) as socket:
        await socket.accepted()
        assert await socket.receive_text() == ALICE
        socket.send_text("hello")
        assert await socket.receive_text() == "hello"


@pytest.mark.parametrize("header", ["content-length: 99999999", "transfer-encoding: chunked"])
async def test_a_handshake_that_announces_a_body_opens_a_websocket_all_the_same(
    client: Client, header: str
) -> None:
    await client.signed_in()
    async with Socket(client, dict([header.split(": ")])) as socket:
        await socket.accepted()
        assert await socket.receive_text() == ALICE
        socket.send_text("hello")
        assert await socket.receive_text() == "hello"


@pytest.mark.usefixtures("checked_at_once")
async def test_the_websocket_of_the_app_says_who_is_signed_in_and_hears_of_the_end(
    client: Client,
) -> None:
    await client.signed_in()
    async with Socket(client, path="/api/ws") as socket:
        await socket.accepted()
        assert json.loads(await socket.receive_text()) == {FIELD: ALICE}
        socket.send_text("ignored")
        await client.post("/api/logout")
        assert await socket.receive() == SESSION_ENDED
    async with Socket(client, path="/api/ws") as socket:
        await socket.accepted()
        assert await socket.receive() == SESSION_ENDED


async def test_one_user_cannot_take_all_connections(client: Client, other: Client) -> None:
    await client.signed_in()
    await other.signed_in(BOB)
    async with AsyncExitStack() as stack:
        for _ in range(web_websocket.MAX_SOCKETS):
            socket = await stack.enter_async_context(Socket(client))
            await socket.accepted()
        async with Socket(client) as refused:
            assert (await refused.receive())["status"] == 403
        async with Socket(other) as socket:
            await socket.accepted()
    async with Socket(client) as again:
        await again.accepted()


async def test_without_a_session_a_websocket_is_closed_with_1008(client: Client) -> None:
    for headers in ({}, {"cookie": f"{COOKIE}=forged"}):
        async with Socket(client, headers) as socket:
            await socket.accepted()
            assert await socket.receive() == SESSION_ENDED


async def test_a_handshake_from_another_origin_is_refused(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.signed_in()
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{ORIGIN}.evil.example"},
        {"origin": f"{ORIGIN}:444"},
        {"origin": "http://localhost"},
        {"sec-fetch-site": "same-site", "origin": "https://sub.localhost"},
        {"sec-fetch-site": "cross-site"},
    ):
        caplog.clear()
        async with Socket(client, headers) as socket:
            refused = await socket.receive()
            assert (refused["type"], refused["status"]) == ("websocket.http.response.start", 403)
            names = {name for name, _ in refused["headers"]}
            assert {b"content-security-policy", b"permissions-policy"} <= names
        assert "malicious_cors" in caplog.text


async def test_own_pages_and_trusted_front_ends_may_open_a_websocket(start: Start) -> None:
    client = await Client(await start(trusted_origins=FRONT_END)).signed_in()
    for headers in (
        {"origin": ORIGIN, "sec-fetch-site": "same-origin"},
        {"origin": FRONT_END, "sec-fetch-site": "cross-site"},
    ):
        async with Socket(client, headers) as socket:
            await socket.accepted()
            assert await socket.receive_text() == ALICE


async def test_a_websocket_for_another_host_is_refused(start: Start) -> None:
    client = await Client(await start(**PRODUCTION)).signed_in()
    async with Socket(client, {"host": "evil.example"}) as socket:
        assert (await socket.receive())["status"] == 400


async def log_out(client: Client, _: Clock) -> None:
    await client.post("/api/logout")


async def disable_account(client: Client, _: Clock) -> None:
    await client.app.state.services.users.disable(ALICE)


async def let_it_expire(_: Client, clock: Clock) -> None:
    clock.turn(3600)


@pytest.mark.usefixtures("checked_at_once")
@pytest.mark.parametrize("end", [log_out, disable_account, let_it_expire])
async def test_a_websocket_closes_when_the_session_ends(
    client: Client, clock: Clock, end: Callable[[Client, Clock], Awaitable[None]]
) -> None:
    await client.signed_in()
    async with Socket(client) as socket:
        await socket.accepted()
        assert await socket.receive_text() == ALICE
        await end(client, clock)
        assert await socket.receive() == SESSION_ENDED


def test_a_websocket_closes_within_five_seconds_of_the_end() -> None:
    # A store that does not respond is given up after two more.
    assert 0 < web_websocket.CHECK_SECONDS < 3


@pytest.mark.usefixtures("checked_at_once")
async def test_an_open_websocket_does_not_count_as_use(
    client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_active, checked = SessionService.is_active, asyncio.Event()

    async def note(sessions: SessionService, token: str) -> bool:
        checked.set()
        return await is_active(sessions, token)

    await client.signed_in()
    monkeypatch.setattr(SessionService, "is_active", note)
    async with Socket(client) as socket:
        await socket.accepted()
        assert await socket.receive_text() == ALICE
        clock.turn(3599)
        checked.clear()
        await asyncio.wait_for(checked.wait(), timeout=10)
        clock.turn(1)
        assert await socket.receive() == SESSION_ENDED


@pytest.mark.usefixtures("checked_at_once")
async def test_a_websocket_closes_with_1013_when_a_store_is_out_of_reach(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.signed_in()
    monkeypatch.setattr(SessionService, "is_active", unreachable)
    async with Socket(client) as socket:
        await socket.accepted()
        assert await socket.receive_text() == ALICE
        assert (await socket.receive())["code"] == 1013


async def test_no_websocket_opens_while_a_store_is_out_of_reach(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.signed_in()
    monkeypatch.setattr(SessionService, "load_with_user", unreachable)
    async with Socket(client) as socket:
        assert (await socket.receive())["status"] == 503


async def test_a_client_that_goes_away_is_no_error(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.signed_in()
    async with Socket(client) as socket:
        await socket.accepted()
        assert await socket.receive_text() == ALICE
    assert "Traceback" not in caplog.text


@pytest.mark.usefixtures("checked_at_once")
async def test_a_client_that_stops_reading_is_not_heard_after_the_session(client: Client) -> None:
    """A full connection delays the close; what was open to the session must not stay open."""
    heard: list[str] = []
    began, stopped = asyncio.Event(), asyncio.Event()

    @client.app.websocket("/listen")
    async def listen(websocket: WebSocket, auth: CurrentAuth, sessions: Sessions) -> None:
        async def talk() -> None:
            began.set()
            try:
                while True:
                    heard.append((await websocket.receive())["text"])
            finally:
                stopped.set()

        await run_until_session_ends(websocket, auth.session, sessions, talk)

    await client.signed_in()
    async with Socket(client, path="/listen", unread=1) as socket:
        socket.send_text("before")
        await asyncio.wait_for(began.wait(), timeout=10)
        await client.post("/api/logout")
        await asyncio.wait_for(stopped.wait(), timeout=10)
        socket.send_text("after")
        await socket.accepted()
        assert await socket.receive() == SESSION_ENDED
    assert heard == ["before"]


@pytest.mark.usefixtures("checked_at_once")
async def test_a_websocket_counts_until_its_connection_is_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or who reads nothing could sign in again and again, and take all connections after all."""
    monkeypatch.setattr(web_websocket, "MAX_SOCKETS", 1)
    started, stopped = asyncio.Event(), asyncio.Event()

    @client.app.websocket("/listen")
    async def listen(websocket: WebSocket, auth: CurrentAuth, sessions: Sessions) -> None:
        async def talk() -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        await run_until_session_ends(websocket, auth.session, sessions, talk)

    await client.signed_in()
    async with Socket(client, path="/listen", unread=1) as unread:
        await asyncio.wait_for(started.wait(), timeout=10)
        await client.post("/api/logout")
        await asyncio.wait_for(stopped.wait(), timeout=10)
        await client.signed_in()
        async with Socket(client) as refused:
            assert (await refused.receive())["status"] == 403
        await unread.accepted()
        assert await unread.receive() == SESSION_ENDED
    async with Socket(client) as again:
        await again.accepted()


async def test_a_websocket_that_sends_more_than_a_person_could_is_dropped(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.signed_in()
    async with Socket(client) as socket:
        for number in range(web_websocket.MESSAGES_AT_ONCE * 2):
            socket.send_text(str(number))
        await socket.accepted()
        assert await socket.receive_text() == ALICE
        for number in range(web_websocket.MESSAGES_AT_ONCE):
            assert await socket.receive_text() == str(number)
        # Nothing more is said: uvicorn would read on after a close frame.
        assert await socket.rest() == []
    assert caplog.text.count("excess_rate_limit_exceeded") == 1


async def test_a_websocket_of_your_own_is_dropped_as_well(client: Client) -> None:
    heard: list[str] = []

    @client.app.websocket("/own")
    async def listen(websocket: WebSocket, _: CurrentUser) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            heard.append(text)

    await client.signed_in()
    async with Socket(client, path="/own") as socket:
        for _ in range(web_websocket.MESSAGES_AT_ONCE * 2):
            socket.send_text("")
        await socket.accepted()
        assert await socket.rest() == []
    assert len(heard) == web_websocket.MESSAGES_AT_ONCE


async def test_a_websocket_may_stay_busy_for_as_long_as_a_person_does(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    async with Socket(client) as socket:
        await socket.accepted()
        assert await socket.receive_text() == ALICE
        for _ in range(web_websocket.MESSAGES_AT_ONCE // 10):
            clock.turn(1)
            for _ in range(web_websocket.MESSAGES_PER_SECOND):
                socket.send_text("hello")
                assert await socket.receive_text() == "hello"
        # A clock that is put right takes nothing away.
        clock.turn(-3600)
        socket.send_text("hello")
        assert await socket.receive_text() == "hello"


async def test_a_handler_that_only_sends_ends_when_the_client_goes_away(client: Client) -> None:
    stopped = asyncio.Event()

    @client.app.websocket("/prices")
    async def send_prices(websocket: WebSocket, auth: CurrentAuth, sessions: Sessions) -> None:
        async def push() -> None:
            await websocket.send_text("9.99")
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        await push_until_session_ends(websocket, auth.session, sessions, push)

    await client.signed_in()
    async with Socket(client, path="/prices") as socket:
        await socket.accepted()
        assert await socket.receive_text() == "9.99"
        socket.send_text("ignored")
    assert stopped.is_set()


async def test_a_handler_that_has_sent_everything_is_done(client: Client) -> None:
    @client.app.websocket("/price")
    async def send_price(websocket: WebSocket, auth: CurrentAuth, sessions: Sessions) -> None:
        async def push() -> None:
            await websocket.send_text("9.99")

        await push_until_session_ends(websocket, auth.session, sessions, push)

    await client.signed_in()
    async with Socket(client, path="/price") as socket:
        await socket.accepted()
        assert [message["text"] for message in await socket.rest()] == ["9.99"]
