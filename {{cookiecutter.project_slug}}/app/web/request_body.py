"""The body of a request, of which no more is read than is allowed (ASVS 5.0 15.2.2)."""

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.types import Message, Receive, Scope

# What is read of a body that nobody wants, at most.
DRAIN_BYTES, DRAIN_SECONDS = 16 * 1024 * 1024, 1


class RequestBody:
    """Receives the body for the app, and tells what has become of it."""

    def __init__(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, max_bytes: int
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._max_bytes = max_bytes
        announced = headers.get(b"content-length", b"")
        # Twenty digits are enough; int() is slow on very long ones.
        self._size = int(announced[:20]) if announced.isdigit() else 0
        self._received = 0
        # Whether the response has started.
        self.is_answered = False
        # Whether more may follow than anybody has a use for.
        is_announced = b"transfer-encoding" in headers or self._size > max_bytes
        self.is_endless = is_announced and scope["type"] == "http"

    async def receive(self) -> Message:
        """Return the next part of it (ASGI). Raises HTTPException when it is too large.

        What streams a response meanwhile is only told when the client has gone.
        """
        # A route's own max_body_size wins.
        limit = self._scope.get(MAX_BODY_SIZE_SCOPE_KEY, self._max_bytes)
        while True:
            if self._size > limit:
                # What streams a response listens first, and begins a moment later.
                await asyncio.sleep(0)
                if not self.is_answered:
                    raise HTTPException(413, "The request body is too large.")
            message = await self._next()
            if self._size <= limit or message["type"] == "http.disconnect":
                return message

    async def drain(self) -> None:
        """Read on for a moment before the connection is closed.

        With something on its way, closing it could take the answer from the client (RFC 9112, 9.6).
        """
        enough = self._received + DRAIN_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self.is_endless and self._received < enough:
                    await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        self._size = max(self._size, self._received)
        if not message.get("more_body"):
            self.is_endless = False
        return message
