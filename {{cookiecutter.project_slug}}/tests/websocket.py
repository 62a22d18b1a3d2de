"""What a test does over a WebSocket, in words."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from tests.client import COOKIE, Client
from tests.recorder import HEADERS, TOKENS
from tests.routes import SOCKET

# What a server says that can refuse a handshake with any response.
RESPONSE: Mapping[str, object] = {"websocket.http.response": {}}

SESSION_ENDED = {"type": "websocket.close", "code": 1008, "reason": "Sign in first."}


class Socket:
    """The client's end of a WebSocket; the test reads what the app sends."""

    def __init__(
        self,
        client: Client,
        headers: Mapping[str, str] | None = None,
        path: str = SOCKET,
        unread: int = 0,
        query: str = "",
        extensions: Mapping[str, object] | None = RESPONSE,
    ) -> None:
        """unread: how many messages the connection holds before the app has to wait; 0 for all."""
        sent = {"host": "localhost", **(headers or {})}
        if client.token:
            sent["cookie"] = f"{COOKIE}={client.token}"
        self._scope: dict[str, Any] = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "scheme": "wss",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("192.0.2.1", 50_000),
            "server": ("localhost", 443),
            "subprotocols": [],
            "extensions": extensions,
        }
        self._app: Any = client.app
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue(unread)
        self._to_app.put_nowait({"type": "websocket.connect"})

    async def __aenter__(self) -> Self:
        self._running = asyncio.ensure_future(
            self._app(self._scope, self._to_app.get, self._from_app.put)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        self.send({"type": "websocket.disconnect", "code": 1001})
        if kind:
            self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=kind is not None)

    def send(self, message: dict[str, Any]) -> None:
        """Send the app a message."""
        self._to_app.put_nowait(message)

    def send_text(self, text: str) -> None:
        """Send the app a text."""
        self.send({"type": "websocket.receive", "text": text})

    async def receive(self) -> dict[str, Any]:
        """Return the next message of the app, which shows no token and lacks no header."""
        message = await asyncio.wait_for(self._from_app.get(), timeout=10)
        assert not any(token in repr(message) for token in TOKENS)
        if message["type"] == "websocket.http.response.start":
            sent = [(name.decode(), value.decode()) for name, value in message["headers"]]
            assert set(HEADERS.items()) <= set(sent)
        return message

    async def accepted(self) -> None:
        """Check that the app accepts the connection."""
        assert (await self.receive())["type"] == "websocket.accept"

    async def receive_text(self) -> str:
        """Return the next message of the app, which is a text."""
        return str((await self.receive())["text"])

    async def rest(self) -> list[dict[str, Any]]:
        """Wait until the app is done, and return the messages that are still to be received."""
        await asyncio.wait_for(asyncio.shield(self._running), timeout=10)
        return [self._from_app.get_nowait() for _ in range(self._from_app.qsize())]
