"""One connection to Redis for all lookups: the query of every authenticated request.

Requests send their commands without waiting for each other's replies (pipelining). With redis-py,
which takes a connection of its pool for each, a whole request would cost a third more.
"""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import hiredis
from redis.exceptions import ResponseError

DEFAULT_PORT = 6379


class RedisConnection:
    """A connection to one node, opened when it is needed, and again when it was lost.

    url: as in REDIS_URL. timeout: seconds that a command may take.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url = urlsplit(url)
        self._host = self._url.hostname or "localhost"
        # Once: loading the authorities keeps everybody waiting.
        self._tls = ssl.create_default_context() if self._url.scheme == "rediss" else None
        self._timeout = timeout
        self._connecting = asyncio.Lock()
        self._protocol: _RedisProtocol | None = None

    async def send_command(self, *command: str | bytes) -> Any:
        """Send a command that only reads, and return its reply.

        Raises OSError when Redis is out of reach or does not speak its protocol, ResponseError when
        it refuses.
        """
        used = self._protocol
        try:
            async with asyncio.timeout(self._timeout):
                if used:
                    # The server may have been restarted since the connection was opened.
                    with suppress(ConnectionError):
                        return await used.send_command(command)
                return await (await self._reconnect(used)).send_command(command)
        except TimeoutError:
            # Replies come in order: whoever else waits for one of this connection waits in vain.
            if used:
                used.close()
            raise

    def close(self) -> None:
        """Close the connection; the next command opens another one."""
        if self._protocol:
            self._protocol.close()
            self._protocol = None

    async def _reconnect(self, lost: "_RedisProtocol | None") -> "_RedisProtocol":
        """Return the connection that replaces a lost one; the first to ask opens it."""
        async with self._connecting:
            if self._protocol is None or self._protocol is lost:
                self._protocol = await self._connect()
            return self._protocol

    async def _connect(self) -> "_RedisProtocol":
        _, protocol = await asyncio.get_running_loop().create_connection(
            _RedisProtocol,
            self._host,
            self._url.port or DEFAULT_PORT,
            ssl=self._tls,
        )
        user, password = self._url.username, self._url.password
        credentials = [unquote(each) for each in (user, password) if each]
        greeting = [("AUTH", *credentials)] if credentials else []
        greeting.append(("SELECT", self._url.path.strip("/") or "0"))
        try:
            await asyncio.gather(*(protocol.send_command(command) for command in greeting))
        except BaseException:
            protocol.close()
            raise
        return protocol


class _RedisProtocol(asyncio.Protocol):
    """Matches replies with the commands that wait for them."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(replyError=ResponseError)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send_command(self, command: tuple[Any, ...]) -> "asyncio.Future[Any]":
        if self._transport.is_closing():
            raise ConnectionError
        reply = self._loop.create_future()
        # It stays in line if its request is cancelled: its reply will come all the same.
        self._waiting.append(reply)
        self._transport.write(hiredis.pack_command(command))
        return reply

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (received := self._reader.gets()) is not False:
                reply = self._waiting.popleft()
                if reply.done():
                    continue
                if isinstance(received, ResponseError):
                    reply.set_exception(received)
                else:
                    reply.set_result(received)
        except (hiredis.ProtocolError, IndexError):
            # Not Redis, or a reply that nobody has asked for.
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, and tell those who wait for a reply."""
        self._transport.abort()
        for reply in self._waiting:
            if not reply.done():
                reply.set_exception(ConnectionError("Redis has not replied"))
