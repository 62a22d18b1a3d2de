"""Runs a server of the project's own beside a command or the tests. For development only."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_certificate(folder: Path) -> Path:
    """Write a certificate for localhost, its own authority, and its key; return the file's path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    path = folder / "localhost.pem"
    # A server may refuse a key that others can read.
    path.touch(0o600)
    path.write_bytes(secret + made.public_bytes(pem))
    return path


def missing(reason: str) -> NoReturn:
    """Skip tests whose server is not installed; with REQUIRE_SERVICES=1, fail instead."""
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
    """Run a command, and a server for it unless one answers already; return the exit status.

    run: how to run the server; None when it is not installed.
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
        print(f"The server could not be started: {error}", file=sys.stderr)
        return 1


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def _call(command: Sequence[str]) -> int:
    child = subprocess.Popen(command)
    # Pass the signal on to the command; the server is stopped after it.
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            # The terminal has sent Ctrl-C to the child as well: let it finish.
            continue
