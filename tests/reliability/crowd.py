"""Many connections at once, of a sender who does not behave as a browser does."""

import re
import resource
import selectors
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

CHUNK = 65536

_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def allow_many_connections() -> None:
    """Take as many descriptors as the machine gives, for this process and those it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Crowd:
    """Connections to a port of this machine; closed when the block ends.

    size: how many. address: where they come from. tls, name: what encrypts them, if anything, and
    the host that they ask for.
    """

    def __init__(
        self,
        port: int,
        size: int,
        *,
        address: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        name: str | None = None,
    ) -> None:
        self.answers: Counter[int] = Counter()
        """How many connections were answered with each status."""
        self._waiting = selectors.DefaultSelector()
        self._replies: dict[socket.socket, bytes] = {}
        for _ in range(size):
            one = socket.create_connection(("127.0.0.1", port), source_address=(address, 0))
            if tls:
                one = tls.wrap_socket(one, server_hostname=name)
            one.setblocking(False)
            self._waiting.register(one, selectors.EVENT_READ)
            self._replies[one] = b""

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        for one in list(self._replies):
            self._end(one)
        self._waiting.close()

    @property
    def open(self) -> int:
        """How many connections the server has not closed."""
        return len(self._replies)

    def say(self, data: bytes | Callable[[], bytes]) -> int:
        """Send data on every connection; return how many bytes were taken."""
        taken = 0
        for one in list(self._replies):
            # Who closes is noticed when it is listened to.
            with suppress(OSError):
                taken += one.send(data if isinstance(data, bytes) else data())
        return taken

    def listen(self, seconds: float) -> None:
        """Take in what is answered, and which connections are closed, for at most that long."""
        for key, _ in self._waiting.select(seconds):
            one = key.fileobj
            assert isinstance(one, socket.socket)
            try:
                heard = one.recv(CHUNK)
            except _WAIT:
                continue
            except OSError:
                heard = b""
            if heard:
                self._replies[one] += heard
            else:
                self._end(one)

    def say_until_closed(self, data: bytes, seconds: float) -> int:
        """Send data again and again until the server has closed; how many it has left open."""
        deadline = time.monotonic() + seconds
        while self.open and time.monotonic() < deadline:
            self.say(data)
            self.listen(1)
        return self.open

    def listen_until(self, done: Callable[[], bool], deadline: float) -> bool:
        """Listen until something is so; False when it is not by the deadline (monotonic time)."""
        while not done():
            left = deadline - time.monotonic()
            if left < 0:
                return False
            self.listen(min(left, 1))
        return True

    @property
    def answered(self) -> int:
        """How many have got the beginning of an answer, whether they are open or not."""
        return self.answers.total() + sum(map(bool, self._replies.values()))

    def _end(self, one: socket.socket) -> None:
        self._waiting.unregister(one)
        one.close()
        if found := re.match(rb"HTTP/1\.\d (\d{3})", self._replies.pop(one)):
            self.answers[int(found[1])] += 1
