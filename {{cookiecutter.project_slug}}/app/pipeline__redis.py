"""One connection to Redis for all look-ups: the questions of many requests go out at once.

Answers come back in the order of the questions (pipelining), so that nobody waits for a connection
of their own, and what several ask at the same time costs one turn of the network.
"""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from typing import Any, cast

import hiredis
from redis.asyncio.connection import parse_url
from redis.exceptions import ResponseError

DEFAULT_PORT = 6379


class Pipeline:
    """A connection that is made when it is first needed, and anew when it was lost.

    url: of a single node.
    """

    def __init__(self, url: str) -> None:
        place = cast(dict[str, Any], parse_url(url))
        self._host: str = place["host"]
        self._port: int = place.get("port", DEFAULT_PORT)
        self._is_encrypted = url.startswith("rediss:")
        account = [place[key] for key in ("username", "password") if key in place]
        self._greeting = [("AUTH", *account)] if account else []
        self._greeting.append(("SELECT", str(place.get("db", 0))))
        self._connecting = asyncio.Lock()
        self._wire: _Wire | None = None

    async def ask(self, *command: str | bytes) -> Any:
        """Send a command that only reads, and return its answer.

        Raises OSError when Redis is out of reach or talks nonsense, ResponseError when it refuses.
        """
        wire = self._wire
        if wire:
            # The server may have been started anew since the connection was made.
            with suppress(ConnectionError):
                return await wire.ask(command)
        return await (await self._wire_after(wire)).ask(command)

    def close(self) -> None:
        """Close the connection; the next command makes a new one."""
        if self._wire:
            self._wire.close()
            self._wire = None

    async def _wire_after(self, lost: "_Wire | None") -> "_Wire":
        """Return the connection that has taken the place of one; the first to ask makes it."""
        async with self._connecting:
            if self._wire is None or self._wire is lost:
                self._wire = await self._connect()
            return self._wire

    async def _connect(self) -> "_Wire":
        encryption = ssl.create_default_context() if self._is_encrypted else None
        _, wire = await asyncio.get_running_loop().create_connection(
            _Wire, self._host, self._port, ssl=encryption
        )
        try:
            await asyncio.gather(*map(wire.ask, self._greeting))
        except BaseException:
            wire.close()
            raise
        return wire


class _Wire(asyncio.Protocol):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=ResponseError)
        self._asked: deque[asyncio.Future[Any]] = deque()
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, command: tuple[Any, ...]) -> "asyncio.Future[Any]":
        if self._is_lost:
            raise ConnectionError
        asked = self._loop.create_future()
        # It stays in line when its request has gone meanwhile: its answer comes all the same.
        self._asked.append(asked)
        self._transport.write(hiredis.pack_command(command))
        return asked

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                asked = self._asked.popleft()
                if asked.done():
                    continue
                if isinstance(answer, ResponseError):
                    asked.set_exception(answer)
                else:
                    asked.set_result(answer)
        except (hiredis.ProtocolError, IndexError):
            # No Redis, or an answer that nobody has asked for.
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._is_lost = True
        for asked in self._asked:
            if not asked.done():
                asked.set_exception(ConnectionError("the connection to Redis was lost"))

    def close(self) -> None:
        self._is_lost = True
        self._transport.abort()
