"""A Redis of the project's own, for machines on which none is running.

``python -m tests.redis COMMAND`` runs a command beside one, unless the Redis of the settings
answers already. For development only: it asks for no password, and keeps nothing when it ends.
"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

import pytest

from app.settings import Settings, SettingsError
from tests.servers import call_beside, free_port, missing

BINARIES = ("redis-server", "valkey-server")
NOTHING_ON_DISK = ("--save", "", "--appendonly", "no")


def find_binary() -> str | None:
    """Return where a server is installed."""
    return next(filter(None, map(shutil.which, BINARIES)), None)


@contextmanager
def running(binary: str, port: int) -> Iterator[None]:
    """Run a server on loopback, in memory, for as long as the block lasts."""
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", *NOTHING_ON_DISK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                if "Ready to accept connections" in line:
                    break
            else:
                raise OSError(f"{binary} ended with status {server.wait()}")
            yield
        finally:
            server.terminate()


def send(port: int, *words: str) -> bytes:
    """Send one command to a server on loopback; return its answer as it came."""
    text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(text.encode())
        return connection.recv(65_536)


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """Find the server."""
    binary = find_binary()
    if binary is None:
        missing("no Redis server was found: apt-get install redis-server")
    return binary


@pytest.fixture(scope="session")
def redis_port(redis_binary: str) -> Iterator[int]:
    """Start the server."""
    port = free_port()
    with running(redis_binary, port):
        yield port


@pytest.fixture
def redis_url(redis_port: int) -> str:
    """Return the URL of a Redis that holds nothing."""
    assert send(redis_port, "FLUSHALL") == b"+OK\r\n"
    return f"redis://127.0.0.1:{redis_port}/0"


def main(command: Sequence[str]) -> int:
    """Run a command beside a Redis; return its exit status."""
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
