"""What running a server of the project's own takes, whichever it is. For development only."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn

import pytest


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def missing(reason: str) -> NoReturn:
    """Skip the tests that want a server which is not installed, or fail where it has to be."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def call_beside(
    name: str,
    host: str,
    port: int,
    run: Callable[[], AbstractContextManager[object]] | None,
    command: Sequence[str],
) -> int:
    """Call a command beside a server, unless one answers already; return its exit status.

    run: how to run one, if it is installed.
    """
    if _answers(host, port):
        return _call(command)
    if host not in ("localhost", "127.0.0.1") or run is None:
        print(f"No {name} answers at {host}:{port}: start one, or set its URL.", file=sys.stderr)
        return 1
    print(f"No {name} answers at {host}:{port}: running one for as long as this lasts.")
    try:
        with run():
            return _call(command)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"It could not be run: {error}", file=sys.stderr)
        return 1


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def _call(command: Sequence[str]) -> int:
    child = subprocess.Popen(command)
    # Whoever ends us ends the command, and we go on to end the server.
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            # The terminal told the child as well: let it finish.
            continue
