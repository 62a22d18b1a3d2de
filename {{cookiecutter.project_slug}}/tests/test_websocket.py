"""The WebSocket: the same session, and no longer than it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.websockets import WebSocket

from app.database import TIMEOUT_SECONDS
from app.errors import StoreUnavailable
from app.web import sockets
from app.web.dependencies import CurrentSignedIn
from app.web.request_session import CurrentServices
from tests.client import COOKIE, Client
from tests.conftest import PRODUCTION, Clock, Start
from tests.websocket import Socket

FRONT_END = "https://front.example"


@pytest.fixture
def checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for the end of a session without waiting."""
    monkeypatch.setattr(sockets, "CHECK_SECONDS", 0.01)


async def test_it_says_who_is_signed_in(client: Client) -> None:
    await client.signed_in()
    async with Socket(client) as socket:
        assert (await socket.receive())["type"] == "websocket.accept"
        assert (await socket.receive())["text"] == '{"username":"alice"}'
        socket.send({"type": "websocket.receive", "text": "hello"})
        socket.send({"type": "websocket.receive", "bytes": b"\xff"})


async def test_without_a_session_it_is_closed_as_a_violation_of_policy(client: Client) -> None:
    for header in ({}, {"cookie": f"{COOKIE}=forged"}):
        async with Socket(client, header) as socket:
            assert (await socket.receive())["type"] == "websocket.accept"
            closed = await socket.receive()
            assert (closed["type"], closed["code"]) == ("websocket.close", 1008)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://localhost.evil.example"},
        {"origin": "https://localhost:444"},
        {"origin": "http://localhost"},
        {"sec-fetch-site": "same-site", "origin": "https://sub.localhost"},
        {"sec-fetch-site": "cross-site"},
    ],
    ids=str,
)
async def test_a_handshake_from_another_origin_is_refused(
    client: Client, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    await client.signed_in()
    async with Socket(client, headers) as socket:
        refused = await socket.receive()
        assert refused["type"] == "websocket.http.response.start"
        assert refused["status"] == 403
        names = {name for name, _ in refused["headers"]}
        assert {b"content-security-policy", b"x-content-type-options"} <= names
    assert "malicious_cors" in caplog.text


async def test_a_page_of_ours_and_a_trusted_front_end_may_open_it(start: Start) -> None:
    client = await Client(await start(trusted_origins=FRONT_END)).signed_in()
    for headers in (
        {"origin": "https://localhost", "sec-fetch-site": "same-origin"},
        {"origin": FRONT_END, "sec-fetch-site": "cross-site"},
    ):
        async with Socket(client, headers) as socket:
            assert (await socket.receive())["type"] == "websocket.accept"
            assert "alice" in (await socket.receive())["text"]


async def test_a_host_that_is_not_ours_is_refused(start: Start) -> None:
    client = await Client(await start(**PRODUCTION, allow_registration=True)).signed_in()
    async with Socket(client, {"host": "evil.example"}) as socket:
        assert (await socket.receive())["status"] == 400


async def log_out(client: Client, _: Clock) -> None:
    await client.post("/api/logout")


async def close_account(client: Client, _: Clock) -> None:
    await client.app.state.services.users.disable("alice")


async def let_it_expire(_: Client, clock: Clock) -> None:
    clock.turn(3600)


@pytest.mark.usefixtures("checked_at_once")
@pytest.mark.parametrize("end", [log_out, close_account, let_it_expire])
async def test_it_closes_when_the_session_ends(
    client: Client, clock: Clock, end: Callable[[Client, Clock], Awaitable[None]]
) -> None:
    await client.signed_in()
    async with Socket(client) as socket:
        assert (await socket.receive())["type"] == "websocket.accept"
        assert "alice" in (await socket.receive())["text"]
        await end(client, clock)
        assert await socket.receive() == {
            "type": "websocket.close",
            "code": 1008,
            "reason": "Sign in first.",
        }


def test_the_end_is_noticed_within_five_seconds() -> None:
    assert 0 < sockets.CHECK_SECONDS < 5 - TIMEOUT_SECONDS


@pytest.mark.usefixtures("checked_at_once")
async def test_an_open_socket_is_no_use_of_the_session(
    client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.signed_in()
    sessions = client.app.state.services.sessions
    is_active, looked = sessions.is_active, asyncio.Event()

    async def note(token: str) -> bool:
        looked.set()
        live: bool = await is_active(token)
        return live

    monkeypatch.setattr(sessions, "is_active", note)
    async with Socket(client) as socket:
        assert (await socket.receive())["type"] == "websocket.accept"
        assert "alice" in (await socket.receive())["text"]
        clock.turn(3599)
        looked.clear()
        await asyncio.wait_for(looked.wait(), timeout=10)
        clock.turn(1)
        assert (await socket.receive())["code"] == 1008


@pytest.mark.usefixtures("checked_at_once")
async def test_it_asks_to_come_back_while_a_store_is_out_of_reach(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> bool:
        raise StoreUnavailable

    await client.signed_in()
    monkeypatch.setattr(client.app.state.services.sessions, "is_active", unreachable)
    async with Socket(client) as socket:
        assert (await socket.receive())["type"] == "websocket.accept"
        assert "alice" in (await socket.receive())["text"]
        assert (await socket.receive())["code"] == 1013


async def test_a_talk_that_the_other_side_cuts_off_is_no_error(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    async def chat(
        websocket: WebSocket, signed_in: CurrentSignedIn, services: CurrentServices
    ) -> None:
        async def talk() -> None:
            while True:
                await websocket.send_text(await websocket.receive_text())

        await sockets.run_until_session_ends(websocket, signed_in.session, services.sessions, talk)

    app = await start()
    app.add_api_websocket_route("/chat", chat)
    client = await Client(app).signed_in()
    async with Socket(client, path="/chat") as socket:
        assert (await socket.receive())["type"] == "websocket.accept"
        socket.send({"type": "websocket.receive", "text": "hello"})
        assert (await socket.receive())["text"] == "hello"
    assert "Traceback" not in caplog.text


@pytest.mark.usefixtures("checked_at_once")
async def test_a_side_that_stops_reading_is_not_listened_to_any_more(start: Start) -> None:
    """A full connection holds up the close; what was open to the session must not stay open."""
    heard: list[str] = []
    began, stopped = asyncio.Event(), asyncio.Event()

    async def listen(
        websocket: WebSocket, signed_in: CurrentSignedIn, services: CurrentServices
    ) -> None:
        async def talk() -> None:
            began.set()
            try:
                while True:
                    heard.append((await websocket.receive())["text"])
            finally:
                stopped.set()

        await sockets.run_until_session_ends(websocket, signed_in.session, services.sessions, talk)

    app = await start()
    app.add_api_websocket_route("/listen", listen)
    client = await Client(app).signed_in()
    async with Socket(client, path="/listen", unread=1) as socket:
        socket.send({"type": "websocket.receive", "text": "before"})
        await asyncio.wait_for(began.wait(), timeout=10)
        await client.post("/api/logout")
        await asyncio.wait_for(stopped.wait(), timeout=10)
        socket.send({"type": "websocket.receive", "text": "after"})
        assert (await socket.receive())["type"] == "websocket.accept"
        assert (await socket.receive())["code"] == 1008
    assert heard == ["before"]


async def test_a_store_that_is_out_of_reach_opens_none(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise StoreUnavailable

    await client.signed_in()
    monkeypatch.setattr(client.app.state.services.sessions, "load_with_user", unreachable)
    async with Socket(client) as socket:
        assert (await socket.receive())["status"] == 503
