"""A Redis for development and tests, where none is running.

``python -m tests.redis COMMAND`` runs a command, and a Redis for it unless one answers at REDIS_URL
already. For development only: it requires no password, and loses everything when it ends.
"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app import redis
from app.config import Settings, SettingsError
from tests.servers import call_beside, free_port, missing

BINARIES = ("redis-server", "valkey-server")
NOTHING_ON_DISK = ("--save", "", "--appendonly", "no")
SLOTS = 16_384
OK = b"+OK\r\n"


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait ten times as long as the app does: a busy machine is not a broken Redis."""
    times = getattr(request, "param", 10)
    for name in ("TIMEOUT_SECONDS", "STEP_SECONDS"):
        monkeypatch.setattr(redis, name, getattr(redis, name) * times)


def find_binary() -> str | None:
    """Return the path of an installed server."""
    return next(filter(None, map(shutil.which, BINARIES)), None)


@contextmanager
def running(binary: str, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run a server on loopback, in memory, for as long as the block lasts."""
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", *NOTHING_ON_DISK, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            wait_for("Ready to accept connections", server)
            yield server
        finally:
            server.terminate()


def running_node(
    binary: str, folder: Path, port: int, bus: int
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a node of a cluster, without any slots, for as long as the block lasts."""
    file = str(folder / f"{port}.conf")
    options = ("--cluster-enabled", "yes", "--cluster-config-file", file)
    return running(binary, port, *options, "--cluster-port", str(bus))


@contextmanager
def running_cluster(binary: str, folder: Path, nodes: int = 3, *more: int) -> Iterator[list[int]]:
    """Run a cluster on loopback, for as long as the block lasts; yield its ports.

    more: the ports of nodes that have no slots.
    """
    ports = [*(free_port() for _ in range(nodes)), *more]
    buses = [free_port() for _ in ports]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running_node(binary, folder, port, bus))
            for port, bus in zip(ports, buses, strict=True)
        ]
        bounds = [SLOTS * number // nodes for number in range(nodes + 1)]
        for number, port in enumerate(ports[:nodes]):
            first, last = str(bounds[number]), str(bounds[number + 1] - 1)
            assert send(port, "CLUSTER", "ADDSLOTSRANGE", first, last) == OK
        for port, bus in zip(ports[1:], buses[1:], strict=True):
            meet = ("CLUSTER", "MEET", "127.0.0.1", str(port), str(bus))
            assert send(ports[0], *meet) == OK
        for server in servers:
            wait_for("Cluster state changed: ok", server)
        yield ports


def wait_for(words: str, server: subprocess.Popen[str]) -> None:
    """Wait until a server has logged these words. Raises OSError when it exits instead."""
    assert server.stdout is not None
    if not any(words in line for line in server.stdout):
        raise OSError(f"the server ended with status {server.wait()}")


def send(port: int, *words: str) -> bytes:
    """Send one command to a server on loopback; return the raw reply."""
    text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(text.encode())
        return connection.recv(65_536)


def require_binary() -> str:
    """Return the path of an installed server, or skip the test at hand."""
    binary = find_binary()
    if binary is None:
        missing("no Redis server was found: apt-get install redis-server")
    return binary


@contextmanager
def new_redis() -> Iterator[str]:
    """Run a server for as long as the block lasts; yield its URL."""
    port = free_port()
    with running(require_binary(), port):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """Find the server."""
    return require_binary()


@pytest.fixture(scope="session")
def redis_port(redis_binary: str) -> Iterator[int]:
    """Start the server."""
    port = free_port()
    with running(redis_binary, port):
        yield port


@pytest.fixture
def redis_url(redis_port: int) -> str:
    """Return the URL of an empty Redis."""
    assert send(redis_port, "FLUSHALL") == OK
    return f"redis://127.0.0.1:{redis_port}/0"


def main(command: Sequence[str]) -> int:
    """Run a command beside Redis; return its exit status."""
    try:
        url = urlsplit(Settings.load().redis_url.get_secret_value())
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    port = url.port or 6379
    binary = find_binary()
    run = partial(running, binary, port) if binary else None
    return call_beside("Redis", url.hostname or "localhost", port, run, command)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
