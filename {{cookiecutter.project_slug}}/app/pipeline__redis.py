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

    url: of a single node. timeout: seconds that a question may take.
    """

    def __init__(self, url: str, timeout: float) -> None:
        place = cast(dict[str, Any], parse_url(url))
        self._host: str = place["host"]
        self._port: int = place.get("port", DEFAULT_PORT)
        self._is_encrypted = url.startswith("rediss:")
        account = [place[key] for key in ("username", "password") if key in place]
        self._greeting = [("AUTH", *account)] if account else []
        self._greeting.append(("SELECT", str(place.get("db", 0))))
        self._timeout = timeout
        self._connecting = asyncio.Lock()
        self._wire: _Wire | None = None

    async def ask(self, *command: str | bytes) -> Any:
        """Send a command that only reads, and return its answer.

        Raises OSError when Redis is out of reach or talks nonsense, ResponseError when it refuses.
        """
        ends_at = asyncio.get_running_loop().time() + self._timeout
        wire = self._wire
        if wire:
            # The server may have been started anew since the connection was made.
            with suppress(ConnectionError):
                return await wire.ask(command)
        async with asyncio.timeout_at(ends_at):
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
            lambda: _Wire(self._timeout), self._host, self._port, ssl=encryption
        )
        try:
            await asyncio.gather(*map(wire.ask, self._greeting))
        except BaseException:
            wire.close()
            raise
        return wire


class _Wire(asyncio.Protocol):
    """timeout: seconds after which nobody at the other end is waited for."""

    def __init__(self, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=ResponseError)
        self._asked: deque[tuple[asyncio.Future[Any], float]] = deque()
        """What is not answered yet, and when it was asked."""
        self._timeout = timeout
        self._alarm: asyncio.TimerHandle | None = None
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, command: tuple[Any, ...]) -> "asyncio.Future[Any]":
        if self._is_lost:
            raise ConnectionError
        asked = self._loop.create_future()
        now = self._loop.time()
        # It stays in line when its request has gone meanwhile: its answer comes all the same.
        self._asked.append((asked, now))
        # One alarm for all of them: one for each would cost 4 % of a request.
        if self._alarm is None:
            self._watch(now)
        self._transport.write(hiredis.pack_command(command))
        return asked

    def _watch(self, asked_at: float) -> None:
        self._alarm = self._loop.call_at(asked_at + self._timeout, self._look_again, asked_at)

    def _look_again(self, watched: float) -> None:
        """Give the connection up if the oldest question is one of those that were watched."""
        self._alarm = None
        if not self._asked:
            return
        _, asked_at = self._asked[0]
        if asked_at > watched:
            self._watch(asked_at)
        else:
            self.close(TimeoutError)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                asked, _ = self._asked.popleft()
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
        self.close()

    def close(self, error: type[OSError] = ConnectionError) -> None:
        """Let go of the connection. error: what those are told who wait for an answer."""
        self._is_lost = True
        self._transport.abort()
        if self._alarm:
            self._alarm.cancel()
        for asked, _ in self._asked:
            if not asked.done():
                asked.set_exception(error("Redis has not answered"))
