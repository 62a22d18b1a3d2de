"""A relay between an app and its store on loopback, that passes answers on as it is told: badly."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress

from tests import processes

CHUNK_BYTES = 65_536

# Gives what is passed on of a piece of an answer.
Way = Callable[[bytes], Awaitable[bytes]]


class Broken(Exception):
    """The connection breaks after so much of an answer."""

    def __init__(self, passed: bytes) -> None:
        super().__init__()
        self.passed = passed


async def as_it_is(answer: bytes) -> bytes:
    """Pass an answer on."""
    return answer


async def cut(answer: bytes) -> bytes:
    """Break the connection before an answer is complete.

    Several may come at once, and the shortest that there is has four bytes.
    """
    raise Broken(answer[:3])


def late(seconds: float) -> Way:
    """Pass an answer on after so many seconds."""

    async def wait(answer: bytes) -> bytes:
        await asyncio.sleep(seconds)
        return answer

    return wait


def replaced(by: bytes) -> Way:
    """Pass on something else."""

    async def replace(_: bytes) -> bytes:
        return by

    return replace


class Relay:
    """Listens on a free port of loopback, and passes on to the port of a store."""

    def __init__(self, store: int) -> None:
        self._store = store
        self._way: Way = as_it_is
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server
        # Bound and not listening, it refuses, and nobody else gets the port.
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()

    @property
    def connections(self) -> int:
        """How many connections the app has open."""
        return len(self._open)

    @contextmanager
    def running(self) -> Iterator["Relay"]:
        """Pass on for as long as the block lasts."""
        thread = processes.thread(self._loop.run_forever)
        self._do(self._listen())
        try:
            yield self
        finally:
            self._do(self._refuse())
            self._socket.close()
            self._loop.call_soon_threadsafe(self._loop.stop)
            processes.join(thread)
            self._loop.close()

    @contextmanager
    def passing(self, way: Way) -> Iterator[None]:
        """Pass answers on that way for as long as the block lasts."""
        self._way = way
        try:
            yield
        finally:
            self._way = as_it_is

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Break every connection and refuse new ones for as long as the block lasts."""
        self._do(self._refuse())
        try:
            yield
        finally:
            self._do(self._listen())

    def _do(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(processes.PATIENCE_SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._socket)

    async def _refuse(self) -> None:
        self._server.close()
        self._socket = _bound(self.port)
        for writer in self._open:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError):
                await self._join(reader, writer)
        finally:
            writer.transport.abort()
            self._open.remove(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on both ways, until either side closes."""
        answers, store = await asyncio.open_connection("127.0.0.1", self._store)
        passing = {
            asyncio.create_task(self._pass(reader, store, is_answer=False)),
            asyncio.create_task(self._pass(answers, writer, is_answer=True)),
        }
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in passing:
                task.cancel()
            await asyncio.gather(*passing, return_exceptions=True)
            store.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        while piece := await source.read(CHUNK_BYTES):
            try:
                to.write(await self._way(piece) if is_answer else piece)
            except Broken as broken:
                to.write(broken.passed)
                return
            await to.drain()


def _bound(port: int) -> socket.socket:
    """Return a socket that has a port of loopback; 0 for any that is free."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound
