"""What goes wrong over a WebSocket reaches the client: as a response, or as the code of its end."""

from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI, HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from app.errors import StoreUnavailable
from app.sessions.session import SessionEnded
from app.web import websocket as web_websocket
from app.web.dependencies import RequireSession, public
from tests.client import Client
from tests.websocket import SESSION_ENDED, Socket

ERRORS = [(HTTPException(403, "No."), 403, 1008), (StoreUnavailable(), 503, 1013)]


def talking(talk: Callable[[WebSocket], Awaitable[None]]) -> ASGIApp:
    """Return an app, of no framework, that holds a conversation."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await talk(WebSocket(scope, receive, send))

    return app


def serve(app: FastAPI, talk: Callable[[WebSocket], Awaitable[None]]) -> tuple[str, ...]:
    """Hold a conversation at each place where one may be held, and return the paths."""
    mounted = FastAPI(openapi_url=None)
    for each, path in ((app, "/own"), (mounted, "/mounted")):

        @each.websocket(path)
        @public
        async def converse(websocket: WebSocket) -> None:
            await talk(websocket)

    app.mount("/app", mounted)
    app.mount("/session", RequireSession(talking(talk)))
    return "/own", "/app/mounted", "/session/"


async def said(socket: Socket) -> list[tuple[str, int | None]]:
    """Return what the app says until it is done: kind, and status or code."""
    messages = await socket.rest()
    kinds = [each["type"].removeprefix("websocket.") for each in messages]
    return [
        (kind, each.get("status", each.get("code")))
        for kind, each in zip(kinds, messages, strict=True)
    ]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
async def test_an_error_is_a_response_or_the_end_wherever_it_is_raised(
    client: Client, error: Exception, status: int, code: int
) -> None:
    async def talk(websocket: WebSocket) -> None:
        if websocket.query_params:
            await websocket.accept()
        raise error

    paths = serve(client.app, talk)
    await client.signed_in()
    for path in paths:
        async with Socket(client, path=path) as socket:
            assert (await socket.receive())["status"] == status
        async with Socket(client, path=path, query="open") as socket:
            assert await said(socket) == [("accept", None), ("close", code)]


async def test_whoever_says_nothing_has_refused(client: Client) -> None:
    async def talk(websocket: WebSocket) -> None:
        return

    paths = serve(client.app, talk)
    await client.signed_in()
    for path in paths:
        async with Socket(client, path=path) as socket:
            refused = await socket.receive()
            assert refused["status"] == 403
            assert b"content-security-policy" in dict(refused["headers"])


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
@pytest.mark.parametrize("left", [False, True])
async def test_an_error_after_the_end_is_not_said(
    client: Client, error: Exception, status: int, code: int, left: bool
) -> None:
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        if left:
            await websocket.receive()
        else:
            await websocket.close(4000)
        raise error

    paths = serve(client.app, talk)
    await client.signed_in()
    for path in paths:
        async with Socket(client, path=path) as socket:
            socket.send({"type": "websocket.disconnect", "code": 1001})
            assert await said(socket) == [("accept", None), ("close", 4000)][: 2 - left]


async def test_a_session_that_ends_meanwhile_ends_the_socket_of_an_app_behind_it(
    client: Client,
) -> None:
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        raise SessionEnded

    serve(client.app, talk)
    for signs_in in (False, True):
        if signs_in:
            await client.signed_in()
        async with Socket(client, path="/session/") as socket:
            await socket.accepted()
            assert await socket.rest() == [SESSION_ENDED]


async def test_a_handshake_that_is_refused_has_the_security_headers(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_websocket, "MAX_SOCKETS", 0)

    async def refuse(websocket: WebSocket) -> None:
        await websocket.close()

    paths = serve(client.app, refuse)
    await client.signed_in()
    for path in (*paths, "/test/ws", "/nowhere", "/app/nowhere", "/api/me"):
        async with Socket(client, path=path) as socket:
            response = await socket.receive()
            assert (response["type"], response["status"]) == ("websocket.http.response.start", 403)
            assert await said(socket) == [("http.response.body", None)]


async def test_a_server_that_takes_no_response_refuses_in_its_own_way(client: Client) -> None:
    async with Socket(client, path="/nowhere", extensions=None) as socket:
        assert await said(socket) == [("close", 1000)]


@pytest.mark.parametrize("error", [ZeroDivisionError(), HTTPException(101), HTTPException(999)])
async def test_what_nobody_expects_is_500_and_in_the_log_of_the_server(
    client: Client, error: Exception
) -> None:
    async def fail(_: WebSocket) -> None:
        raise error

    paths = serve(client.app, fail)
    await client.signed_in()
    for path in paths:
        with pytest.raises((ZeroDivisionError, ValueError)):
            async with Socket(client, path=path) as socket:
                assert (await socket.receive())["status"] == 500


async def test_what_nobody_expects_ends_a_websocket_that_is_open(client: Client) -> None:
    async def fail(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ZeroDivisionError

    paths = serve(client.app, fail)
    await client.signed_in()
    for path in paths:
        with pytest.raises(ZeroDivisionError):
            async with Socket(client, path=path) as socket:
                await socket.accepted()
                assert (await socket.receive())["code"] == 1013


async def test_a_middleware_of_yours_may_refuse_a_websocket(app: FastAPI) -> None:
    def refuse(_: ASGIApp) -> ASGIApp:
        async def refused(_: Scope, __: Receive, ___: Send) -> None:
            raise HTTPException(418, "No tea.")

        return refused

    app.user_middleware.append(Middleware(refuse))
    async with Socket(Client(app)) as socket:
        assert (await socket.receive())["status"] == 418
        assert b"No tea." in (await socket.receive())["body"]
