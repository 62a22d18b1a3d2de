"""The way to Redis: one node, or a cluster, which is asked of the server itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis as Node
from redis.asyncio import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from app.pipeline import Pipeline
from app.unavailable import Unavailable

# How long a turn may take before the request is answered 503, and one step of it: connecting, or
# waiting for an answer.
TIMEOUT_SECONDS = 1.5
STEP_SECONDS = 1

# How many turns are taken at once; the others wait. A connection is kept for each of them.
MAX_TURNS = 64

# Of a cluster, redis-py closes connections while they are being opened elsewhere, and then finds
# None in the place of their streams (AttributeError), or uvloop's closed ones (RuntimeError).
_BROKEN = (RedisError, OSError, AttributeError, RuntimeError)

Command = Sequence[str | bytes | int | float]


class Redis:
    """A pool of connections.

    Every method raises Unavailable within TIMEOUT_SECONDS when Redis is out of reach, and works
    again by itself once it is back.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Node | RedisCluster | None = None
        self._connecting = asyncio.Lock()
        self._turns = asyncio.Semaphore(MAX_TURNS)
        self._pipeline = Pipeline(url, TIMEOUT_SECONDS)

    async def get(self, name: str) -> Any:
        """Return a value, or None: what every authenticated request asks for."""
        if not isinstance(self._client, Node):
            # A cluster, or it is not known yet.
            return await self.run("GET", name)
        try:
            return await self._pipeline.ask("GET", name)
        except _BROKEN as error:
            raise _unavailable(error) from None

    async def run(self, *command: str | bytes | float) -> Any:
        """Run one command; its answer, as redis-py reads it."""
        async with self._reachable() as client:
            return await client.execute_command(*command)

    async def run_all(self, commands: Sequence[Command]) -> list[Any]:
        """Run several commands in one turn, or one for each node; their answers."""
        async with self._reachable() as client:
            pipeline = client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute())

    async def ping(self) -> None:
        """Raise Unavailable unless Redis answers and takes writes."""
        # A read-only replica, a full server and one that is still loading all refuse this.
        await self.run("SET", "app:ready", "", "EX", 1)

    async def close(self) -> None:
        """Give all connections back."""
        self._pipeline.close()
        if self._client is not None:
            await self._client.aclose()

    @asynccontextmanager
    async def _reachable(self) -> AsyncIterator[Node | RedisCluster]:
        """Bound a turn in time, and turn what goes wrong in it into Unavailable."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self._turns:
                yield self._client or await self._connect()
        except _BROKEN as error:
            raise _unavailable(error) from None

    async def _connect(self) -> Node | RedisCluster:
        async with self._connecting:
            if self._client is None:
                options: dict[str, Any] = {
                    "socket_timeout": STEP_SECONDS,
                    "socket_connect_timeout": STEP_SECONDS,
                    # A connection of the pool may have died unnoticed; silence is not asked twice.
                    "retry": Retry(NoBackoff(), 1, (RedisConnectionError,)),
                }
                node = Node.from_url(self._url, **options)
                try:
                    is_cluster = (await node.info("cluster"))["cluster_enabled"]
                except BaseException:
                    await node.aclose()
                    raise
                if is_cluster:
                    await node.aclose()
                    self._client = RedisCluster.from_url(self._url, **options)
                else:
                    self._client = node
            return self._client


def _unavailable(error: Exception) -> Unavailable:
    # Its text may quote the command, and with that what was to be stored.
    return Unavailable(f"Redis: {type(error).__name__}")
