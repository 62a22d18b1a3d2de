"""The servers that an app keeps its data in, as processes of ours that can be made to fail."""

import os
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from tests import processes
from tests.deploying import program
from tests.project import Project
from tests.reliability.hosts import port_to_keep
from tests.waiting import PATIENCE_SECONDS, wait_until


class RedisStore:
    """A Redis that keeps each write on disk before it answers."""

    def __init__(self, folder: Path) -> None:
        self.port = port_to_keep()
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": folder,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
        }
        self._command = [program("redis-server", "redis-server")]
        for name, value in options.items():
            self._command += [f"--{name}", str(value)]
        self._process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start it, with what it has kept on disk; return once it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(self._answers)

    def stop(self) -> None:
        """Let it end in order."""
        self._process.terminate()
        processes.wait(self._process)

    def kill(self) -> None:
        """Let it end at once, as in a crash."""
        self._process.kill()
        processes.wait(self._process)

    def connections(self) -> int:
        """Count those that others have open."""
        return self.send("CLIENT", "LIST").count(b"laddr=") - 1

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it not run for as long as the block lasts."""
        with _stopped([self._process.pid]):
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        """Let it refuse writes for as long as the block lasts."""
        self.send("CONFIG", "SET", "maxmemory", "1")
        try:
            yield
        finally:
            self.send("CONFIG", "SET", "maxmemory", "0")

    def send(self, *words: str) -> bytes:
        """Send one command; the beginning of its answer."""
        text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
            connection.sendall(text.encode())
            return connection.recv(65_536)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "Redis has ended"
        with suppress(OSError):
            return self.send("PING") == b"+PONG\r\n"
        return False


class PostgreSQLStore:
    """A PostgreSQL that a project knows to find. It trusts whoever connects from this machine."""

    # The app has fifteen connections at most, and there is room for ours.
    MAX_CONNECTIONS = 24

    def __init__(self, project: Project, folder: Path) -> None:
        self.port = port_to_keep()
        self._project = project
        self._folder = folder
        find = "from tests.postgresql import find_binaries; print(find_binaries())"
        self._binaries = Path(project.python("-c", find).strip())
        # PostgreSQL refuses to run as root.
        self._account = "nobody" if os.geteuid() == 0 else None
        if self._account:
            shutil.chown(folder, self._account)
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start it, with what it has kept on disk; return once it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": self.MAX_CONNECTIONS,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._binaries / "postgres", "-D", self._folder / "data", *options],
            cwd=self._folder,
            user=self._account,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers)

    def stop(self) -> None:
        """Let it end in order, without waiting for others to close their connections."""
        self._process.send_signal(signal.SIGINT)
        processes.wait(self._process)

    def kill(self) -> None:
        """Let all its processes end at once, as in a crash."""
        self._process.send_signal(signal.SIGQUIT)
        processes.wait(self._process)

    def connections(self) -> int:
        """Count those that others have open."""
        others = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        [count] = self.ask(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")
        return int(count)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let none of its processes run for as long as the block lasts."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with _stopped([self._process.pid]), _stopped(list(map(int, children.read_text().split()))):
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        """Let it refuse writes for as long as the block lasts."""
        self._set_read_only("on")
        try:
            yield
        finally:
            self._set_read_only("off")

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """Let others have every connection there may be for as long as the block lasts."""
        with ExitStack() as stack:
            first = stack.enter_context(_Client(self.port))
            ours = [first]
            with suppress(Refused):
                while True:
                    ours.append(stack.enter_context(_Client(self.port)))
            # Now for those that the app has. Whose it is shows in the port that it comes from.
            ports = ", ".join(str(each.port) for each in ours)
            first.ask(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE "
                f"backend_type = 'client backend' AND client_port NOT IN ({ports})"
            )
            with suppress(Refused):
                while True:
                    stack.enter_context(_Client(self.port))
            yield

    def ask(self, statement: str) -> list[str]:
        """Run one statement; the first column of its rows."""
        with _Client(self.port) as client:
            return client.ask(statement)

    def _set_read_only(self, value: str) -> None:
        with _Client(self.port) as client:
            client.ask("SET default_transaction_read_only = off")
            client.ask(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            client.ask("SELECT pg_reload_conf()")
        # Once it shows in a new connection, all others have been told.
        wait_until(lambda: self.ask("SHOW default_transaction_read_only") == [value])

    def _answers(self) -> bool:
        assert self._process.poll() is None, "PostgreSQL has ended"
        with suppress(OSError, Refused):
            return self.ask("SELECT 1") == ["1"]
        return False

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "-D", str(self._folder / "data"), *arguments]
        processes.run(command, check=True, cwd=self._folder, user=self._account)


class Refused(Exception):
    """PostgreSQL does not take the connection, or the statement."""


class _Client:
    """A connection to PostgreSQL, as its protocol 3.0 asks for."""

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._stream = self._connection.makefile("rb")
        self.port: int = self._connection.getsockname()[1]

    def __enter__(self) -> Self:
        try:
            self._send(b"", struct.pack("!i", 3 << 16) + b"user\0postgres\0\0")
            self._rows()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._connection.close()

    def ask(self, statement: str) -> list[str]:
        """Run one statement; the first column of its rows."""
        self._send(b"Q", statement.encode() + b"\0")
        return self._rows()

    def _send(self, kind: bytes, body: bytes) -> None:
        self._connection.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _rows(self) -> list[str]:
        """Read up to where it waits for the next statement."""
        rows = []
        while True:
            kind, length = struct.unpack("!ci", self._read(5))
            body = self._read(length - 4)
            if kind == b"E":
                raise Refused(body)
            if kind == b"D":
                [size] = struct.unpack_from("!i", body, 2)
                rows.append(body[6 : 6 + size].decode())
            if kind == b"Z":
                return rows

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionResetError
        return data


@contextmanager
def _stopped(processes: list[int]) -> Iterator[None]:
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)
