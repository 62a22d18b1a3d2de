"""Turns: what must not happen all at once is done one after another, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from weakref import WeakValueDictionary

from app.errors import Overloaded

# For how long a request waits for those before it that come from the same address or user.
TURN_SECONDS = 5


class Turns:
    """Lets requests that have a key in common go one after another, within this process."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def take(self, key: str) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else has the turn of that key. Raises Overloaded."""
        return hold(self._locks.setdefault(key, asyncio.Lock()), TURN_SECONDS)


@asynccontextmanager
async def hold(lock: asyncio.Lock | asyncio.Semaphore, seconds: float) -> AsyncIterator[None]:
    """Wait for a lock, and hold it while the block lasts. Raises Overloaded after some seconds."""
    try:
        async with asyncio.timeout(seconds):
            await lock.acquire()
    except TimeoutError:
        raise Overloaded from None
    try:
        yield
    finally:
        lock.release()
