"""How Redis is reached: one node, or a cluster, which is found out from the server itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis as Node
from redis.asyncio import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError

from app.config import PROJECT
from app.errors import StoreUnavailable
from app.redis_connection import RedisConnection

# How long a round trip may take before the request is answered 503, and one step of it: connecting,
# or waiting for an answer.
TIMEOUT_SECONDS = 1.5
STEP_SECONDS = 1

# How many round trips are under way at once; the others wait. A connection is kept for each.
MAX_CONNECTIONS = 64

# How many names are looked for, or deleted, in one round trip.
BATCH = 1_000

# Of a cluster, redis-py closes connections while they are being opened elsewhere, and then finds
# None in the place of their streams (AttributeError), or uvloop's closed ones (RuntimeError).
# A server that is no Redis has no "cluster_enabled" (KeyError).
_BROKEN = (RedisError, RedisClusterException, OSError, AttributeError, RuntimeError, KeyError)

Command = Sequence[str | bytes | int | float]


class Redis:
    """A pool of connections.

    Every method raises StoreUnavailable within TIMEOUT_SECONDS when Redis is out of reach, and
    works again by itself once it is back.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._options: dict[str, Any] = {
            "socket_timeout": STEP_SECONDS,
            "socket_connect_timeout": STEP_SECONDS,
            # A connection of the pool may have died unnoticed; a timeout is not retried.
            "retry": Retry(NoBackoff(), 1, (RedisConnectionError,)),
        }
        # One for all attempts: each new one would load the authorities of TLS.
        self._node = Node.from_url(url, **self._options)
        self._client: Node | RedisCluster | None = None
        self._connecting = asyncio.Lock()
        self._semaphore = asyncio.Semaphore(MAX_CONNECTIONS)
        self._lookups = RedisConnection(url, TIMEOUT_SECONDS)

    async def get(self, name: str) -> Any:
        """Return a value, or None."""
        if not isinstance(self._client, Node):
            # A cluster, or it is not known yet.
            return await self.run("GET", name)
        try:
            return await self._lookups.send_command("GET", name)
        except _BROKEN as error:
            raise _unavailable(error) from None

    async def run(self, *command: str | bytes | float) -> Any:
        """Run one command; return its answer, as redis-py reads it."""
        async with self._available() as client:
            return await client.execute_command(*command)

    async def run_all(self, commands: Sequence[Command]) -> list[Any]:
        """Run several commands in one round trip, or one for each node; return their answers."""
        async with self._available() as client:
            pipeline = client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute())

    async def delete_matching(self, pattern: str) -> None:
        """Delete whatever has a name of that pattern, in batches; Redis answers others meanwhile.

        What is added meanwhile may be deleted or not.
        """
        async with self._available() as client:
            names = client.scan_iter(match=pattern, count=BATCH)
        batch: list[Command] = []
        try:
            async for name in names:
                batch.append(("UNLINK", name))
                if len(batch) == BATCH:
                    await self.run_all(batch)
                    batch.clear()
        except _BROKEN as error:
            raise _unavailable(error) from None
        if batch:
            await self.run_all(batch)

    async def ping(self) -> None:
        """Raise StoreUnavailable unless Redis answers and takes writes."""
        # A read-only replica, a full server and one that is still loading all refuse this.
        await self.run("SET", f"{PROJECT['slug']}:ready", "", "EX", 1)

    async def close(self) -> None:
        """Close all connections."""
        self._lookups.close()
        await self._node.aclose()
        if isinstance(self._client, RedisCluster):
            await self._client.aclose()

    @asynccontextmanager
    async def _available(self) -> AsyncIterator[Node | RedisCluster]:
        """Bound a round trip in time, and turn what goes wrong in it into StoreUnavailable."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self._semaphore:
                client = self._client or await self._connect()
                try:
                    yield client
                except RedisClusterException:
                    self._forget(client)
                    raise
        except _BROKEN as error:
            raise _unavailable(error) from None

    def _forget(self, client: Node | RedisCluster) -> None:
        """Begin at REDIS_URL again: it may lead to others than the nodes that were discovered."""
        has_discovered = isinstance(client, RedisCluster) and client.get_nodes()
        if has_discovered and client is self._client:
            self._client = None

    async def _connect(self) -> Node | RedisCluster:
        async with self._connecting:
            if self._client is None:
                is_cluster = (await self._node.info("cluster"))["cluster_enabled"]
                self._client = (
                    RedisCluster.from_url(self._url, **self._options) if is_cluster else self._node
                )
            return self._client


def _unavailable(error: Exception) -> StoreUnavailable:
    # Its text may quote the command, and with that what was to be stored.
    return StoreUnavailable(f"Redis: {type(error).__name__}")
